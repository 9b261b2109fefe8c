package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/a472be26/cusp/infer/assistant"
	"github.com/a472be26/cusp/router/calibrate"
	"github.com/a472be26/cusp/router/evaluate"
)

// comparing is how answers are judged that come with a reference.
type comparing struct {
	Compare  string  `default:"exact" help:"How answers are compared with references: exact, normalized (case, punctuation and articles aside), number (the final one), f1 (of words), rouge-l, json (tool calls), cosine (with --embedder), or a command that reads {question, answer, reference} and prints 0 to 1 (${default})."`
	Similar  float64 `default:"1" help:"From this similarity on an answer is right (${default})."`
	Embedder string  `type:"path" help:"Encoder for --compare cosine: a GGUF file or a folder as transformers saves it."`
}

// Validate makes settings that cannot work wrong usage.
func (c comparing) Validate() error {
	if (c.Compare == "cosine") != (c.Embedder != "") {
		return errors.New("--compare cosine and --embedder need each other")
	}
	if !(c.Similar > 0 && c.Similar <= 1) {
		return fmt.Errorf("--similar is %v, want more than 0 and at most 1", c.Similar)
	}
	return nil
}

// open returns the comparer and what closes it.
func (c comparing) open() (evaluate.Comparer, func() error, error) {
	nothing := func() error { return nil }
	if c.Compare == "cosine" {
		model, err := assistant.Open(c.Embedder, assistant.Config{})
		if err != nil {
			return nil, nil, err
		}
		return evaluate.Cosine{Embedder: embedder{model}}, model.Close, nil
	}
	if known, ok := evaluate.Comparers[c.Compare]; ok {
		return known, nothing, nil
	}
	words := strings.Fields(c.Compare)
	if len(words) == 0 {
		return nil, nil, usageError{errors.New("--compare is empty")}
	}
	return evaluate.Command(words), nothing, nil
}

// embedder makes vectors with our own engine.
type embedder struct{ model *assistant.Assistant }

func (e embedder) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	in := make([]assistant.Text, len(texts))
	for i, t := range texts {
		in[i].Text = t
	}
	vectors, _, err := e.model.Embed(ctx, in)
	return vectors, err
}

type routeCalibrateCmd struct {
	Files     []string  `arg:"" type:"existingfile" help:"Files of labelled answers, JSONL (see docs/promise.md); also what cusp records export prints, with --model."`
	Model     string    `help:"What answered: directory of a bundle, GGUF file, builtin:student or builtin:teacher. It is asked the questions that have no answer yet. Without it, the weights that the files name."`
	Alpha     float64   `default:"0.05" help:"Most of the answers given locally that may be wrong (${default})."`
	Delta     float64   `default:"0.05" help:"Probability that the promise fails (${default})."`
	Seed      uint64    `default:"1" help:"Of the split into the half that makes the curve and the half that tests the threshold (${default})."`
	Decline   []string  `sep:"none" help:"A text by which the model passes a question on, besides those of its own calibration. May be given several times."`
	MaxTokens int       `default:"256" help:"Bound of an answer that is generated here; a longer one counts as not given (${default})."`
	Comparing comparing `embed:""`
	Prices    string    `type:"existingfile" help:"JSON file of prices for a million tokens, {\"NAME\": {\"input\": 2.5, \"output\": 10}, ...}, to report what is saved."`
	Out       string    `short:"o" type:"path" default:"calibration.json" help:"File to write (${default})."`
	Report    string    `type:"path" placeholder:"DIR" help:"Folder for report.json, report.txt, risk.svg and reliability.svg."`
}

func (c routeCalibrateCmd) Run(ctx context.Context, s streams) error {
	// 1. What was answered, by which weights, and whether it was right.
	records, err := readLabelled(c.Files)
	if err != nil {
		return err
	}
	if err := c.complete(ctx, s, records); err != nil {
		return err
	}
	hash, err := c.hash(records)
	if err != nil {
		return err
	}
	// 2. Rule, curve and threshold.
	declines, err := c.declines()
	if err != nil {
		return err
	}
	if text := unknownDecline(records, declines); text != "" {
		return usageError{fmt.Errorf("answers are marked as declined that say %q, and a device would not know by that: give --decline, or the --model whose calibration says it", text)}
	}
	report, err := evaluate.Calibrate(records, calibrate.Options{Alpha: c.Alpha, Delta: c.Delta, Seed: c.Seed}, hash, declines)
	if err != nil {
		return err
	}
	// 3. The files.
	if err := c.reckon(report, records); err != nil {
		return err
	}
	if err := writeFile(c.Out, func(w io.Writer) error { return writeJSON(w, report.Calibration) }); err != nil {
		return err
	}
	if err := c.keep(report); err != nil {
		return err
	}
	if err := report.Print(s.err); err != nil {
		return err
	}
	return printPath(s, c.Out, nil)
}

