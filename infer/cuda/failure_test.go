//go:build cuda

package cuda_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/a472be26/cusp/infer"
	"github.com/a472be26/cusp/infer/cuda"
	"github.com/a472be26/cusp/infer/cuda/driver"
	"github.com/a472be26/cusp/infer/cuda/simulator"
	"github.com/a472be26/cusp/infer/model"
	"github.com/a472be26/cusp/infer/quant"
)

func TestNoDriver(t *testing.T) {
	t.Parallel()
	m := loadShape(t, shape())
	_, err := cuda.Load(m, cuda.Options{Library: "/nowhere/libcuda.so.1"})
	if !errors.Is(err, driver.ErrNoDriver) {
		t.Errorf("error %v", err)
	}
	if _, err := cuda.Probe(cuda.Options{Library: "/nowhere/libcuda.so.1"}); !errors.Is(err, driver.ErrNoDriver) {
		t.Errorf("probe: error %v", err)
	}
}

// What goes wrong before anything runs is told, and nothing is left behind.
func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	m := loadShape(t, shape())
	for _, c := range []struct {
		name, settings string
		is             error
	}{
		{"an old driver", "driver=10010", driver.ErrDriverTooOld},
		{"the compiler fails", "fail=cuModuleLoadDataEx:0:218", driver.ErrCompile},
		{"the driver does not know the PTX", "fail=cuModuleLoadDataEx:0:222", driver.ErrDriverTooOld},
		{"no context", "fail=cuCtxCreate_v2:0:2", driver.ErrOutOfMemory},
		{"no memory for the weights", "integrated=0,memory=20000", driver.ErrOutOfMemory},
		{"memory runs out", "integrated=0,fail=cuMemAlloc_v2:0:2", driver.ErrOutOfMemory},
		{"a copy fails", "integrated=0,fail=cuMemcpyHtoD_v2:1:700", driver.ErrDeviceLost},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g := simulator.New(t, c.settings)
			if _, err := cuda.Load(m, cuda.Options{Library: g.Path}); !errors.Is(err, c.is) {
				t.Errorf("error %v, want one that is %q", err, c.is)
			}
			for _, left := range []string{"pieces", "contexts"} {
				if n := g.Count(left); n != 0 {
					t.Errorf("%d %s are left", n, left)
				}
			}
		})
	}
}

// Keys, values and vectors that do not fit are refused with the numbers.
func TestMemoryRefuses(t *testing.T) {
	t.Parallel()
	g, _ := onGPU(t, loadShape(t, shape()), "integrated=0,memory=30000000")
	if _, err := g.NewKV(1_000_000, quant.F16); !errors.Is(err, driver.ErrOutOfMemory) || !strings.Contains(err.Error(), "free") {
		t.Errorf("pages: error %v", err)
	}
	kv, err := g.NewKV(4, quant.F16)
	if err != nil {
		t.Fatal(err)
	}
	defer kv.Close()
	_, err = g.NewRunner(kv, model.Limits{Threads: 1, Sequences: 4000, Rows: 4096, Context: 64})
	if err == nil { // the vectors are small here; more rows are not
		_, err = g.NewRunner(kv, model.Limits{Threads: 1, Sequences: 1 << 16, Rows: 1 << 18, Context: 64})
	}
	if !errors.Is(err, driver.ErrOutOfMemory) {
		t.Errorf("runner: error %v", err)
	}
}

// A device that is lost in the middle of a pass fails that pass alone: the next
// one makes a new context, and gives the same as ever.
func TestLostDeviceComesBack(t *testing.T) {
	t.Parallel()
	for _, settings := range []string{"integrated=0", "integrated=1"} {
		g, sim := onGPU(t, loadShape(t, shape()), settings)
		r := newRun(t, g, quant.F16, model.Limits{Threads: 1, Sequences: 1, Rows: 32, Context: 64})
		text := long(20)
		want := r.chunks(5, text)
		sim.Set("lose=7")
		err := r.runner.Forward([]model.Sequence{{Pages: r.pages[0], Tokens: text}})
		if !errors.Is(err, driver.ErrDeviceLost) || !errors.Is(err, model.ErrLost) {
			t.Fatalf("error %v", err)
		}
		for i, got := range r.chunks(5, text) {
			if !slices.Equal(got, want[i]) {
				t.Errorf("%s: chunk %d differs after the device came back", settings, i)
			}
		}
	}
}

// A loss that shows while pages are copied is told by the next pass, once.
func TestLossBetweenPasses(t *testing.T) {
	t.Parallel()
	g, sim := onGPU(t, loadShape(t, shape()), "")
	r := newRun(t, g, quant.F16, model.Limits{Threads: 1, Sequences: 1, Rows: 32, Context: 64})
	r.chunks(5, long(20))
	sim.Set("fail=cuMemcpyDtoHAsync_v2:1:719")
	if err := r.runner.Forward([]model.Sequence{{Pages: r.pages[0], Tokens: long(3), Logits: make([]float32, 96)}}); !errors.Is(err, model.ErrLost) {
		t.Errorf("error %v", err)
	}
	r.chunks(5, long(20))
	sim.Set("fail=cuMemcpyDtoDAsync_v2:1:700")
	r.kv.Copy(0, 1)
	if err := r.kv.Read(make([]byte, r.kv.PageBytes()), 0); !errors.Is(err, model.ErrLost) {
		t.Errorf("a page that is lost was read: %v", err)
	}
	if err := r.runner.Forward([]model.Sequence{{Pages: r.pages[0], Tokens: long(3)}}); !errors.Is(err, model.ErrLost) {
		t.Errorf("error %v", err)
	}
	r.chunks(5, long(20))
}

// A device that does not come back says so, and closing is safe.
func TestLostForGood(t *testing.T) {
	t.Parallel()
	g, sim := onGPU(t, loadShape(t, shape()), "")
	r := newRun(t, g, quant.F16, model.Limits{Threads: 1, Sequences: 1, Rows: 32, Context: 64})
	sim.Set("lose=3,lose_for_good=1")
	batch := []model.Sequence{{Pages: r.pages[0], Tokens: long(3)}}
	if err := r.runner.Forward(batch); !errors.Is(err, model.ErrLost) {
		t.Errorf("error %v", err)
	}
	if err := r.runner.Forward(batch); err == nil || !strings.Contains(err.Error(), "does not come back") {
		t.Errorf("error %v", err)
	}
}

// The engine goes on with a device that came back, and with nothing of what it
// had remembered.
func TestEngineSurvivesLoss(t *testing.T) {
	t.Parallel()
	g, sim := onGPU(t, loadShape(t, shape()), "")
	e, err := infer.New(g, infer.Options{Threads: 1, Sequences: 2, Context: 128, Rows: 32})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	request := infer.Request{Prompt: long(50), MaxTokens: 8}
	want, err := e.Generate(t.Context(), request, nil)
	if err != nil {
		t.Fatal(err)
	}
	sim.Set("lose=20")
	if _, err := e.Generate(t.Context(), request, nil); !errors.Is(err, model.ErrLost) {
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
