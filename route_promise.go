package main

import (
	"context"

	"github.com/a472be26/cusp/router/evaluate"
)

type routePromiseCmd struct {
	Files  []string  `arg:"" type:"existingfile" help:"Files of labelled answers with verdicts (see docs/promise.md); cusp route label writes them."`
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
	options := evaluate.SplitOptions{Splits: c.Splits, Alphas: c.Alpha, Delta: c.Delta, Seed: c.Seed}
	results, err := evaluate.Splits(ctx, records, options, counted(s.err, "splits"))
	if err != nil {
		return err
	}
	if c.JSON {
		return writeJSON(s.out, results)
	}
	return evaluate.PrintSplits(s.out, results)
}
