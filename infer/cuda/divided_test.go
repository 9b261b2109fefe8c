//go:build cuda

package cuda_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/a472be26/cusp/infer"
	"github.com/a472be26/cusp/infer/cuda"
	"github.com/a472be26/cusp/infer/cuda/driver"
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

// large does not fit a GPU of 12 MB, but some of its layers do.
func large(t *testing.T) model.Model {
	t.Helper()
	s := shape()
	s.Layers, s.Dim, s.FFN = 8, 256, 2048
	return loadShape(t, s)
}

const smallGPU = "integrated=0,memory=12000000"

// costing says what layers cost.
func costing(cpu, gpu time.Duration) func() (cuda.Costs, error) {
	return func() (cuda.Costs, error) {
		return cuda.Costs{CPU: cpu, GPU: gpu, Handover: time.Millisecond}, nil
	}
}

// A GPU without memory for all weights gets the layers that fit, if it is fast.
func TestLayersThatFit(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	m := large(t)
	all := 0
	for _, c := range []struct {
		name    string
		o       cuda.Options
		reason  string
		checked func(layers int) bool
	}{
		{"a fast GPU", cuda.Options{Measure: costing(9*ms, ms)}, "a layer takes 9ms on the CPU and 1ms on the GPU", func(n int) bool { all = n; return n >= 2 && n <= 6 }},
		{"a slow one that is wanted", cuda.Options{Measure: costing(ms, 9*ms), Insist: true}, "9ms on the GPU", func(n int) bool { return n == 1 }},
		{"one that cannot be measured", cuda.Options{Measure: func() (cuda.Costs, error) { return cuda.Costs{}, errors.New("no clock") }}, "no clock", func(n int) bool { return n == all }},
		{"one that is measured", cuda.Options{Insist: true}, "a layer takes ", func(n int) bool { return n == 1 || n == all }},
		{"as is wanted", cuda.Options{Layers: 2, Measure: unmeasured(t)}, "", func(n int) bool { return n == 2 }},
	} {
		sim := simulator.New(t, smallGPU)
		c.o.Library = sim.Path
		g, err := cuda.Load(m, c.o)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		d, ok := g.(*cuda.Divided)
		if !ok {
			t.Fatalf("%s: loaded a %T", c.name, g)
		}
		if !c.checked(d.Layers()) || !strings.Contains(d.Reason(), c.reason) {
			t.Errorf("%s: %d of 8 layers are on the GPU: %s", c.name, d.Layers(), d.Reason())
		}
		if c.reason == "" && d.Reason() != "" {
			t.Errorf("%s: %s", c.name, d.Reason())
		}
		if n := sim.Count("contexts"); n != 1 {
			t.Errorf("%s: %d contexts", c.name, n)
		}
		if c.name == "a fast GPU" { // the simulator is slow
			newRun(t, d, quant.F16, model.Limits{Threads: 1, Sequences: 1, Rows: 8, Context: 32}).chunks(3, long(4))
		}
		t.Cleanup(func() {
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// unmeasured is for where nothing needs to be measured.
func unmeasured(t *testing.T) func() (cuda.Costs, error) {
	return func() (cuda.Costs, error) {
		t.Error("the layers were measured")
		return cuda.Costs{}, nil
	}
}

// Where the CPU alone is faster, that is said, and nothing is left on the GPU.
func TestSlowGPU(t *testing.T) {
	t.Parallel()
	sim := simulator.New(t, smallGPU)
	_, err := cuda.Load(large(t), cuda.Options{Library: sim.Path, Measure: costing(time.Millisecond, 2*time.Millisecond)})
	if !errors.Is(err, cuda.ErrSlower) || !strings.Contains(err.Error(), "1ms on the CPU and 2ms on the GPU") {
		t.Errorf("error %v", err)
	}
	for _, left := range []string{"pieces", "contexts"} {
		if n := sim.Count(left); n != 0 {
			t.Errorf("%d %s are left", n, left)
		}
	}
}

// What fits as a whole, or with no layer, is not measured.
func TestNotMeasured(t *testing.T) {
	t.Parallel()
	m := loadShape(t, shape())
	put(t, m, cuda.Options{Library: simulator.New(t, "integrated=0").Path, Measure: unmeasured(t)})
	for _, settings := range []string{"integrated=0,memory=20000", "integrated=1,registers=0,memory=60000"} {
		if _, err := cuda.Load(m, cuda.Options{Library: simulator.New(t, settings).Path, Measure: unmeasured(t)}); !errors.Is(err, driver.ErrOutOfMemory) {
			t.Errorf("%s: error %v", settings, err)
		}
	}
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

// The layers that are timed can be taken out of every family of decoders.
func TestExtractFamilies(t *testing.T) {
	t.Parallel()
	for _, name := range fixtures(t) {
		m, _ := fixture(t, name, quant.F32)
		c := m.Config()
		if c.Kind != model.Decoder {
			continue
		}
		p := m.(model.Programmed).Program()
		for from := range c.Layers - 1 {
			part, err := cuda.Extract(p, from, c.Layers-1)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			r := newRun(t, model.New(part), quant.F16, model.Limits{Threads: 1, Sequences: 1, Rows: 1, Context: 1})
			hidden := make([]float32, c.Dim)
			r.forward(model.Sequence{Pages: r.pages[0], Tokens: []int32{0}, Hidden: hidden})
			if !(cosine(hidden, hidden) > 0.9) {
				t.Errorf("%s from layer %d: %v", name, from, hidden)
			}
		}
	}
}
