//go:build cuda

package driver_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/a472be26/cusp/infer/cuda/driver"
	"github.com/a472be26/cusp/infer/cuda/simulator"
)

// scalePTX is the kernel scale of infer/cuda/kernels by hand, for any GPU.
const scalePTX = `.version 6.0
.target sm_53
.address_size 64

.visible .entry scale(
	.param .u64 scale_param_0,
	.param .f32 scale_param_1,
	.param .u64 scale_param_2
)
{
	.reg .pred %p<2>;
	.reg .f32 %f<4>;
	.reg .b32 %r<5>;
	.reg .b64 %rd<8>;
	ld.param.u64 %rd1, [scale_param_0];
	ld.param.f32 %f1, [scale_param_1];
	ld.param.u64 %rd2, [scale_param_2];
	mov.u32 %r1, %ctaid.x;
	mov.u32 %r2, %ntid.x;
	mov.u32 %r3, %tid.x;
	mul.wide.u32 %rd3, %r1, %r2;
	cvt.u64.u32 %rd4, %r3;
	add.s64 %rd5, %rd3, %rd4;
	setp.ge.s64 %p1, %rd5, %rd2;
	@%p1 bra DONE;
	cvta.to.global.u64 %rd6, %rd1;
	shl.b64 %rd5, %rd5, 2;
	add.s64 %rd7, %rd6, %rd5;
	ld.global.f32 %f2, [%rd7];
	mul.rn.f32 %f3, %f2, %f1;
	st.global.f32 [%rd7], %f3;
DONE:
	ret;
}
`

// must ends the test with an error.
func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func check(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// fixture is a device with the kernel and some floats on it.
type fixture struct {
	*driver.Context
	scale  *driver.Function
	stream *driver.Stream
	pinned *driver.Host
	at     driver.DevicePointer
}

const floats = 1000

func newFixture(t *testing.T, c *driver.Context) *fixture {
	t.Helper()
	m, _, err := c.LoadPTX(scalePTX)
	check(t, err)
	f := &fixture{Context: c, scale: must[*driver.Function](t)(m.Function("scale")), stream: must[*driver.Stream](t)(c.NewStream())}
	f.pinned = must[*driver.Host](t)(c.AllocHost(4 * floats))
	f.at = must[driver.DevicePointer](t)(c.Alloc(4 * floats))
	f.fill()
	return f
}

func (f *fixture) fill() {
	x := make([]float32, floats)
	for i := range x {
		x[i] = float32(i)
	}
	copy(f.pinned.Bytes, driver.Bytes(x))
}

// launch multiplies the floats.
func (f *fixture) launch(factor float32) error {
	var args driver.Args
	args.Pointer(f.at).Float(factor).Long(floats)
	return f.stream.Launch(f.scale, driver.Dim{X: (floats + 255) / 256}, driver.Dim{X: 256}, 0, &args)
}

// run takes them there, multiplies, and takes them back.
func (f *fixture) run(factor float32) error {
	return errors.Join(f.stream.Upload(f.at, f.pinned.Bytes), f.launch(factor), f.stream.Download(f.pinned.Bytes, f.at))
}

func (f *fixture) values() []float32 {
	x := make([]float32, floats)
	copy(driver.Bytes(x), f.pinned.Bytes)
	return x
}

func (f *fixture) expect(t *testing.T, factor float32) {
	t.Helper()
	for i, v := range f.values() {
		if v != float32(i)*factor {
			t.Fatalf("value %d is %v, want %v", i, v, float32(i)*factor)
		}
	}
}

func TestLaunch(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.New(t, "").Context(t))
	check(t, f.run(3), f.stream.Synchronize())
	f.expect(t, 3)
}

// What runs must be waited for: results are not there before.
func TestLazy(t *testing.T) {
	t.Parallel()
	g := simulator.New(t, "")
	f := newFixture(t, g.Context(t))
	check(t, f.run(3))
	if !g.Real() {
		f.expect(t, 1)
	}
	for {
		done, err := f.stream.Done()
		check(t, err)
		if done {
			break
		}
	}
	f.expect(t, 3)
}

