package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/a472be26/cusp/infer/convert"
	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/infer/quant"
)

type convertCmd struct {
	File string `arg:"" type:"path" help:"GGUF file, in F32, F16, BF16 or Q8_0."`
	Type string `required:"" help:"Type of the weights: f32, f16, bf16, q4_0, q4_1, q5_0, q5_1, q8_0, q2_k, q3_k, q4_k, q5_k, q6_k, iq4_nl, iq4_xs or mxfp4, or llama-quantize's mix of several: q3_k_m, q4_k_m or q5_k_m."`
	Out  string `required:"" short:"o" type:"path" help:"GGUF file to write; it is replaced when all is done."`
}

// Validate makes a type that is not known wrong usage.
func (c convertCmd) Validate() error {
	if _, err := quant.ParseMix(c.Type); err != nil {
		return fmt.Errorf("--type: %w", err)
	}
	return nil
}

func (c convertCmd) Run(ctx context.Context, s streams) error {
	mix, err := quant.ParseMix(c.Type)
	if err != nil {
		return err
	}
	if sameFile(c.File, c.Out) {
		return errors.New("convert: --out is the file itself: give another, for what is rounded cannot be had back")
	}
	f, err := gguf.Open(c.File)
	if err != nil {
		return err
	}
	defer f.Close()
	plan, err := convert.NewPlan(f, mix)
	if err != nil {
		return err
	}
	bar := bytesBar(s.err, plan.Bytes())
	err = writeFile(c.Out, func(w io.Writer) error {
		return plan.Write(ctx, w, func(n int) { _ = bar.Add(n) }) // a bar that cannot be drawn is no reason to stop
	})
	_ = bar.Finish()
	if err != nil {
		return err
	}
	return c.report(s, mix, f.Size())
}

func (c convertCmd) report(s streams, mix quant.Mix, before int64) error {
	info, err := os.Stat(c.Out)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "%s: %s, %d bytes, %.0f%% of %d\n", c.Out, mix, info.Size(), 100*float64(info.Size())/float64(before), before)
	return err
}

func sameFile(a, b string) bool {
	x, errA := os.Stat(a)
	y, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(x, y)
}

// bytesBar draws on a terminal and nowhere else.
func bytesBar(w io.Writer, total int64) *progressbar.ProgressBar {
	return progressbar.NewOptions64(total, progressbar.OptionSetWriter(w), progressbar.OptionSetVisibility(isTerminal(w)),
		progressbar.OptionShowBytes(true), progressbar.OptionSetPredictTime(true), progressbar.OptionSetWidth(30),
		progressbar.OptionThrottle(200*time.Millisecond), progressbar.OptionClearOnFinish())
}
