// Package bench measures the engine on the machine it runs on: tokens per
// second through the public way, infer.Engine.Generate, and beside them what
// the machine can do at most, measured seconds apart in the same process, since
// machines drift. A share of a limit says more than a rate: it can be compared
// between machines.
//
// A figure is the median of the repeats, with the smallest and the largest. What
// is not known here (peak memory without /proc, say) is left out, not guessed.
//
// Nobody who wants answers needs this package, and an idle machine is its
// caller's business.
package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/a472be26/cusp/infer"
	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/infer/model"
	"github.com/a472be26/cusp/infer/modelfile"
)

// Options says what to measure. No field has a default but those that say so;
// Before may be 0.
type Options struct {
	Threads   []int  // one column of the report for each
	Prefill   int    // tokens of the prompt
	Decode    int    // tokens of the answer, after a prompt of one token
	Sequences []int  // generated at the same time; the ratio to one sequence is reported
	Repeat    int    // how often everything is measured
	Rows      int    // tokens of a pass; 0: the engine's default
	Chunk     int    // of those, tokens of prompts while others decode; 0: the engine's default
	KV        string // what keys and values are stored as, one of infer.KVTypes; empty: the engine's default
	Before    int64  // ResidentMemory before the model was made, for the report alone
	GPU       *GPU   // nil: the CPU computes

	probe probe // of the machine; zero: of a usual size
}

// Check reports the first option that cannot be measured here.
func (o Options) Check() error {
	most := runtime.GOMAXPROCS(0)
	switch {
	case len(o.Threads) == 0 || slices.Min(o.Threads) < 1 || slices.Max(o.Threads) > most:
		return fmt.Errorf("bench: threads are %v: give numbers between 1 and %d, the processors of this program", o.Threads, most)
	case o.Prefill < 1:
		return fmt.Errorf("bench: prefill is %d tokens, not 1 or more", o.Prefill)
	case o.Decode < 1:
		return fmt.Errorf("bench: decode is %d tokens, not 1 or more", o.Decode)
	case len(o.Sequences) == 0 || slices.Min(o.Sequences) < 1:
		return fmt.Errorf("bench: sequences are %v: give numbers of 1 or more", o.Sequences)
	case o.Rows < 0 || o.Chunk < 0:
		return fmt.Errorf("bench: %d tokens of a pass, and %d of prompts beside others: neither may be below 0", o.Rows, o.Chunk)
	case o.Repeat < 1:
		return fmt.Errorf("bench: repeat is %d, not 1 or more", o.Repeat)
	case o.KV != "" && !slices.Contains(infer.KVTypes, o.KV):
		return fmt.Errorf("bench: keys and values as %q: give one of %s", o.KV, strings.Join(infer.KVTypes, ", "))
	}
	return nil
}

// startPrompt is the length of the prompt whose first token ends a start.
const startPrompt = 8

// Context is the positions that the longest measurement needs.
func (o Options) Context() int {
	return max(o.Prefill+1, o.Decode+2, startPrompt+1)
}

// Source is a model that can be opened again and again.
type Source interface {
	// Open makes the weights ready, for example by mapping a file.
	Open() (*gguf.File, error)
	// Describe names the model in reports.
	Describe() string
}

// Path is the Source of a GGUF file, mapped by every Open.
type Path string

var _ Source = Path("")

func (p Path) Open() (*gguf.File, error) { return modelfile.Open(string(p)) }

func (p Path) Describe() string { return string(p) }

// Run measures. progress is called with the name of every step before it, from
// this goroutine.
func Run(ctx context.Context, source Source, o Options, progress func(step string)) (r *Report, err error) {
	// 1. Refuse what cannot work before an hour is spent.
	if err := o.Check(); err != nil {
		return nil, err
	}
	f, err := source.Open()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := newBench(source, f, o, progress)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.unplace()) }()

	// 2. Memory first: its peak must not be that of the other measurements.
	memory, err := b.memory(ctx)
	if err != nil {
		return nil, err
	}
	if err := b.tryLargest(); err != nil {
		return nil, err
	}

	// 3. Every number of threads, with the machine's limits beside the engine's rates.
	r = &Report{Machine: ThisMachine(), Model: b.work, Memory: memory, Prefill: o.Prefill, Decode: o.Decode, Repeat: o.Repeat}
	if o.GPU != nil {
		r.Machine.GPU, r.Machine.Cache = o.GPU.Name, o.GPU.Cache
	}
	limits := b.limits(r.Machine.Cache)
	r.Limits = limits.describe()
	for _, threads := range o.Threads {
		row, err := b.row(ctx, limits, threads)
		if err != nil {
			return nil, fmt.Errorf("bench: %d threads: %w", threads, err)
		}
		r.Rows = append(r.Rows, row)
	}
	return r, nil
}