func TestGraph(t *testing.T) {
	t.Parallel()
	for _, without := range [][]string{nil, {"cuGraphInstantiateWithFlags"}, {"cuGraphInstantiateWithFlags", "cuGraphInstantiate_v2"}} {
		f := newFixture(t, simulator.New(t, "", without...).Context(t))
		graph := must[*driver.Graph](t)(f.stream.Capture(func() error { return f.run(2) }))
		if n := must[int](t)(graph.Nodes()); n != 3 {
			t.Errorf("%d nodes, want 3", n)
		}
		f.expect(t, 1)
		check(t, graph.Launch(f.stream), graph.Launch(f.stream), f.stream.Synchronize())
		f.expect(t, 4)
		check(t, graph.Close())
	}
}

func TestNoGraphs(t *testing.T) {
	t.Parallel()
	g := simulator.New(t, "driver=10020", "cuStreamBeginCapture_v2")
	f := newFixture(t, g.Context(t))
	if f.Device().Driver().Graphs() {
		t.Error("a driver without cuStreamBeginCapture_v2 can capture graphs")
	}
	if _, err := f.stream.Capture(func() error { return f.run(2) }); !errors.Is(err, driver.ErrNotSupported) {
		t.Errorf("capture: %v, want %v", err, driver.ErrNotSupported)
	}
}

// A mistake during a capture is told, and the stream is of use afterwards.
func TestBrokenCapture(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.New(t, "").Context(t))
	mistakes := map[string]func() error{
		"an allocation":   func() error { _, err := f.Alloc(100); return err },
		"an error of f's": func() error { return errors.New("mine") },
	}
	for name, mistake := range mistakes {
		if _, err := f.stream.Capture(func() error { return errors.Join(f.launch(2), mistake()) }); err == nil {
			t.Errorf("%s: no error", name)
		}
		check(t, f.run(1), f.stream.Synchronize())
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.New(t, "").Context(t))
	before, after := must[*driver.Event](t)(f.NewEvent(true)), must[*driver.Event](t)(f.NewEvent(true))
	other := must[*driver.Stream](t)(f.NewStream())
	check(t, before.Record(f.stream), f.run(3), after.Record(f.stream), other.Wait(after), other.Synchronize())
	f.expect(t, 3)
	took, err := after.Since(before)
	check(t, err, before.Close(), after.Close(), other.Close())
	if took < 0 {
		t.Errorf("it took %v", took)
	}
}

func TestMemory(t *testing.T) {
	t.Parallel()
	g := simulator.New(t, "")
	c := g.Context(t)
	free, total, err := c.MemoryInfo()
	check(t, err)
	p := must[driver.DevicePointer](t)(c.Alloc(1 << 20))
	less, _, err := c.MemoryInfo()
	check(t, err)
	if less >= free || free > total {
		t.Errorf("%d bytes free of %d, and %d after an allocation", free, total, less)
	}
	data := slices.Repeat([]byte{7}, 1<<20)
	back := make([]byte, 1<<20)
	check(t, c.Upload(p, data), c.Download(back, p), c.Free(p))
	if !slices.Equal(data, back) {
		t.Error("what came back is not what was sent")
	}
	if n := g.Count("pieces"); n != 0 {
		t.Errorf("%d pieces of memory are left", n)
	}
}

// Kernels read a file that was mapped for reading, and registered.
func TestRegister(t *testing.T) {
	t.Parallel()
	g := simulator.New(t, "")
	f := newFixture(t, g.Context(t))
	b := make([]byte, 3*4096)
	h, err := f.Register(b[:4096], false)
	check(t, err)
	if h.Device == 0 {
		t.Error("no address on the device")
	}
	check(t, f.stream.Upload(f.at, h.Bytes[:4*floats]), f.stream.Synchronize(), h.Close())
	if err := f.stream.Upload(f.at, b[:4*floats]); err == nil && !g.Real() {
		t.Error("memory that is not registered any more was taken for an asynchronous copy")
	}
}

func TestManaged(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.New(t, "").Context(t))
	h, err := f.AllocManaged(4 * floats)
	check(t, err)
	f.at = h.Device
	copy(h.Bytes, f.pinned.Bytes)
	check(t, f.launch(2), f.stream.Download(f.pinned.Bytes, h.Device), f.stream.Synchronize(), h.Close())
	f.expect(t, 2)
}

