package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"

	"github.com/a472be26/cusp/infer"
	"github.com/a472be26/cusp/infer/bench"
	"github.com/a472be26/cusp/infer/quant"
)

type benchCmd struct {
	File      string   `arg:"" optional:"" type:"path" help:"GGUF file; without one, a model with random weights is made in memory."`
	Shape     string   `placeholder:"SHAPE" complete:"15m,qwen2.5-0.5b,student,tinyllama-1.1b" help:"Shape of the random model, always Llama's architecture: 15m, qwen2.5-0.5b, student, tinyllama-1.1b, or dim=..,layers=..,heads=..,kv_heads=..,ffn=..,vocab=.. (default: 15m)."`
	Quant     string   `placeholder:"TYPE" complete:"f32,f16,bf16,q4_0,q4_1,q5_0,q5_1,q8_0,q2_k,q3_k,q4_k,q5_k,q6_k,iq4_nl,iq4_xs,mxfp4,q3_k_m,q4_k_m,q5_k_m" help:"Type of the random weights: f32, f16, bf16, q4_0, q4_1, q5_0, q5_1, q8_0, q2_k, q3_k, q4_k, q5_k, q6_k, iq4_nl, iq4_xs or mxfp4, or llama-quantize's mix of several: q3_k_m, q4_k_m or q5_k_m (default: q8_0)."`
	Save      string   `type:"path" placeholder:"OUT.gguf" help:"Write the random model to a file, with a vocabulary that other engines accept, and measure the file."`
	Device    string   `default:"cpu" enum:"cpu,cuda" help:"What computes: cpu, or cuda, an NVIDIA GPU (package cusp-cuda)."`
	Threads   []int    `help:"Numbers of threads to measure (default: 1, 2, 4 and so on up to the processors)."`
	Prefill   int      `default:"512" help:"Tokens of the prompt (${default})."`
	Decode    int      `default:"64" help:"Tokens of the answer (${default})."`
	Sequences []int    `default:"1,2,4,8" help:"Answers generated at the same time (${default})."`
	KV        string   `default:"f16" enum:"f16,f32,q8_0" placeholder:"TYPE" help:"Type that keys and values are stored as: f16, f32 or q8_0 (${default})."`
	Batch     int      `name:"batch-tokens" placeholder:"N" help:"Tokens of a forward pass, as model.batch_tokens of cusp.toml (default: 256, with AMX 512 unless the model is wide)."`
	Chunk     int      `name:"prefill-chunk" placeholder:"N" help:"Of those, tokens of prompts while others decode, as model.prefill_chunk (default: 32)."`
	Repeat    int      `default:"3" help:"Measurements of which the median is taken (${default})."`
	Against   []string `sep:"none" placeholder:"COMMAND" help:"Another engine's llama-bench program (llama.cpp, ik_llama.cpp), with options if need be; it and Cusp take turns on FILE, and the ratios are printed. May be given several times. Several sequences are measured with the llama-batched-bench beside it."`
	JSON      bool     `help:"Print JSON."`
	Report    string   `type:"path" placeholder:"FILE" help:"Write the JSON to a file as well."`
}

const (
	defaultShape = "15m"
	defaultQuant = "q8_0"
)

// Validate makes values that cannot be measured wrong usage.
func (c benchCmd) Validate() error {
	if c.File != "" && (c.Shape != "" || c.Quant != "" || c.Save != "") {
		return errors.New("--shape, --quant and --save are for random weights; the file has its own")
	}
	if c.File == "" && c.Save == "" && len(c.Against) > 0 {
		return errors.New("--against needs a FILE that both engines can read, or --save for one of random weights")
	}
	if _, err := bench.ParseShape(cmp.Or(c.Shape, defaultShape)); err != nil {
		return fmt.Errorf("--shape: %w", err)
	}
	if _, err := quant.ParseMix(cmp.Or(c.Quant, defaultQuant)); err != nil {
		return fmt.Errorf("--quant: %w", err)
	}
	return c.options().Check()
}

