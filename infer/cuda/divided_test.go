//go:build cuda

package cuda_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/a472be26/cusp/infer"
	"github.com/a472be26/cusp/infer/cuda"
	"github.com/a472be26/cusp/infer/cuda/simulator"
	"github.com/a472be26/cusp/infer/model"
	"github.com/a472be26/cusp/infer/quant"
)

// divided puts some layers of a model on a simulated GPU.
func divided(t *testing.T, m model.Model, settings string, layers int) (*cuda.Divided, *simulator.GPU) {
	t.Helper()
	sim := simulator.New(t, settings)
	g, err := cuda.Load(m, cuda.Options{Library: sim.Path, Layers: layers})
	if err != nil {
		t.Fatal(err)
	}
	d, ok := g.(*cuda.Divided)
	if !ok {
		t.Fatalf("loaded a %T", g)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d, sim
}

// However the layers are divided, the logits are the CPU's.
func TestDividedEqualsCPU(t *testing.T) {
	t.Parallel()
	s := shape()
	s.Layers = 3
	m := loadShape(t, s)
	limits := model.Limits{Threads: 2, Sequences: 1, Rows: 32, Context: 64}
	want := newRun(t, m, quant.F16, limits).chunks(5, long(23))
	for _, layers := range []int{1, 2} {
		d, sim := divided(t, m, "", layers)
		if d.Layers() != layers {
			t.Errorf("%d layers on the GPU, want %d", d.Layers(), layers)
		}
		r := newRun(t, d, quant.F16, limits)
		for i, got := range r.chunks(5, long(23)) {
			checkClose(t, fmt.Sprintf("%d layers, chunk %d", layers, i), got, want[i])
		}
		if n := sim.Count("attend_f16"); n != layers*5 {
			t.Errorf("attention ran %d times on the GPU, want %d", n, layers*5)
		}
	}
}

// A GPU without memory for all weights gets the layers that fit.
func TestLayersThatFit(t *testing.T) {
	t.Parallel()
	s := shape()
	s.Layers, s.Dim, s.FFN = 8, 256, 2048
	d, _ := divided(t, loadShape(t, s), "integrated=0,memory=12000000", 0)
	if n := d.Layers(); n < 2 || n > 6 {
		t.Errorf("%d of 8 layers are on the GPU", n)
	}
	r := newRun(t, d, quant.F16, model.Limits{Threads: 1, Sequences: 1, Rows: 8, Context: 32})
	r.chunks(3, long(9))
}

// The engine runs with a divided model, and survives that the GPU's half is lost.
func TestDividedEngine(t *testing.T) {
	t.Parallel()
	d, sim := divided(t, loadShape(t, shape()), "", 1)
	e, err := infer.New(d, infer.Options{Threads: 1, Sequences: 2, Context: 128, Rows: 32})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	request := infer.Request{Prompt: long(40), MaxTokens: 6}
	want, err := e.Generate(t.Context(), request, nil)
	if err != nil {
		t.Fatal(err)
	}
	sim.Set("lose=9")
	if _, err := e.Generate(t.Context(), infer.Request{Prompt: long(70)[30:], MaxTokens: 6}, nil); !errors.Is(err, model.ErrLost) {
		t.Errorf("error %v", err)
	}
	again, err := e.Generate(t.Context(), request, nil)
	if err != nil {
		t.Fatal(err)
	}
	if again.CachedTokens != 0 || !slices.EqualFunc(again.Tokens, want.Tokens, func(a, b infer.Token) bool { return a.ID == b.ID }) {
		t.Errorf("after the loss, with %d cached tokens: %v, want %v", again.CachedTokens, again.Tokens, want.Tokens)
	}
}

func TestLayersRefused(t *testing.T) {
	t.Parallel()
	sim := simulator.New(t, "")
	for _, layers := range []int{-1, 3} {
		if _, err := cuda.Load(loadShape(t, shape()), cuda.Options{Library: sim.Path, Layers: layers}); err == nil {
			t.Errorf("%d layers of 2 were accepted", layers)
		}
	}
}