// Any goroutine may use a context.
func TestGoroutines(t *testing.T) {
	t.Parallel()
	c := simulator.New(t, "").Context(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for n := range 50 {
				p, err := c.Alloc(100 + n)
				if err == nil {
					err = c.Free(p)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

// Results come back also where the goroutine's stack grows, and so moves, within a
// call.
func TestStacksMove(t *testing.T) {
	t.Parallel()
	c := simulator.New(t, "").Context(t)
	var deeper func(depth int) (driver.DevicePointer, error)
	deeper = func(depth int) (driver.DevicePointer, error) {
		if depth == 0 {
			return c.Alloc(1)
		}
		return deeper(depth - 1)
	}
	for depth := range 400 {
		done := make(chan bool)
		go func() {
			defer close(done)
			if p, err := deeper(depth); err != nil || p == 0 || c.Free(p) != nil {
				t.Errorf("depth %d: address %#x, %v", depth, p, err)
			}
		}()
		<-done
	}
}

// What is called for every token makes no garbage.
func TestGraphsDoNotAllocate(t *testing.T) {
	f := newFixture(t, simulator.New(t, "").Context(t))
	graph := must[*driver.Graph](t)(f.stream.Capture(func() error { return f.run(1) }))
	if n := testing.AllocsPerRun(20, func() { _, _ = graph.Launch(f.stream), f.stream.Synchronize() }); n > 0 {
		t.Errorf("%v allocations a launch", n)
	}
}

func TestProperties(t *testing.T) {
	t.Parallel()
	g := simulator.New(t, "name=Orin,capability=87,integrated=1,memory=7000000000,readonly=0,driver=11040")
	d := g.Context(t).Device()
	if d.Name != "Orin" || d.Capability() != 87 || !d.Integrated || d.Memory != 7e9 || !d.Register || d.RegisterReadOnly || d.SharedBlock != 48<<10 || d.SharedBlockMost != 163<<10 {
		t.Errorf("%+v", d.Properties)
	}
	if v := d.Driver().Version().String(); v != "11.4" {
		t.Errorf("version %s", v)
	}
	if s := d.String(); s != "Orin (compute capability 8.7, integrated, 8 multiprocessors, 7.0 GB)" {
		t.Error(s)
	}
}

// Every way in which there is no usable GPU can be told from the others.
func TestUnusable(t *testing.T) {
	t.Parallel()
	open := func(path string) error {
		d, err := driver.Open(path)
		if err == nil {
			_, err = d.Devices()
		}
		return err
	}
	empty := filepath.Join(t.TempDir(), "libcuda.so.1")
	check(t, os.WriteFile(empty, nil, 0o700))
	for _, c := range []struct {
		name, path string
		want       error
		text       string
	}{
		{"no library", "/nowhere/libcuda.so.1", driver.ErrNoDriver, "install"},
		{"no library but a file", empty, driver.ErrNoDriver, "install"},
		{"a library without the functions", simulator.New(t, "", "cuLaunchKernel").Path, driver.ErrNoDriver, "cuLaunchKernel"},
		{"an old driver", simulator.New(t, "driver=9020").Path, driver.ErrDriverTooOld, "9.2, at least 10.2"},
		{"no device", simulator.New(t, "devices=0").Path, driver.ErrNoDevice, "nvidia-smi"},
		{"a broken device", simulator.New(t, "fail=cuInit:0:999").Path, driver.ErrDeviceLost, "CUDA_ERROR_UNKNOWN"},
	} {
		err := open(c.path)
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
			if c.name == "no device" && errors.Is(err, c.want) {
				continue
			}
			t.Errorf("%s: %v, want %v and %q", c.name, err, c.want, c.text)
		}
	}
}

func TestCompileErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, settings, ptx string
		want                error
		text                string
	}{
		{"a PTX version of the future", "driver=10020", strings.Replace(scalePTX, "6.0", "7.8", 1), driver.ErrDriverTooOld, "Unsupported .version 7.8"},
		{"another GPU", "capability=53", strings.Replace(scalePTX, "sm_53", "sm_80", 1), driver.ErrCompile, ".target sm_80"},
		{"no PTX", "", "hello", driver.ErrCompile, "no PTX"},
		{"no compiler", "fail=cuModuleLoadDataEx:1:221", scalePTX, driver.ErrCompile, "JIT_COMPILER_NOT_FOUND"},
	} {
		g := simulator.New(t, c.settings)
		_, _, err := g.Context(t).LoadPTX(c.ptx)
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v, want %v and %q", c.name, err, c.want, c.text)
		}
	}
}

