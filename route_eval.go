package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/a472be26/cusp/router/evaluate"
)

type routeEvalCmd struct {
	Files    []string  `arg:"" type:"existingfile" help:"Files of outcomes, JSONL or CSV, one question a line: the grades of a weak and a strong model's answers, and a router's score."`
	Question string    `default:"question" help:"Member with the question, for the router that reads only text (${default})."`
	Weak     string    `default:"weak" help:"Member with the weak model's grade: a number, true or false (${default})."`
	Strong   string    `default:"strong" help:"Member with the strong model's grade (${default})."`
	Router   string    `help:"Member with a router's score, greater for what the strong model should answer (default: none)."`
	Risk     []float64 `default:"0.01,0.02,0.05,0.1,0.2" help:"Error rates at which to say how much can stay with the weak model (${default})."`
	Seed     uint64    `default:"1" help:"Of the random router and of the folds of the text router (${default})."`
	Plot     string    `type:"path" placeholder:"FILE.svg" help:"Draw the cost-quality curves, SVG or PNG."`
	JSON     bool      `help:"Print JSON."`
}

func (c routeEvalCmd) Run(s streams) error {
	var outcomes []evaluate.Outcome
	for _, file := range c.Files {
		in, err := os.Open(file)
		if err != nil {
			return err
		}
		more, err := evaluate.ReadOutcomes(in, file, evaluate.Columns{Question: c.Question, Weak: c.Weak, Strong: c.Strong, Router: c.Router})
		if err := errors.Join(err, in.Close()); err != nil {
			return err
		}
		outcomes = append(outcomes, more...)
	}
	all, err := c.measure(outcomes)
	if err != nil {
		return err
	}
	if c.Plot != "" {
		if err := evaluate.PlotQuality(c.Plot, all); err != nil {
			return err
		}
	}
	if c.JSON {
		return writeJSON(s.out, all)
	}
	fmt.Fprintf(s.out, "%d questions; %s %.4f, %s %.4f\n", len(outcomes), c.Weak, all[0].Weak, c.Strong, all[0].Strong)
	return evaluate.PrintQuality(s.out, all)
}

// randoms is how many routers that do not look are drawn.
const randoms = 100

// measure compares the router with some that do not look, with one that reads
// only the question, and with an oracle.
func (c routeEvalCmd) measure(outcomes []evaluate.Outcome) ([]evaluate.Quality, error) {
	random, err := evaluate.MeasureRandom(outcomes, c.Risk, randoms, c.Seed)
	if err != nil {
		return nil, err
	}
	text, err := evaluate.Measure("text only (n-grams)", outcomes, evaluate.TextScores(outcomes, c.Seed), c.Risk)
	if err != nil {
		return nil, err
	}
	oracle, err := evaluate.Measure("oracle", outcomes, evaluate.OracleScores(outcomes), c.Risk)
	if err != nil {
		return nil, err
	}
	all := []evaluate.Quality{random, text, oracle}
	if c.Router == "" {
		return all, nil
	}
	own, err := evaluate.Measure(c.Router, outcomes, evaluate.RouterScores(outcomes), c.Risk)
	return append([]evaluate.Quality{own}, all...), err
}