// bench is one run.
type bench struct {
	source   Source
	options  Options
	model    model.Model // on the CPU
	weights  []byte      // of one tensor
	placed   model.Model // on the GPU; nil: it is not there
	work     Work
	progress func(step string)
	prompts  int // made so far
}

func newBench(source Source, f *gguf.File, o Options, progress func(step string)) (*bench, error) {
	m, err := model.Load(f)
	if err != nil {
		return nil, err
	}
	c := m.Config()
	if need := o.Context(); need > c.Context {
		return nil, fmt.Errorf("bench: prefill of %d and decode of %d tokens need a context of %d, but that of %s is %d: measure fewer",
			o.Prefill, o.Decode, need, source.Describe(), c.Context)
	}
	return &bench{source: source, options: o, model: m, weights: f.Tensors()[0].Data, work: workOf(source, f), progress: progress}, nil
}

// tryLargest makes the largest engine that is to be measured, and lets it go.
func (b *bench) tryLargest() error {
	e, err := b.engine(slices.Max(b.options.Threads), slices.Max(b.options.Sequences))
	if err == nil {
		e.Close()
	}
	return err
}

// row measures everything with one number of threads.
func (b *bench) row(ctx context.Context, limits ceilings, threads int) (Row, error) {
	r := Row{Threads: threads}
	step := func(format string, args ...any) {
		b.progress(count(threads, "thread") + ": " + fmt.Sprintf(format, args...))
	}
	var err error
	step("prefill of %s", count(b.options.Prefill, "token"))
	if r.Compute, err = limits.multiply(threads); err != nil {
		return r, err
	}
	if r.Prefill, err = b.prefill(ctx, threads); err != nil {
		return r, err
	}
	step("decode of %s", count(b.options.Decode, "token"))
	if r.Bandwidth, err = limits.read(threads); err != nil {
		return r, err
	}
	if r.Decode, err = b.decode(ctx, threads, 1); err != nil {
		return r, err
	}
	for _, n := range b.options.Sequences {
		step("decode of %s", count(n, "sequence"))
		if err := b.batch(ctx, &r, n); err != nil {
			return r, err
		}
	}
	step("start to first token")
	if err := b.unplace(); err != nil {
		return r, err
	}
	if r.FirstToken, err = b.firstToken(ctx, threads); err != nil {
		return r, err
	}
	step("a prompt beside a stream")
	if r.Gap, err = b.gap(ctx, threads); err != nil {
		return r, err
	}
	r.Allocations, err = b.allocations(ctx, threads)
	r.PrefillShare = r.Prefill.Median * b.work.promptMACs(b.options.Prefill) / r.Compute.Median / 1e9
	r.DecodeShare = r.Decode.Median * float64(b.work.TokenBytes) / r.Bandwidth.Median / 1e9
	return r, err
}

// batch adds the rate of n sequences to the row; that of one is known already.
func (b *bench) batch(ctx context.Context, r *Row, n int) error {
	total := r.Decode
	if n > 1 {
		var err error
		if total, err = b.decode(ctx, r.Threads, n); err != nil {
			return fmt.Errorf("%d sequences: %w", n, err)
		}
	}
	r.Batches = append(r.Batches, Batch{Sequences: n, Total: total, Ratio: total.Median / r.Decode.Median})
	return nil
}

// engine makes one of the size that is measured. Garbage goes first, so that
// its collection does not fall due in mid-measurement.
func (b *bench) engine(threads, sequences int) (*infer.Engine, error) {
	runtime.GC()
	if err := b.place(); err != nil {
		return nil, err
	}
	where := b.model
	if b.placed != nil {
		where = b.placed
	}
	return infer.New(where, infer.Options{
		Threads: threads, Context: b.options.Context(), Sequences: sequences,
		Rows: b.options.Rows, Chunk: b.options.Chunk, KV: b.options.KV,
	})
}

// prompt makes a prompt that begins unlike the one before it, so that no cached
// prefix is reused.
func (b *bench) prompt(tokens int) []int32 {
	b.prompts++
	p := make([]int32, tokens)
	for i := range p {
		p[i] = int32((b.prompts + 7919*i) % b.work.vocab)
	}
	return p
}

// repeat collects one figure for every repeat.
func (b *bench) repeat(measure func() (float64, error)) (Spread, error) {
	figures := make([]float64, 0, b.options.Repeat)
	for range b.options.Repeat {
		x, err := measure()
		if err != nil {
			return Spread{}, err
		}
		figures = append(figures, x)
	}
	return spreadOf(figures), nil
}

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1000 }