func TestOutOfMemory(t *testing.T) {
	t.Parallel()
	g := simulator.New(t, "memory=1000000")
	c := g.Context(t)
	p := must[driver.DevicePointer](t)(c.Alloc(600000))
	if _, err := c.Alloc(600000); !errors.Is(err, driver.ErrOutOfMemory) || !strings.Contains(err.Error(), "600000 bytes") {
		t.Errorf("%v, want %v", err, driver.ErrOutOfMemory)
	}
	check(t, c.Free(p))
	check(t, c.Free(must[driver.DevicePointer](t)(c.Alloc(600000))))
}

// A context that is lost fails for good; a new one works.
func TestLost(t *testing.T) {
	t.Parallel()
	g := simulator.New(t, "lose=2")
	c := g.Context(t)
	f := newFixture(t, c)
	check(t, f.run(2), f.stream.Synchronize())
	check(t, f.run(2))
	for range 2 {
		if err := f.stream.Synchronize(); !errors.Is(err, driver.ErrDeviceLost) {
			t.Fatalf("%v, want %v", err, driver.ErrDeviceLost)
		}
	}
	if _, err := c.Alloc(1); !errors.Is(err, driver.ErrDeviceLost) {
		t.Errorf("allocation: %v, want %v", err, driver.ErrDeviceLost)
	}
	check(t, c.Close())
	if n := g.Count("pieces"); n != 0 {
		t.Errorf("%d pieces of memory outlive their context", n)
	}
	again := newFixture(t, must[*driver.Context](t)(c.Device().NewContext(driver.Sleep)))
	check(t, again.run(2), again.stream.Synchronize())
	again.expect(t, 2)
	if err := f.stream.Synchronize(); !errors.Is(err, driver.ErrDeviceLost) {
		t.Errorf("the closed context: %v, want %v", err, driver.ErrDeviceLost)
	}
}

// The simulator sees what a GPU may let pass.
func TestMistakes(t *testing.T) {
	t.Parallel()
	for name, mistake := range map[string]func(f *fixture) error{
		"memory that was freed": func(f *fixture) error { return errors.Join(f.Free(f.at), f.launch(2)) },
		"memory of the host":    func(f *fixture) error { f.at = driver.DevicePointer(1 << 40); return f.launch(2) },
		"behind the end": func(f *fixture) error {
			var args driver.Args
			args.Pointer(f.at).Float(2).Long(1 << 20)
			return f.stream.Launch(f.scale, driver.Dim{X: 1 << 12}, driver.Dim{X: 256}, 0, &args)
		},
		"a little behind the end": func(f *fixture) error {
			var args driver.Args
			args.Pointer(f.at).Float(2).Long(floats + 4)
			return f.stream.Launch(f.scale, driver.Dim{X: 4}, driver.Dim{X: 256}, 0, &args)
		},
		"an address between two floats": func(f *fixture) error { f.at += 2; return f.launch(2) },
		"too large a block": func(f *fixture) error {
			return f.stream.Launch(f.scale, driver.Dim{X: 1}, driver.Dim{X: 2048}, 0, new(driver.Args).Pointer(f.at).Float(1).Long(1))
		},
		"too much shared memory": func(f *fixture) error {
			return f.stream.Launch(f.scale, driver.Dim{X: 1}, driver.Dim{X: 256}, 50<<10, new(driver.Args).Pointer(f.at).Float(1).Long(1))
		},
		"an asynchronous copy of ordinary memory": func(f *fixture) error { return f.stream.Upload(f.at, make([]byte, 100)) },
		"freeing twice": func(f *fixture) error { return errors.Join(f.Free(f.at), f.Free(f.at)) },
	} {
		f := newFixture(t, simulator.New(t, "integrated=0").Context(t))
		err := errors.Join(mistake(f), f.stream.Synchronize())
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		t.Logf("%s: %v", name, err)
	}
}

func TestErrorText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  *driver.Error
		is   error
		text string
	}{
		{&driver.Error{Call: "cuMemAlloc_v2", About: "5 bytes", Code: driver.OutOfMemory}, driver.ErrOutOfMemory, "cuda: cuMemAlloc_v2 (5 bytes): CUDA_ERROR_OUT_OF_MEMORY: free GPU memory"},
		{&driver.Error{Call: "cuInit", Code: 12345}, nil, "cuda: cuInit: CUDA error 12345"},
	} {
		if !strings.HasPrefix(c.err.Error(), c.text) || !errors.Is(c.err.Unwrap(), c.is) {
			t.Errorf("%v", c.err)
		}
	}
}
