//go:build cuda

package simulator

import (
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"github.com/a472be26/cusp/infer/cuda/driver"
	"github.com/ebitengine/purego"
)

// RealVariable names the environment variable that lets tests use the GPU of
// this machine; those that need other settings than a compute capability, which is
// that of the GPU then, or accidents, are skipped.
const RealVariable = "CUSP_TEST_GPU"

var onlyCapability = regexp.MustCompile(`^capability=\d+$`)

// GPU is a simulated GPU of its own: tests with one each can run side by side.
type GPU struct {
	Path            string // of the library, for driver.Open; empty with a real GPU
	simulate, count uintptr
}

// New makes a GPU that pretends to be what the settings say, with a driver that
// lacks some functions.
func New(t testing.TB, settings string, without ...string) *GPU {
	t.Helper()
	if os.Getenv(RealVariable) != "" {
		if settings != "" && !onlyCapability.MatchString(settings) || len(without) > 0 {
			t.Skip("only the simulator can pretend: " + settings + " " + strings.Join(without, " "))
		}
		return &GPU{}
	}
	g := &GPU{Path: filepath.Join(t.TempDir(), "libcuda.so.1")}
	// The same file opened twice would be one library with one state.
	text, err := os.ReadFile(Library(t, without...))
	if err == nil {
		err = os.WriteFile(g.Path, text, 0o755)
	}
	if err == nil {
		err = g.load()
	}
	if err != nil {
		t.Fatalf("simulator: %v", err)
	}
	g.Set(settings)
	return g
}

func (g *GPU) load() error {
	handle, err := purego.Dlopen(g.Path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return err
	}
	if g.simulate, err = purego.Dlsym(handle, "cusp_simulate"); err != nil {
		return err
	}
	g.count, err = purego.Dlsym(handle, "cusp_count")
	return err
}

// Real says whether this is no simulation.
func (g *GPU) Real() bool { return g.Path == "" }

// Set changes settings, such as which call fails next.
func (g *GPU) Set(settings string) {
	text := append([]byte(settings), 0)
	purego.SyscallN(g.simulate, uintptr(unsafe.Pointer(&text[0])))
	runtime.KeepAlive(text)
}

// Count says how often a function of the driver was called or a kernel ran, or
// how many "pieces" of memory and "contexts" there are, or how many "bytes to the
// host" streams have copied. 0 with a real GPU.
func (g *GPU) Count(name string) int {
	if g.Real() {
		return 0
	}
	text := append([]byte(name), 0)
	n, _, _ := purego.SyscallN(g.count, uintptr(unsafe.Pointer(&text[0])))
	return int(n)
}

// Context opens the driver and makes a context on its first device, which
// ends with the test.
func (g *GPU) Context(t testing.TB) *driver.Context {
	t.Helper()
	d, err := driver.Open(g.Path)
	if err != nil {
		t.Fatal(err)
	}
	devices, err := d.Devices()
	if err != nil {
		t.Fatal(err)
	}
	c, err := devices[0].NewContext(driver.Auto)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("closing the context: %v", err)
		}
	})
	return c
}
