// Package eval scores a model through the real engine, with the prompts, the
// tokenizer and the kernels of a device: on the validation sentences of Home
// Assistant in English and Chinese, and on questions that are no device
// command.
//
// It only reads; what it measures goes into a Report that people and the
// bundle's manifest get.
package eval

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"time"

	"github.com/a472be26/cusp/distill/dataset"
	"github.com/a472be26/cusp/infer/assistant"
	"github.com/a472be26/cusp/infer/chat"
	"github.com/a472be26/cusp/infer/sample"
	"github.com/a472be26/cusp/router/calibrate"
)

// maxAnswer bounds an answer; the longest right one has about forty tokens.
const maxAnswer = 96

// Progress is called after every question with how many are done. Calls may
// come from several goroutines, one at a time.
type Progress func(done, total int)

// Evaluate scores a model on the validation data under dataDir. Without a
// calibration nothing is counted as answered locally.
func Evaluate(ctx context.Context, model *assistant.Assistant, cal *calibrate.Calibration, dataDir string, progress Progress) (Report, error) {
	// 1. The questions.
	cases, err := validation(dataDir)
	if err != nil {
		return Report{}, err
	}
	foreign, err := dataset.OutOfDomain(dataDir)
	if err != nil {
		return Report{}, fmt.Errorf("evaluation: %w", err)
	}
	texts := make([]string, 0, len(cases)+len(foreign))
	for _, c := range cases {
		texts = append(texts, c.Text)
	}
	texts = append(texts, foreign...)
	// 2. The answers.
	start := time.Now()
	answers, err := Ask(ctx, model, texts, progress)
	if err != nil {
		return Report{}, err
	}
	// 3. The score.
	r := Report{Model: model.Name(), Languages: map[string]*Score{}, Excluded: dataset.NearClinc}
	if cal != nil {
		r.Threshold, r.Alpha = cal.Threshold, cal.Alpha
	}
	for i, c := range cases {
		r.add(c, answers[i], accepted(cal, c.Text, answers[i]))
	}
	for i, a := range answers[len(cases):] {
		r.addForeign(a, accepted(cal, foreign[i], a))
	}
	r.Speed = SpeedOf(answers, time.Since(start))
	return r, nil
}

// accepted reports whether the router would give this answer locally.
func accepted(cal *calibrate.Calibration, text string, a Answer) bool {
	return cal != nil && !cal.Declined(a.Text) && cal.Confidence(Evidence(text, a)) >= cal.Threshold
}

// Answer is what the model said to one text.
type Answer struct {
	Text            string
	Finish          string // infer.FinishStop or infer.FinishLength
	Tokens          []calibrate.Token
	Entropies       []float32 // of the softmax at each token, in nats; only where the likeliest tokens were asked for
	PromptTokens    int
	Prefill, Decode time.Duration
}

// Evidence is what the router knows of an answer to a text.
func Evidence(text string, a Answer) calibrate.Evidence {
	return calibrate.Evidence{Tokens: a.Tokens, Question: text, Answer: a.Text}
}

// Ask puts every text to the model as a conversation of its own, greedily.
func Ask(ctx context.Context, model *assistant.Assistant, texts []string, progress Progress) ([]Answer, error) {
	questions := make([][]chat.Message, len(texts))
	for i, text := range texts {
		questions[i] = []chat.Message{{Role: "user", Content: text}}
	}
	return AskWith(ctx, model, questions, assistant.Options{MaxTokens: maxAnswer}, progress)
}

// AskWith puts every conversation to the model, with options of the caller.
func AskWith(ctx context.Context, model *assistant.Assistant, questions [][]chat.Message, o assistant.Options, progress Progress) ([]Answer, error) {
	answers := make([]Answer, len(questions))
	err := parallel(ctx, len(questions), runtime.GOMAXPROCS(0), progress, func(i int) error {
		reply, err := model.Reply(ctx, questions[i], o, nil)
		if err != nil {
			return fmt.Errorf("question %q: %w", questions[i][len(questions[i])-1].Content, err)
		}
		answers[i] = newAnswer(reply)
		return nil
	})
	return answers, err
}

func newAnswer(r assistant.Reply) Answer {
	a := Answer{Text: r.Text, Finish: r.Finish, PromptTokens: r.PromptTokens, Prefill: r.Prefill, Decode: r.Decode}
	for _, t := range r.Tokens {
		a.Tokens = append(a.Tokens, calibrate.Token{LogProb: t.LogProb, Margin: t.Margin})
		if len(t.Top) > 0 {
			a.Entropies = append(a.Entropies, entropy(t.Top))
		}
	}
	return a
}

// entropy of a softmax in nats, from its likeliest tokens; all others count as
// one.
func entropy(top []sample.Likely) float32 {
	sum, left := 0., 1.
	for _, l := range top {
		p := math.Exp(float64(l.LogProb))
		sum -= p * float64(l.LogProb)
		left -= p
	}
	if left > 1e-9 {
		sum -= left * math.Log(left)
	}
	return float32(sum)
}
