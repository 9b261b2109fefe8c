//go:build cuda

package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/a472be26/cusp/daemon/api"
	"github.com/a472be26/cusp/infer/cuda"
	"github.com/a472be26/cusp/infer/cuda/simulator"
	"github.com/a472be26/cusp/infer/modeltest"
	"github.com/a472be26/cusp/infer/quant"
	"github.com/a472be26/cusp/router"
)

// plainModel is a configuration with a small plain model, for a device.
func plainModel(t *testing.T, device string) Config {
	t.Helper()
	cfg := testConfig(t)
	cfg.Model.AllowUnsigned, cfg.Model.Device, cfg.Model.MinSpeed = true, device, 0
	cfg.Model.PrefixCache = 0
	put(t, cfg, "a.gguf")
	return cfg
}

func put(t *testing.T, cfg Config, name string) {
	t.Helper()
	putShape(t, cfg, name, modeltest.Small())
}

func putShape(t *testing.T, cfg Config, name string, s modeltest.Shape) {
	t.Helper()
	if err := os.MkdirAll(cfg.Model.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	unfinished := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(unfinished, s.Chat(t), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(unfinished, filepath.Join(cfg.Model.Dir, name)); err != nil {
		t.Fatal(err)
	}
}

func placeOf(t *testing.T, c *api.Client) Place {
	t.Helper()
	var s Status
	if err := c.Status(t.Context(), &s); err != nil || s.Model == nil {
		t.Fatalf("status: %+v, %v", s.Model, err)
	}
	return s.Model.Place
}

func briefly(text string) router.Question {
	q := ask(text)
	q.Options.MaxTokens = 8
	return q
}

func mustAnswer(t *testing.T, c *api.Client) {
	t.Helper()
	if _, err := c.Ask(t.Context(), briefly("hi"), nil); err != nil {
		t.Errorf("no answer: %v", err)
	}
}

func TestServeOnTheGPU(t *testing.T) {
	t.Parallel()
	for _, device := range []string{deviceAuto, deviceCUDA} {
		g := simulator.New(t, "name=Orin,capability=87")
		cfg := plainModel(t, device)
		c, stop := serveReal(t, cfg, Options{gpu: cuda.Options{Library: g.Path}})
		if p := placeOf(t, c); p.Device != deviceCUDA || !strings.Contains(p.GPU, "Orin, compute capability 8.7") {
			t.Errorf("%+v", p)
		}
		mustAnswer(t, c)
		// A new model takes over on the GPU, and the old one's memory is given back.
		before := g.Count("pieces")
		put(t, cfg, "b.gguf")
		var s Status
		until(t, "the swap", func() bool {
			return c.Status(t.Context(), &s) == nil && strings.HasSuffix(s.Model.File, "b.gguf") && g.Count("contexts") == 1
		})
		mustAnswer(t, c)
		if after := g.Count("pieces"); after > before || s.Model.Place.Device != deviceCUDA {
			t.Errorf("%d pieces of GPU memory before the swap, %d after it, on %+v", before, after, s.Model.Place)
		}
		stop()
		if n := g.Count("contexts") + g.Count("pieces"); n != 0 {
			t.Errorf("%d contexts and pieces of memory are left", n)
		}
	}
}

// Without a GPU that can be used the CPU answers, and the status says why.
func TestServeWithoutAGPU(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ path, why string }{
		"no driver":     {"/nowhere/libcuda.so.1", "install NVIDIA's driver"},
		"an old driver": {simulator.New(t, "driver=9020").Path, "9.2, at least 10.2"},
		"no device":     {simulator.New(t, "devices=0").Path, "CUDA_ERROR_NO_DEVICE"},
		"no compiler":   {simulator.New(t, "fail=cuModuleLoadDataEx:0:218").Path, "CUDA_ERROR_INVALID_PTX"},
		"no memory":     {simulator.New(t, "memory=10000").Path, "CUDA_ERROR_OUT_OF_MEMORY"},
		"an old GPU":    {simulator.New(t, "capability=50").Path, "5.3 (Jetson Nano) is the oldest"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, _ := serveReal(t, plainModel(t, deviceAuto), Options{gpu: cuda.Options{Library: c.path}})
			if p := placeOf(t, client); p.Device != deviceCPU || !strings.Contains(p.Why, c.why) {
				t.Errorf("%+v, want the CPU because of %q", p, c.why)
			}
			mustAnswer(t, client)
		})
	}
	cfg := plainModel(t, deviceCUDA)
	err := Serve(t.Context(), cfg, Options{gpu: cuda.Options{Library: "/nowhere/libcuda.so.1"}})
	if err == nil || !strings.Contains(err.Error(), `model.device = "auto"`) {
		t.Errorf("a GPU is insisted on, and there is none: %v", err)
	}
}

