package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/a472be26/cusp/distill/dataset"
	"github.com/a472be26/cusp/infer/assistant"
	"github.com/a472be26/cusp/router/evaluate"
)

type routeIntentsCmd struct {
	Data    string  `required:"" type:"existingdir" help:"Data directory with intents/clinc150 below it; its training and validation splits are read."`
	Encoder string  `required:"" type:"path" help:"Encoder that makes the vectors: a GGUF file or a folder as transformers saves it, such as all-MiniLM-L6-v2."`
	Share   float64 `default:"0.005" help:"Share of the questions in scope that may go to the cloud; sets the threshold, on a part of the training split (${default})."`
	Epochs  int     `default:"10" help:"Rounds over the training split (${default})."`
	Seed    uint64  `default:"1" help:"Of the order of training (${default})."`
	JSON    bool    `help:"Print JSON."`
}

// intentSplit is one split with the encoder's vectors.
type intentSplit struct {
	texts   []evaluate.Intent
	vectors [][]float32
}

func (c routeIntentsCmd) Run(ctx context.Context, s streams) error {
	// 1. Texts and their vectors: what is trained on, and what is judged on.
	train, err := c.read(ctx, s, "train", "oos_train")
	if err != nil {
		return err
	}
	judged, err := c.read(ctx, s, "val", "oos_val")
	if err != nil {
		return err
	}
	// 2. The threshold, with a student that has not seen a part of the training split.
	fit, tune := train.parts()
	fmt.Fprintf(s.err, "training on %d sentences, then on %d\n", len(fit.texts), len(train.texts))
	student, err := c.train(fit)
	if err != nil {
		return err
	}
	threshold := evaluate.ThresholdFor(student.Judge(tune.texts, tune.vectors), c.Share)
	// 3. The student that is judged.
	if student, err = c.train(train); err != nil {
		return err
	}
	verdicts := student.Judge(judged.texts, judged.vectors)
	trades := []evaluate.IntentTrade{evaluate.Trade(verdicts, threshold)}
	for _, t := range []float64{0, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8} {
		trades = append(trades, evaluate.Trade(verdicts, t))
	}
	if c.JSON {
		return writeJSON(s.out, trades)
	}
	return printTrades(s, trades)
}

func (c routeIntentsCmd) train(split intentSplit) (*evaluate.IntentStudent, error) {
	return evaluate.TrainIntents(split.texts, split.vectors, evaluate.LinearOptions{Epochs: c.Epochs, Rate: 3, Plain: true, Seed: c.Seed})
}

// vectorsAtOnce is how many texts the encoder gets in one call.
const vectorsAtOnce = 64

// read makes one split of several of the data set's.
func (c routeIntentsCmd) read(ctx context.Context, s streams, names ...string) (out intentSplit, err error) {
	for _, name := range names {
		rows, err := dataset.Intents(c.Data, name)
		if err != nil {
			return out, err
		}
		for _, row := range rows {
			intent := evaluate.Intent{Text: row[0], Intent: row[1]}
			if intent.Intent == "oos" {
				intent.Intent = ""
			}
			out.texts = append(out.texts, intent)
		}
	}
	encoder, err := assistant.Open(c.Encoder, assistant.Config{Sequences: 16})
	if err != nil {
		return out, err
	}
	progress := counted(s.err, "vectors of "+names[0])
	for from := 0; from < len(out.texts) && err == nil; from += vectorsAtOnce {
		var some []assistant.Text
		for _, t := range out.texts[from:min(from+vectorsAtOnce, len(out.texts))] {
			some = append(some, assistant.Text{Text: t.Text})
		}
		var vectors [][]float32
		vectors, _, err = encoder.Embed(ctx, some)
		out.vectors = append(out.vectors, vectors...)
		progress(len(out.vectors), len(out.texts))
	}
	return out, errors.Join(err, encoder.Close())
}

// parts keeps every tenth sentence, and every fifth of the few out of scope, for
// the threshold.
func (p intentSplit) parts() (fit, tune intentSplit) {
	for i, t := range p.texts {
		to, every := &fit, 10
		if t.Intent == "" {
			every = 5
		}
		if i%every == 3 {
			to = &tune
		}
		to.texts, to.vectors = append(to.texts, t), append(to.vectors, p.vectors[i])
	}
	return fit, tune
}

func printTrades(s streams, trades []evaluate.IntentTrade) error {
	t := tabwriter.NewWriter(s.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "threshold\tin scope right\tout of scope to the cloud\tin scope kept\tright of these\t")
	for i, trade := range trades {
		mark := ""
		if i == 0 {
			mark = "chosen on the training split"
		}
		fmt.Fprintf(t, "%.3f\t%.1f%%\t%.1f%%\t%.1f%%\t%.1f%%\t%s\n", trade.Threshold, 100*trade.InScope, 100*trade.Recall, 100*trade.Kept, 100*trade.Local, mark)
	}
	return t.Flush()
}
