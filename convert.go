package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/a472be26/cusp/infer/convert"
	"github.com/a472be26/cusp/infer/modelfile"
	"github.com/a472be26/cusp/infer/quant"
)

type convertCmd struct {
	In   string `arg:"" type:"path" help:"GGUF file (of several, any), or folder as transformers saves it; weights in F32, F16, BF16 or Q8_0."`
	Out  string `arg:"" type:"path" help:"GGUF file to write; it is replaced when all is done."`
	Type string `required:"" placeholder:"TYPE" complete:"f32,f16,bf16,q4_0,q4_1,q5_0,q5_1,q8_0,q2_k,q3_k,q4_k,q5_k,q6_k,iq4_nl,iq4_xs,mxfp4,q3_k_m,q4_k_m,q5_k_m" help:"Type of the weights: f32, f16, bf16, q4_0, q4_1, q5_0, q5_1, q8_0, q2_k, q3_k, q4_k, q5_k, q6_k, iq4_nl, iq4_xs or mxfp4, or llama-quantize's mix of several: q3_k_m, q4_k_m or q5_k_m."`
}

// Validate makes a type that is not known wrong usage.
func (c convertCmd) Validate() error {
	if _, err := quant.ParseMix(c.Type); err != nil {
		return fmt.Errorf("--type: %w", err)
	}
	return nil
}

func (c convertCmd) Run(ctx context.Context, s streams) error {
	start := time.Now()
	mix, err := quant.ParseMix(c.Type)
	if err != nil {
		return err
	}
	if err := c.check(); err != nil {
		return err
	}
	source, err := modelfile.Read(c.In)
	if err != nil {
		return err
	}
	defer source.Close()
	plan, err := convert.NewPlan(source, mix)
	if err != nil {
		return err
	}
	bar := bytesBar(s.err, "", plan.Bytes())
	err = writeFile(c.Out, func(w io.Writer) error {
		return plan.Write(ctx, w, func(n int) { _ = bar.Add(n) }) // a bar that cannot be drawn is no reason to stop
	})
	_ = bar.Finish()
	if err != nil {
		return err
	}
	return c.report(s, mix, plan, time.Since(start))
}

// check refuses what would destroy something or can never work, before
// anything is read.
func (c convertCmd) check() error {
	if sameFile(c.In, c.Out) {
		return errors.New("convert: the file to write is the one to read: give another, for what is rounded cannot be had back")
	}
	if info, err := os.Stat(c.Out); err == nil && info.IsDir() {
		return fmt.Errorf("convert: %s is a directory: name the file to write in it", c.Out)
	}
	if strings.HasSuffix(c.In, ".safetensors") {
		return fmt.Errorf("convert: %s holds weights alone: give the folder with its config.json, %s", c.In, filepath.Dir(c.In))
	}
	return nil
}

// report is one line: what was written, how large it is, and how long it took.
func (c convertCmd) report(s streams, mix quant.Mix, plan *convert.Plan, took time.Duration) error {
	info, err := os.Stat(c.Out)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "%s: %s, %d bytes, %.0f%% of %d, %.2f bits per weight, in %s\n", c.Out, mix, info.Size(),
		100*float64(plan.Written())/float64(plan.Bytes()), plan.Bytes(), bitsPerWeight(plan.Written(), plan.Weights()), took.Round(10*time.Millisecond))
	return err
}

func bitsPerWeight(bytes, weights int64) float64 {
	if weights == 0 {
		return 0
	}
	return 8 * float64(bytes) / float64(weights)
}

func sameFile(a, b string) bool {
	x, errA := os.Stat(a)
	y, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(x, y)
}