// Where a GPU has no room for all layers, it depends on what they cost how many it
// gets, and the status says so.
func TestServeBesideASmallGPU(t *testing.T) {
	t.Parallel()
	measure := func() (cuda.Costs, error) {
		return cuda.Costs{CPU: 2 * time.Millisecond, GPU: 3 * time.Millisecond}, nil
	}
	for _, c := range []struct {
		device, place string
		says          []string
	}{
		{deviceAuto, deviceCPU, []string{"the CPU alone is faster", "2ms on the CPU and 3ms on the GPU", "model.gpu_layers"}},
		{deviceCUDA, deviceCUDA, []string{"1 of 20 layers, the others on the CPU (", "3ms on the GPU"}},
	} {
		g := simulator.New(t, "integrated=0,memory=15000000")
		cfg := plainModel(t, c.device)
		cfg.Model.Context, cfg.Model.Sequences, cfg.Model.BatchTokens = 256, 1, 16
		shape := modeltest.Small()
		shape.Layers, shape.Dim, shape.FFN, shape.Type = 20, 256, 1024, quant.Q8_0
		putShape(t, cfg, "a.gguf", shape)
		client, stop := serveReal(t, cfg, Options{gpu: cuda.Options{Library: g.Path, Measure: measure}})
		p := placeOf(t, client)
		for _, want := range c.says {
			if p.Device != c.place || !strings.Contains(p.GPU+p.Why, want) {
				t.Errorf("%s: %+v, want %s and %q", c.device, p, c.place, want)
			}
		}
		mustAnswer(t, client)
		stop()
		if n := g.Count("contexts") + g.Count("pieces"); n != 0 {
			t.Errorf("%s: %d contexts and pieces of memory are left", c.device, n)
		}
	}
}

// A GPU that is lost takes the answers under way with it, and no others.
func TestGPULost(t *testing.T) {
	t.Parallel()
	g := simulator.New(t, "")
	c, _ := serveReal(t, plainModel(t, deviceAuto), Options{gpu: cuda.Options{Library: g.Path}})
	for range 2 {
		q := ask("hi")
		q.Options.MaxTokens, q.Options.IgnoreEOS = 100, true
		first := true
		_, err := c.Ask(t.Context(), q, func(string) error {
			if first {
				g.Set("lose=10")
			}
			first = false
			return nil
		})
		if err == nil {
			t.Error("an answer survived the loss of the GPU")
		}
		mustAnswer(t, c)
	}
	if p := placeOf(t, c); p.Device != deviceCUDA {
		t.Errorf("%+v after the GPU came back", p)
	}
}

// A GPU that does not come back is left alone: the CPU takes over.
func TestGPULostForGood(t *testing.T) {
	t.Parallel()
	g := simulator.New(t, "")
	c, _ := serveReal(t, plainModel(t, deviceAuto), Options{gpu: cuda.Options{Library: g.Path}})
	mustAnswer(t, c)
	g.Set("lose=1,lose_for_good=1")
	for range lostInARow {
		if _, err := c.Ask(t.Context(), briefly("hi"), nil); err == nil {
			t.Error("an answer without a GPU")
		}
	}
	until(t, "the way to the CPU", func() bool { return placeOf(t, c).Device == deviceCPU })
	if p := placeOf(t, c); !strings.Contains(p.Why, "left alone until the daemon restarts") {
		t.Errorf("%+v", p)
	}
	mustAnswer(t, c)
}
