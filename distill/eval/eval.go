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
	"runtime"
	"time"

	"github.com/a472be26/cusp/distill/dataset"
	"github.com/a472be26/cusp/infer/assistant"
	"github.com/a472be26/cusp/infer/chat"
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
		r.add(c, answers[i], accepted(cal, answers[i]))
	}
	for _, a := range answers[len(cases):] {
		r.addForeign(a, accepted(cal, a))
	}
	r.Speed = SpeedOf(answers, time.Since(start))
	return r, nil
}

// accepted reports whether the router would give this answer locally.
func accepted(cal *calibrate.Calibration, a Answer) bool {
	return cal != nil && !cal.Declined(a.Text) && cal.Confidence(a.Tokens) >= cal.Threshold
}

// Answer is what the model said to one text.
type Answer struct {
	Text            string
	Tokens          []calibrate.Token
	PromptTokens    int
	Prefill, Decode time.Duration
}

// Ask puts every text to the model as a conversation of its own, greedily.
func Ask(ctx context.Context, model *assistant.Assistant, texts []string, progress Progress) ([]Answer, error) {
	answers := make([]Answer, len(texts))
	err := parallel(ctx, len(texts), runtime.GOMAXPROCS(0), progress, func(i int) error {
		reply, err := model.Reply(ctx, []chat.Message{{Role: "user", Content: texts[i]}}, assistant.Options{MaxTokens: maxAnswer}, nil)
		if err != nil {
			return fmt.Errorf("question %q: %w", texts[i], err)
		}
		answers[i] = newAnswer(reply)
		return nil
	})
	return answers, err
}

func newAnswer(r assistant.Reply) Answer {
	a := Answer{Text: r.Text, PromptTokens: r.PromptTokens, Prefill: r.Prefill, Decode: r.Decode}
	for _, t := range r.Tokens {
		a.Tokens = append(a.Tokens, calibrate.Token{LogProb: t.LogProb, Margin: t.Margin})
	}
	return a
}
