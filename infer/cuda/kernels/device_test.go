//go:build cuda

package kernels_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/a472be26/cusp/infer/cuda/driver"
	"github.com/a472be26/cusp/infer/cuda/kernels"
	"github.com/a472be26/cusp/infer/cuda/simulator"
)

// device is a GPU with the kernels, simulated unless the tests are told to use
// the machine's.
type device struct {
	t       *testing.T
	context *driver.Context
	module  *driver.Module
	stream  *driver.Stream
}

// capabilities stand for the modules. A real GPU has but one.
func capabilities() []int {
	if os.Getenv(simulator.RealVariable) != "" {
		return []int{0}
	}
	return []int{53, 61, 75, 80}
}

func newDevice(t *testing.T, capability int) *device {
	t.Helper()
	settings := ""
	if capability != 0 {
		settings = "capability=" + strconv.Itoa(capability)
	}
	d := &device{t: t, context: simulator.New(t, settings).Context(t)}
	_, ptx, err := kernels.Pick(d.context.Device().Capability()/10, d.context.Device().Capability()%10)
	d.check(err)
	module, log, err := d.context.LoadPTX(ptx)
	if err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	d.module = module
	d.stream, err = d.context.NewStream()
	d.check(err)
	return d
}

// each runs a test on a device of every module.
func each(t *testing.T, f func(t *testing.T, d *device)) {
	for _, c := range capabilities() {
		t.Run(fmt.Sprintf("sm_%d", c), func(t *testing.T) {
			t.Parallel()
			f(t, newDevice(t, c))
		})
	}
}

func (d *device) check(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

// guard is how many bytes behind a buffer must stay as they are.
const guard = 256

// buffer is memory of the device that began as data.
type buffer struct {
	at   driver.DevicePointer
	size int
	d    *device
}

// upload makes a buffer, offset bytes into memory of its own.
func (d *device) upload(data []byte, offset int) buffer {
	d.t.Helper()
	at, err := d.context.Alloc(offset + len(data) + guard)
	d.check(err)
	d.t.Cleanup(func() { d.context.Free(at) })
	b := buffer{at + driver.DevicePointer(offset), len(data), d}
	d.check(d.context.Upload(b.at, data))
	mark := make([]byte, guard)
	for i := range mark {
		mark[i] = 0xa5
	}
	d.check(d.context.Upload(b.at+driver.DevicePointer(len(data)), mark))
	return b
}

func put[T any](d *device, values []T) buffer { return d.upload(driver.Bytes(values), 0) }

// room is a buffer of n values of garbage.
func room[T any](d *device, n int) buffer {
	b := driver.Bytes(make([]T, n))
	for i := range b {
		b[i] = 0xff // NaN as floats
	}
	return d.upload(b, 0)
}

// take reads a buffer, and fails if anything was written behind it.
func take[T any](b buffer) []T {
	b.d.t.Helper()
	var one T
	raw := make([]byte, b.size+guard)
	b.d.check(b.d.context.Download(raw, b.at))
	for i, v := range raw[b.size:] {
		if v != 0xa5 {
			b.d.t.Fatalf("byte %d behind a buffer of %d was written", i, b.size)
		}
	}
	out := make([]T, b.size/len(driver.Bytes([]T{one})))
	copy(driver.Bytes(out), raw)
	return out
}

// launch runs a kernel: buffers (nil is null), int, int64 and float32.
func (d *device) launch(name string, grid, block driver.Dim, shared int, args ...any) {
	d.t.Helper()
	f, err := d.module.Function(name)
	d.check(err)
	var a driver.Args
	for i, v := range args {
		switch v := v.(type) {
		case buffer:
			a.Pointer(v.at)
		case nil:
			a.Pointer(0)
		case int:
			a.Int(v)
		case int64:
			a.Long(v)
		case float32:
			a.Float(v)
		default:
			d.t.Fatalf("%s: argument %d is a %T", name, i, v)
		}
	}
	d.check(d.stream.Launch(f, grid, block, shared, &a))
	d.check(d.stream.Synchronize())
}

// x is a grid or block of one dimension.
func x(n int) driver.Dim { return driver.Dim{X: n} }

func ceil(a, b int) int { return (a + b - 1) / b }

// random is n values around 0, some of them large, some 0.
func random(r *rand.Rand, n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		switch r.IntN(16) {
		case 0:
		case 1:
			out[i] = float32(r.NormFloat64() * 20)
		default:
			out[i] = float32(r.NormFloat64())
		}
	}
	return out
}

// near compares within a tolerance for each value.
func near(t *testing.T, what string, got []float32, want []float64, tolerance func(i int) float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	for i := range got {
		if math.IsNaN(want[i]) && got[i] != got[i] {
			continue
		}
		if !(math.Abs(float64(got[i])-want[i]) <= tolerance(i)) {
			t.Fatalf("%s: value %d is %v, want %v within %.2g", what, i, got[i], want[i], tolerance(i))
		}
	}
}

// same compares bits.
func same(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	for i := range got {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) && (got[i] == got[i] || want[i] == want[i]) {
			t.Fatalf("%s: value %d is %v, want %v bit for bit", what, i, got[i], want[i])
		}
	}
}
