package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/a472be26/cusp/distill"
	"github.com/a472be26/cusp/distill/eval"
	"github.com/a472be26/cusp/infer/assistant"
	"github.com/a472be26/cusp/infer/chat"
	"github.com/a472be26/cusp/infer/sample"
	"github.com/a472be26/cusp/router/evaluate"
)

type routeCmd struct {
	Promise routePromiseCmd `cmd:"" help:"Try on many random splits of labelled answers whether the promise is kept, and how much simpler scores would answer."`
	Label   routeLabelCmd   `cmd:"" help:"Ask a model questions whose answers are known, and write a file of labelled answers."`
}

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
	model, calibration, err := openForEval(c.Model)
	if err != nil {
		return err
	}
	defer model.Close()
	conversations := make([][]chat.Message, len(questions))
	for i, q := range questions {
		conversations[i] = []chat.Message{{Role: "user", Content: q.Text}}
	}
	answers, err := eval.AskWith(ctx, model, conversations, assistant.Options{MaxTokens: 96, Sampling: sample.Options{Top: sample.MaxTop}}, counted(s.err, "questions"))
	if err != nil {
		return err
	}
	records := make([]evaluate.Record, len(answers))
	for i, a := range answers {
		q := questions[i]
		right := q.Correct(a.Text)
		records[i] = evaluate.Record{Source: q.Source, Question: q.Text, Answer: a.Text, Correct: &right, Tokens: a.Tokens, Entropies: a.Entropies}
		if calibration != nil {
			records[i].Declined, records[i].Model = calibration.Declined(a.Text), calibration.Model
		}
	}
	err = writeFile(c.Out, func(w io.Writer) error { return evaluate.WriteRecords(w, records) })
	return printPath(s, c.Out, err)
}

// counted prints now and then how much is done.
func counted(w io.Writer, what string) eval.Progress {
	last := time.Now()
	return func(done, total int) {
		if time.Since(last) > 2*time.Second || done == total {
			last = time.Now()
			fmt.Fprintf(w, "%d of %d %s\n", done, total, what)
		}
	}
}

type routePromiseCmd struct {
	Files  []string  `arg:"" type:"existingfile" help:"Files of labelled answers (see docs/promise.md); cusp route label writes them."`
	Splits int       `default:"200" help:"Random splits (${default})."`
	Alpha  []float64 `default:"0.01,0.02,0.05" help:"Error rates that are promised (${default})."`
	Delta  float64   `default:"0.05" help:"Share of splits that may break the promise (${default})."`
	Seed   uint64    `default:"1" help:"Of the splits (${default})."`
	JSON   bool      `help:"Print JSON."`
}

func (c routePromiseCmd) Run(ctx context.Context, s streams) error {
	records, err := readLabelled(c.Files)
	if err != nil {
		return err
	}
	results, err := evaluate.Splits(ctx, records, evaluate.SplitOptions{Splits: c.Splits, Alphas: c.Alpha, Delta: c.Delta, Seed: c.Seed}, counted(s.err, "splits"))
	if err != nil {
		return err
	}
	if c.JSON {
		return writeJSON(s.out, results)
	}
	return evaluate.PrintSplits(s.out, results)
}

func readLabelled(files []string) ([]evaluate.Record, error) {
	var all []evaluate.Record
	for _, file := range files {
		in, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		records, err := evaluate.ReadRecords(in, file)
		if err := errors.Join(err, in.Close()); err != nil {
			return nil, err
		}
		all = append(all, records...)
	}
	return all, nil
}
