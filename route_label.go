package main

import (
	"context"
	"io"

	"github.com/a472be26/cusp/distill"
	"github.com/a472be26/cusp/distill/eval"
	"github.com/a472be26/cusp/infer"
	"github.com/a472be26/cusp/infer/assistant"
	"github.com/a472be26/cusp/infer/chat"
	"github.com/a472be26/cusp/infer/sample"
	"github.com/a472be26/cusp/router/calibrate"
	"github.com/a472be26/cusp/router/evaluate"
)

type routeLabelCmd struct {
	Model  string `arg:"" default:"builtin:student" help:"Directory of a bundle, a GGUF file, builtin:student or builtin:teacher (${default})."`
	Data   string `required:"" type:"existingdir" help:"Data directory with intents/ below it."`
	Recipe string `type:"existingfile" default:"distill/recipes/student.toml" help:"Recipe that the model was made with: it says which generated sentences were held out (${default})."`
	Seed   uint64 `help:"Generate other sentences than the recipe's own, by this seed, and take no public ones: for developing what is later judged on the recipe's own."`
	Out    string `short:"o" required:"" type:"path" help:"File to write, JSONL."`
}

func (c routeLabelCmd) Run(ctx context.Context, s streams) error {
	recipe, err := distill.ReadRecipe(c.Recipe)
	if err != nil {
		return err
	}
	questions, err := recipe.HeldOut(c.Data, c.Seed)
	if err != nil {
		return err
	}
	records := make([]evaluate.Record, len(questions))
	for i, q := range questions {
		records[i] = evaluate.Record{Source: q.Source, Question: q.Text}
	}
	if err := answerRecords(ctx, c.Model, records, answerOptions{MaxTokens: 96}, counted(s.err, "questions")); err != nil {
		return err
	}
	for i, q := range questions {
		right := q.Correct(records[i].Answer)
		records[i].Correct = &right
	}
	err = writeFile(c.Out, func(w io.Writer) error { return evaluate.WriteRecords(w, records) })
	return printPath(s, c.Out, err)
}

// answerOptions say how a model is asked.
type answerOptions struct {
	MaxTokens int
	Declines  []string // besides those of the model's own calibration
}

// answerRecords asks a model those questions that have no answer yet, greedily,
// as a device does.
func answerRecords(ctx context.Context, name string, records []evaluate.Record, o answerOptions, progress eval.Progress) error {
	hash, err := weightsHash(name)
	if err != nil {
		return err
	}
	model, own, err := openForEval(name, "")
	if err != nil {
		return err
	}
	defer model.Close()
	declines := calibrate.Calibration{Declines: o.Declines}
	if own != nil {
		declines.Declines = append(declines.Declines, own.Declines...)
	}
	var open []int
	var questions [][]chat.Message
	for i, r := range records {
		if !r.Answered() {
			open, questions = append(open, i), append(questions, conversation(r))
		}
	}
	settings := assistant.Options{MaxTokens: o.MaxTokens, Sampling: sample.Options{Top: sample.MaxTop}}
	answers, err := eval.AskWith(ctx, model, questions, settings, progress)
	if err != nil {
		return err
	}
	for k, a := range answers {
		r := &records[open[k]]
		r.Answer, r.Tokens, r.Entropies, r.PromptTokens, r.Model = a.Text, a.Tokens, a.Entropies, a.PromptTokens, hash
		// What was cut short is never given, whatever the confidence.
		r.Declined = declines.Declined(a.Text) || a.Finish == infer.FinishLength || len(a.Tokens) == 0
	}
	return nil
}

func conversation(r evaluate.Record) []chat.Message {
	if len(r.Messages) == 0 {
		return []chat.Message{{Role: "user", Content: r.Question}}
	}
	out := make([]chat.Message, len(r.Messages))
	for i, m := range r.Messages {
		out[i] = chat.Message{Role: m.Role, Content: m.Content}
	}
	return out
}
