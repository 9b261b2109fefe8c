//go:build cuda

package cuda_test

import (
	"slices"
	"testing"

	"github.com/a472be26/cusp/infer/cuda"
	"github.com/a472be26/cusp/infer/cuda/simulator"
	"github.com/a472be26/cusp/infer/model"
	"github.com/a472be26/cusp/infer/quant"
)

// A token is one copy of the batch, one graph and one wait; nothing is reserved.
func TestTokensAreGraphs(t *testing.T) {
	t.Parallel()
	g, sim := onGPU(t, loadShape(t, shape()), "")
	r := newRun(t, g, quant.F16, model.Limits{Threads: 1, Sequences: 4, Rows: 32, Context: 64})
	r.chunks(5, long(20))
	next := func(position, n int) {
		var batch []model.Sequence
		for i := range n {
			q := model.Sequence{Pages: r.pages[i], Position: position, Tokens: long(1), Leaders: room(2)}
			if i%2 == 1 {
				q.Leaders, q.Logits = nil, make([]float32, 96)
			}
			batch = append(batch, q)
		}
		r.forward(batch...)
	}
	next(20, 4)
	next(20, 1)
	names := []string{"cuGraphLaunch", "cuStreamSynchronize", "cuLaunchKernel", "cuMemAlloc_v2", "cuMemHostAlloc", "cuMemcpyHtoD_v2", "cuMemcpyDtoH_v2", "cuStreamBeginCapture_v2"}
	before := map[string]int{}
	for _, name := range names {
		before[name] = sim.Count(name)
	}
	const passes = 10
	for i := range passes {
		next(21+i, 1+3*(i%2))
	}
	for _, name := range names {
		want := 0
		if name == "cuGraphLaunch" || name == "cuStreamSynchronize" {
			want = passes
		}
		if n := sim.Count(name) - before[name]; n != want {
			t.Errorf("%s was called %d times in %d passes, want %d", name, n, passes, want)
		}
	}
}

// Keys and values of 8 bits cost little.
func TestKeysOfEightBits(t *testing.T) {
	t.Parallel()
	g, _ := onGPU(t, loadShape(t, shape()), "")
	limits := model.Limits{Threads: 1, Sequences: 1, Rows: 32, Context: 64}
	half, eight := newRun(t, g, quant.F16, limits), newRun(t, g, quant.Q8_0, limits)
	if eight.kv.PageBytes() >= half.kv.PageBytes() {
		t.Errorf("pages of %d bytes, in binary16 of %d", eight.kv.PageBytes(), half.kv.PageBytes())
	}
	a, b := half.chunks(7, long(30)), eight.chunks(7, long(30))
	for i := range a {
		checkWithin(t, "8 bits", b[i], a[i], 0.999)
	}
}

// A token takes nothing from the heap. Not parallel: others' allocations
// would be counted.
func TestTokensDoNotAllocate(t *testing.T) {
	g, _ := onGPU(t, loadShape(t, shape()), "")
	r := newRun(t, g, quant.F16, model.Limits{Threads: 1, Sequences: 1, Rows: 1, Context: 256})
	for _, q := range []model.Sequence{{Logits: make([]float32, 96)}, {Leaders: room(40)}} {
		q.Pages, q.Tokens = r.pages[0], []int32{7}
		batch := []model.Sequence{q}
		if n := testing.AllocsPerRun(50, func() {
			r.forward(batch...)
			batch[0].Position++
		}); n != 0 {
			t.Errorf("%v allocations per token, leaders %v", n, q.Leaders)
		}
	}
}

// A driver without graphs runs the same launches one by one.
func TestWithoutGraphs(t *testing.T) {
	t.Parallel()
	m := loadShape(t, shape())
	with, _ := onGPU(t, m, "")
	sim := simulator.New(t, "", "cuStreamBeginCapture_v2")
	without := put(t, m, cuda.Options{Library: sim.Path})
	limits := model.Limits{Threads: 1, Sequences: 1, Rows: 32, Context: 64}
	a := newRun(t, with, quant.F16, limits).chunks(1, long(10))
	b := newRun(t, without, quant.F16, limits).chunks(1, long(10))
	for i := range a {
		if !slices.Equal(a[i], b[i]) {
			t.Errorf("token %d differs without graphs", i)
		}
	}
}

// The storage of a page can be taken out, put back and copied.
func TestPagesMove(t *testing.T) {
	t.Parallel()
	g, _ := onGPU(t, loadShape(t, shape()), "")
	r := newRun(t, g, quant.F16, model.Limits{Threads: 1, Sequences: 2, Rows: 32, Context: 32})
	text := long(20)
	want := r.logits(0, 0, text...)
	page := make([]byte, r.kv.PageBytes())
	if err := r.kv.Read(page, r.pages[0][0]); err != nil {
		t.Fatal(err)
	}
	r.kv.Write(r.pages[1][0], page)
	r.kv.Copy(r.pages[1][1], r.pages[0][1])
	if got := r.logits(1, len(text)-1, text[len(text)-1]); !slices.Equal(got, want) {
		t.Errorf("moved pages give other logits: cosine %.6f", cosine(got, want))
	}
}

// A chunk of a prompt whose logits nobody wants ends behind the last attention.
func TestUnwantedLogits(t *testing.T) {
	t.Parallel()
	g, sim := onGPU(t, loadShape(t, shape()), "")
	r := newRun(t, g, quant.F16, model.Limits{Threads: 1, Sequences: 2, Rows: 32, Context: 32})
	products := func() int { return sim.Count("product_few_q8_0") + sim.Count("product_one_q8_0") }
	before := products()
	r.forward(model.Sequence{Pages: r.pages[0], Tokens: long(5)})
	without := products() - before
	before = products()
	r.logits(0, 5, long(5)...)
	if with := products() - before; without != with-4 { // output, gate and up, down, head
		t.Errorf("%d products without logits, %d with", without, with)
	}
}

// A GPU that shares the machine's memory reads the weights where they are.
func TestSharedWeights(t *testing.T) {
	t.Parallel()
	m := loadShape(t, shape())
	for _, c := range []struct {
		settings string
		copy     bool
		copied   bool
	}{{"integrated=1", false, false}, {"integrated=1", true, true}, {"integrated=1,registers=0", false, true}, {"integrated=0", false, true}} {
		sim := simulator.New(t, c.settings)
		var done, whole int64
		put(t, m, cuda.Options{Library: sim.Path, Copy: c.copy, Progress: func(d, w int64) { done, whole = d, w }})
		if copied := sim.Count("cuMemcpyHtoD_v2") > 0; copied != c.copied {
			t.Errorf("%s: copied is %v", c.settings, copied)
		}
		if done != whole || whole == 0 {
			t.Errorf("%s: %d of %d bytes", c.settings, done, whole)
		}
	}
}

func TestProbe(t *testing.T) {
	t.Parallel()
	sim := simulator.New(t, "capability=87,integrated=1")
	info, err := cuda.Probe(cuda.Options{Library: sim.Path})
	if err != nil {
		t.Fatal(err)
	}
	if info.Capability != "8.7" || info.Kernels != "sm_80" || !info.Integrated || info.Memory == 0 || sim.Count("contexts") != 0 {
		t.Errorf("%+v, %d contexts", info, sim.Count("contexts"))
	}
	if _, err := cuda.Probe(cuda.Options{Library: sim.Path, Device: 7}); err == nil {
		t.Error("a device that is not there was found")
	}
}