func (c benchCmd) Run(ctx context.Context, s streams) error {
	progress, end := steps(s.err)
	defer end()
	if c.Save != "" {
		err := c.save(progress)
		end()
		if err != nil {
			return fmt.Errorf("bench: save: %w", err)
		}
		c.File = c.Save
	}
	options := c.options()
	if c.Device == "cuda" {
		gpu, peaks, err := benchGPU()
		if err != nil {
			return fmt.Errorf("bench: %w", err)
		}
		defer peaks.Close()
		options.GPU = gpu
	}
	infer.TrimProgram()
	options.Before = bench.ResidentMemory()
	if len(c.Against) > 0 {
		return c.compare(ctx, s, options)
	}
	source, err := c.source(progress)
	if err != nil {
		return err
	}
	report, err := bench.Run(ctx, source, options, progress)
	end()
	if err != nil {
		return err
	}
	return c.print(s, report)
}

// print shows what was measured, and keeps it.
func (c benchCmd) print(s streams, report interface{ Print(io.Writer) error }) error {
	if c.Report != "" {
		if err := writeFile(c.Report, func(f io.Writer) error { return writeJSON(f, report) }); err != nil {
			return fmt.Errorf("bench: report: %w", err)
		}
	}
	if c.JSON {
		return writeJSON(s.out, report)
	}
	return report.Print(s.out)
}

func (c benchCmd) compare(ctx context.Context, s streams, options bench.Options) error {
	var opponents []*bench.Opponent
	for _, command := range c.Against {
		o, err := bench.NewOpponent(command)
		if err != nil {
			return err
		}
		opponents = append(opponents, o)
	}
	progress, end := steps(s.err)
	comparison, err := bench.Compare(ctx, bench.Path(c.File), options, opponents, progress)
	end()
	if err != nil {
		return err
	}
	return c.print(s, comparison)
}

func (c benchCmd) options() bench.Options {
	threads := c.Threads
	if len(threads) == 0 {
		threads = doublings(runtime.GOMAXPROCS(0))
	}
	if len(c.Threads) == 0 && c.Device == "cuda" { // they only sample
		threads = []int{runtime.GOMAXPROCS(0)}
	}
	return bench.Options{
		Threads: threads, Prefill: c.Prefill, Decode: c.Decode, Sequences: c.Sequences,
		Rows: c.Batch, Chunk: c.Chunk, KV: c.KV, Repeat: c.Repeat,
	}
}

func (c benchCmd) source(progress func(string)) (bench.Source, error) {
	if c.File != "" {
		return bench.Path(c.File), nil
	}
	return c.random(progress)
}

func (c benchCmd) random(progress func(string)) (*bench.Random, error) {
	shape, err := bench.ParseShape(cmp.Or(c.Shape, defaultShape))
	if err != nil {
		return nil, err
	}
	mix, err := quant.ParseMix(cmp.Or(c.Quant, defaultQuant))
	if err != nil {
		return nil, err
	}
	progress("random weights")
	return bench.NewRandom(shape, mix, c.options().Context())
}

func (c benchCmd) save(progress func(string)) error {
	random, err := c.random(progress)
	if err != nil {
		return err
	}
	progress("write " + c.Save)
	return writeFile(c.Save, random.Save)
}

// doublings are 1, 2, 4 and so on below n, then n.
func doublings(n int) []int {
	var all []int
	for i := 1; i < n; i *= 2 {
		all = append(all, i)
	}
	return append(all, n)
}

// steps shows the step that a long measurement is at, on a terminal. Nothing moves
// in between: a bar that is drawn would be measured too.
func steps(w io.Writer) (at func(step string), end func()) {
	if !isTerminal(w) {
		return func(string) {}, func() {}
	}
	const erase = "\r\x1b[K"
	return func(step string) { fmt.Fprint(w, erase, step) }, func() { fmt.Fprint(w, erase) }
}
