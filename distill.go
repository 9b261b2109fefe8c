package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/a472be26/cusp/distill"
	"github.com/a472be26/cusp/distill/eval"
	"github.com/a472be26/cusp/distill/teacher"
	"github.com/a472be26/cusp/infer/assistant"
	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/packaging/bundle"
	"github.com/a472be26/cusp/router/calibrate"
)

type distillCmd struct {
	Run  distillRunCmd  `cmd:"" default:"withargs" help:"Run the pipeline: data, teacher, student, INT8, evaluation, bundle."`
	Eval distillEvalCmd `cmd:"" help:"Score a bundle on the validation data, through the engine of a device."`
}

type distillRunCmd struct {
	Recipe string `required:"" type:"existingfile" help:"Recipe; distill/recipes has ours."`
	Data   string `type:"existingdir" help:"Data directory (see distill/dataset); without it, our own grammar alone."`
	Out    string `required:"" type:"path" help:"Directory for the bundle and everything on the way to it; a killed run goes on there."`
	Key    string `type:"existingfile" help:"Minisign private key that signs the bundle."`
}

func (c distillRunCmd) Run(ctx context.Context, s streams) error {
	recipe, err := distill.ReadRecipe(c.Recipe)
	if err != nil {
		return err
	}
	job := distill.Job{Recipe: recipe, Data: c.Data, Out: c.Out, UI: distill.UI{Out: s.err, Bars: isTerminal(s.err)}}
	if c.Key != "" {
		password, err := bundle.PasswordFromEnv()
		if err != nil {
			return err
		}
		if job.Key, err = bundle.ReadPrivateKey(c.Key, password); err != nil {
			return err
		}
	}
	b, err := distill.Run(ctx, job)
	if err != nil {
		return err
	}
	return printPath(s, b.Dir, nil)
}

type distillEvalCmd struct {
	Bundle string `arg:"" default:"builtin:student" help:"Directory of a bundle, a GGUF file, builtin:student or builtin:teacher (${default})."`
	Data   string `required:"" type:"existingdir" help:"Data directory with intents/ below it."`
	KV     string `default:"f16" enum:"f16,f32,q8_0" placeholder:"TYPE" help:"Type that keys and values are stored as: f16, f32 or q8_0 (${default})."`
	JSON   bool   `help:"Print JSON."`
}

// sequences is how many questions are asked at the same time.
const sequences = 4

func (c distillEvalCmd) Run(ctx context.Context, s streams) error {
	model, calibration, err := openForEval(c.Bundle, c.KV)
	if err != nil {
		return err
	}
	defer model.Close()
	bar := countBar(s.err, "asking", "questions")
	report, err := eval.Evaluate(ctx, model, calibration, c.Data, bar.at)
	bar.end()
	if err != nil {
		return err
	}
	if c.JSON {
		return report.JSON(s.out)
	}
	return report.Print(s.out)
}

// openForEval opens what the argument names. A plain GGUF file has no
// calibration, so nothing counts as answered locally.
func openForEval(name, kv string) (*assistant.Assistant, *calibrate.Calibration, error) {
	config := assistant.Config{Sequences: sequences, KV: kv}
	if strings.HasSuffix(name, ".gguf") {
		a, err := assistant.Open(name, config)
		return a, nil, err
	}
	files, err := teacher.Files(name)
	if err != nil {
		return nil, nil, err
	}
	weights, err := fs.ReadFile(files, bundle.ModelFile)
	if err != nil {
		return nil, nil, fmt.Errorf("bundle %s: %w", name, err)
	}
	calibration, err := readCalibrationOf(name)
	if err != nil {
		return nil, nil, err
	}
	f, err := gguf.Parse(name, weights)
	if err != nil {
		return nil, nil, err
	}
	a, err := assistant.New(f, config)
	return a, calibration, err
}

// readCalibrationOf reads the calibration of a bundle, nil if it has none.
func readCalibrationOf(name string) (*calibrate.Calibration, error) {
	files, err := teacher.Files(name)
	if err != nil {
		return nil, err
	}
	text, err := fs.ReadFile(files, bundle.CalibrationFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("bundle %s: %w", name, err)
	}
	calibration, err := calibrate.Read(text)
	if err != nil {
		return nil, fmt.Errorf("bundle %s: %w", name, err)
	}
	return calibration, nil
}