// complete asks the model what has no answer, and judges what has no verdict.
func (c routeCalibrateCmd) complete(ctx context.Context, s streams, records []evaluate.Record) error {
	open := func(r evaluate.Record) bool { return !r.Answered() && !r.Declined }
	if slices.ContainsFunc(records, open) {
		if c.Model == "" {
			return usageError{errors.New("some questions have no answer yet: name the --model to ask")}
		}
		if err := answerRecords(ctx, c.Model, records, answerOptions{c.MaxTokens, c.Decline}, counted(s.err, "questions")); err != nil {
			return err
		}
	}
	comparer, done, err := c.Comparing.open()
	if err != nil {
		return err
	}
	err = evaluate.Judge(ctx, records, comparer, c.Comparing.Similar, counted(s.err, "answers compared"))
	return errors.Join(err, done())
}

// hash is that of the weights, which the records must agree with.
func (c routeCalibrateCmd) hash(records []evaluate.Record) (string, error) {
	named, err := evaluate.ModelOf(records)
	if err != nil || c.Model == "" {
		if err == nil && named == "" {
			err = usageError{fmt.Errorf("%w: give --model", evaluate.ErrNoModel)}
		}
		return named, err
	}
	hash, err := weightsHash(c.Model)
	if err == nil && named != "" && named != hash {
		err = fmt.Errorf("the answers are of the weights %.12s, %s has %.12s: label them again with this model", named, c.Model, hash)
	}
	return hash, err
}

// declines are those of the model's own calibration and the flags'.
func (c routeCalibrateCmd) declines() ([]string, error) {
	declines := slices.Clone(c.Decline)
	if c.Model == "" || strings.HasSuffix(c.Model, ".gguf") {
		return declines, nil
	}
	own, err := readCalibrationOf(c.Model)
	if err != nil {
		return nil, err
	}
	if own != nil {
		declines = append(declines, own.Declines...)
	}
	slices.Sort(declines)
	return slices.Compact(declines), nil
}

// unknownDecline is a text with which several questions were passed on, though it
// is none of the declines; an answer that was cut short is its own.
func unknownDecline(records []evaluate.Record, declines []string) string {
	known := calibrate.Calibration{Declines: declines}
	seen := map[string]bool{}
	for _, r := range records {
		if !r.Declined || r.Answer == "" || known.Declined(r.Answer) {
			continue
		}
		if seen[r.Answer] {
			return r.Answer
		}
		seen[r.Answer] = true
	}
	return ""
}

func (c routeCalibrateCmd) reckon(report *evaluate.Report, records []evaluate.Record) error {
	if c.Prices == "" {
		return nil
	}
	text, err := os.ReadFile(c.Prices)
	if err != nil {
		return err
	}
	var prices map[string]evaluate.Price
	if err := json.Unmarshal(text, &prices); err != nil {
		return fmt.Errorf("prices %s: %w", c.Prices, err)
	}
	if err := report.Reckon(records, prices); err != nil {
		return fmt.Errorf("prices %s: %w", c.Prices, err)
	}
	return nil
}

// keep writes the report.
func (c routeCalibrateCmd) keep(report *evaluate.Report) error {
	if c.Report == "" {
		return nil
	}
	if err := os.MkdirAll(c.Report, 0o755); err != nil {
		return err
	}
	file := func(name string) string { return filepath.Join(c.Report, name) }
	return errors.Join(
		writeFile(file("report.json"), func(w io.Writer) error { return writeJSON(w, report) }),
		writeFile(file("report.txt"), report.Print),
		evaluate.PlotRisk(file("risk.svg"), report.Curves, report.Alpha),
		evaluate.PlotReliability(file("reliability.svg"), report.Reliability, report.ECE),
	)
}
