//go:build cuda

package cuda

import (
	"math"
	"slices"
	"testing"

	"github.com/a472be26/cusp/infer/cuda/driver"
	"github.com/a472be26/cusp/infer/cuda/simulator"
	"github.com/a472be26/cusp/infer/model"
	"github.com/a472be26/cusp/infer/modeltest"
	"github.com/a472be26/cusp/infer/quant"
)

// ofLayers is a random program.
func ofLayers(t *testing.T, n int) *model.Program {
	t.Helper()
	s := modeltest.Shape{Vocab: 96, Dim: 64, Layers: n, Heads: 4, KVHeads: 2, HeadDim: 32, FFN: 96, Context: 2048, Seed: 1, Type: quant.Q8_0}
	m, err := model.Load(s.File(t))
	if err != nil {
		t.Fatal(err)
	}
	return m.(model.Programmed).Program()
}

// hidden is what a program makes of a token.
func hidden(t *testing.T, m model.Model) []float32 {
	t.Helper()
	kv, err := m.NewKV(1, quant.F16)
	if err != nil {
		t.Fatal(err)
	}
	defer kv.Close()
	r, err := m.NewRunner(kv, model.Limits{Threads: 1, Sequences: 1, Rows: 1, Context: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	out := make([]float32, m.Config().Dim)
	if err := r.Forward([]model.Sequence{{Pages: []int32{0}, Tokens: []int32{0}, Hidden: out}}); err != nil {
		t.Fatal(err)
	}
	return out
}

// What is timed does what the program does, on the CPU and on the GPU.
func TestExtract(t *testing.T) {
	t.Parallel()
	p := ofLayers(t, 5)
	for _, c := range [][2]int{{0, 0}, {0, 1}, {0, 4}, {1, 2}, {1, 4}, {3, 4}} {
		part, err := extract(p, c[0], c[1])
		if err != nil {
			t.Fatalf("%v: %v", c, err)
		}
		if got := layersIn(part); got != c[1]-c[0] {
			t.Errorf("%v has %d layers", c, got)
		}
		cpu := hidden(t, model.New(part))
		if first, _, err := p.Split(max(c[1], 1)); err == nil && c[0] == 0 && c[1] > 0 && !slices.Equal(cpu, hidden(t, model.New(first))) {
			t.Errorf("%v gives something else than the first layers", c)
		}
		m, err := newModel(part, Options{}, simulated(t))
		if err != nil {
			t.Fatal(err)
		}
		if gpu := hidden(t, m); !(distance(gpu, cpu) < 0.01) {
			t.Errorf("%v: the GPU gives %v, the CPU %v", c, gpu, cpu)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
	for _, c := range [][2]int{{0, 5}, {2, 1}, {4, 5}} {
		if _, err := extract(p, c[0], c[1]); err == nil {
			t.Errorf("%v was extracted", c)
		}
	}
}

func layersIn(p *model.Program) (n int) {
	for _, step := range p.Steps {
		if s, ok := step.(*model.Store); ok && s.Layer == n {
			n++
		}
	}
	return n
}

func simulated(t *testing.T) *driver.Device {
	t.Helper()
	d, err := device(Options{Library: simulator.New(t, "integrated=0").Path})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// distance is how long the difference is, in lengths of the second vector.
func distance(a, b []float32) float64 {
	var far, long float64
	for i := range a {
		far += math.Pow(float64(a[i]-b[i]), 2)
		long += math.Pow(float64(b[i]), 2)
	}
	return math.Sqrt(far / long)
}

// A trial runs passes on both sides, and leaves nothing behind.
func TestTrial(t *testing.T) {
	t.Parallel()
	for _, layers := range []int{2, 3, 5} {
		p := ofLayers(t, layers)
		sizes := sizesOf(p)
		if len(sizes) != layers || !slices.IsSorted(sizes) || sizes[0] < 96*64 {
			t.Errorf("%d layers: sizes %v", layers, sizes)
		}
		sim := simulator.New(t, "integrated=0")
		d, err := device(Options{Library: sim.Path})
		if err != nil {
			t.Fatal(err)
		}
		trial, err := newTrial(p, Options{Threads: 1, Progress: func(int64, int64) { t.Error("a trial was reported") }}, d)
		if err != nil {
			t.Fatal(err)
		}
		costs, err := trial.costs(p, sizes, 1<<30)
		if err != nil || costs.CPU <= 0 || costs.GPU <= 0 || costs.Handover <= 0 {
			t.Errorf("%d layers: %+v, %v", layers, costs, err)
		}
		if err := trial.Close(); err != nil {
			t.Error(err)
		}
		// Passes of the layers, with attention, come after those without.
		if idle, all := sim.Count("cuGraphLaunch"), sim.Count("attend_f16"); all == 0 || all >= idle*max(1, layers-2) {
			t.Errorf("%d layers: %d graphs, %d times attention", layers, idle, all)
		}
		for _, left := range []string{"pieces", "contexts"} {
			if n := sim.Count(left); n != 0 {
				t.Errorf("%d layers: %d %s are left", layers, n, left)
			}
		}
	}
}

func TestTrialLayers(t *testing.T) {
	t.Parallel()
	const mb = 1 << 20
	for _, c := range []struct {
		name     string
		sizes    []int64
		room     int64
		from, to int
	}{
		{"two layers", []int64{10, 50 * mb}, 100 * mb, 0, 1},
		{"three", []int64{10, 50 * mb, 100 * mb}, 200 * mb, 1, 2},
		{"large ones", []int64{10, 100 * mb, 200 * mb, 300 * mb}, 400 * mb, 1, 2},
		{"small ones", []int64{10, 20 * mb, 40 * mb, 60 * mb, 80 * mb, 100 * mb, 120 * mb}, 400 * mb, 1, 5},
		{"all of them", []int64{10, 2 * mb, 4 * mb, 6 * mb}, 400 * mb, 1, 3},
		{"little room", []int64{10, 20 * mb, 40 * mb, 60 * mb, 80 * mb, 100 * mb, 120 * mb}, 50 * mb, 1, 3},
	} {
		if from, to := trialLayers(c.sizes, c.room); from != c.from || to != c.to {
			t.Errorf("%s: from %d to %d, want %d to %d", c.name, from, to, c.from, c.to)
		}
	}
}
