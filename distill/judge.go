package distill

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"runtime"

	"github.com/a472be26/cusp/distill/dataset"
	"github.com/a472be26/cusp/distill/eval"
	"github.com/a472be26/cusp/distill/export"
	"github.com/a472be26/cusp/infer/assistant"
	"github.com/a472be26/cusp/infer/kernel"
	"github.com/a472be26/cusp/packaging/bundle"
	"github.com/a472be26/cusp/router/calibrate"
)

// sequences is how many questions are asked at the same time.
const sequences = 4

// calibrate judges the INT8 model's answers to the held-out examples and fits
// confidence and threshold to them.
func (r *run) calibrate(ctx context.Context) error {
	if r.has(curveFile) {
		return nil
	}
	held := r.examples.Calibration
	texts := make([]string, len(held))
	for i, e := range held {
		texts[i] = e.Text
	}
	answers, err := r.ask(ctx, texts)
	if err != nil {
		return err
	}
	samples := make([]calibrate.Sample, len(held))
	right := 0
	for i, a := range answers {
		correct := eval.Correct(held[i], a.Text)
		samples[i] = calibrate.Sample{Evidence: eval.Evidence(texts[i], a), Correct: correct, Declined: a.Text == dataset.Decline}
		if correct {
			right++
		}
	}
	c, err := calibrate.Fit(samples, calibrate.Options{Alpha: r.Recipe.Calibrate.Alpha, Delta: r.Recipe.Calibrate.Delta, Seed: r.Recipe.Seed})
	if err != nil {
		return err
	}
	if c.Model, err = sumFile(r.path(int8File)); err != nil {
		return err
	}
	c.Declines = []string{dataset.Decline}
	r.UI.say("%.1f%% of %d held-out answers exact; threshold %.4f keeps %.1f%%",
		100*float64(right)/float64(len(held)), len(held), c.Threshold, 100*c.Coverage)
	return r.keepJSON(curveFile, c)
}

func (r *run) ask(ctx context.Context, texts []string) ([]eval.Answer, error) {
	model, err := assistant.Open(r.path(int8File), assistant.Config{Sequences: sequences})
	if err != nil {
		return nil, err
	}
	defer model.Close()
	b := r.UI.bar(len(texts), "questions")
	defer b.end()
	return eval.Ask(ctx, model, texts, func(done, _ int) { b.at(done, "questions") })
}

// evaluate scores INT8 and F32 side by side. Without validation sentences
// there is nothing to score on but the held-out examples, which calibration has
// used.
func (r *run) evaluate(ctx context.Context) error {
	if r.has(reportFile) {
		data, err := os.ReadFile(r.path(reportFile))
		if err != nil {
			return err
		}
		return json.Unmarshal(data, &r.report)
	}
	if !eval.Available(r.Data) {
		r.UI.say("no data directory with validation sentences, so nothing to score on")
		r.report = map[string]any{}
		return r.keepJSON(reportFile, r.report)
	}
	cal, err := r.curve()
	if err != nil {
		return err
	}
	r.report = map[string]any{}
	for _, file := range []string{f32File, int8File} {
		report, err := r.score(ctx, file, cal)
		if err != nil {
			return err
		}
		r.report[file[:len(file)-len(".gguf")]] = report.Summary()
	}
	return r.keepJSON(reportFile, r.report)
}

func (r *run) score(ctx context.Context, file string, cal *calibrate.Calibration) (eval.Report, error) {
	model, err := assistant.Open(r.path(file), assistant.Config{Sequences: sequences})
	if err != nil {
		return eval.Report{}, err
	}
	defer model.Close()
	b := r.UI.bar(1, "questions")
	report, err := eval.Evaluate(ctx, model, cal, r.Data, func(done, total int) { b.at(done*b.total/total, "questions") })
	b.end()
	if err != nil {
		return report, err
	}
	if r.UI.Out != nil {
		fmt.Fprintf(r.UI.Out, "%s\n", file)
		err = report.Print(r.UI.Out)
	}
	return report, err
}

func (r *run) curve() (*calibrate.Calibration, error) {
	data, err := os.ReadFile(r.path(curveFile))
	if err != nil {
		return nil, err
	}
	return calibrate.Read(data)
}

// measured is how many held-out questions the claim of speed rests on.
const measured = 40

// speed asks one question after another on one thread.
func (r *run) speed(ctx context.Context) (*bundle.Speed, error) {
	model, err := assistant.Open(r.path(int8File), assistant.Config{Threads: 1})
	if err != nil {
		return nil, err
	}
	defer model.Close()
	var answers []eval.Answer
	for _, e := range r.examples.Calibration[:min(measured, len(r.examples.Calibration))] {
		a, err := eval.Ask(ctx, model, []string{e.Text}, nil)
		if err != nil {
			return nil, err
		}
		answers = append(answers, a...)
	}
	s := eval.SpeedOf(answers, 0)
	return &bundle.Speed{DecodeTokensPerSecond: s.DecodeTokensPerSecond, PrefillTokensPerSecond: s.PrefillTokensPerSecond,
		Threads: 1, Machine: runtime.GOOS + "/" + runtime.GOARCH + ", kernels " + kernel.Tier()}, nil
}

func (r *run) pack(ctx context.Context) error {
	if r.has(bundleDir) {
		return fmt.Errorf("%s is there already: bundles never change; choose another output folder or remove it", r.path(bundleDir))
	}
	if err := r.Recipe.Gate.check(r.report); err != nil {
		return err
	}
	speed, err := r.speed(ctx)
	if err != nil {
		return err
	}
	manifest := bundle.Manifest{Name: r.Recipe.Name, Version: r.Recipe.Version, License: export.License, Report: r.report, Speed: speed}
	r.bundle, err = bundle.Write(r.path(bundleDir), manifest,
		map[string]string{bundle.ModelFile: r.path(int8File), bundle.CalibrationFile: r.path(curveFile)}, r.Key)
	if err != nil {
		return err
	}
	r.UI.say("%s, manifest %s", r.bundle.Dir, r.bundle.Hash)
	return nil
}

func (r *run) keepJSON(name string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return r.keep(name, func(f string) error { return os.WriteFile(f, append(data, '\n'), 0o644) })
}

func sumFile(file string) (string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}

// HeldOut are the questions that no model of this recipe was trained on, as
// far as dataDir has them; with another seed than 0 generated ones that are not
// among the recipe's own.
func (r Recipe) HeldOut(dataDir string, seed uint64) ([]eval.Question, error) {
	if seed != 0 {
		return eval.Fresh(dataDir, r.dataset(), seed)
	}
	return eval.HeldOut(dataDir, r.dataset())
}
