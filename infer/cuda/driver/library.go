//go:build cuda

package driver

import (
	"fmt"
	"os"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
)

// LibraryVariable names the environment variable that says which library to open
// instead of the system's: another driver, or the simulator of infer/cuda/simulator.
const LibraryVariable = "CUSP_CUDA_LIBRARY"

// libraries are the places where the driver lies. Not every Jetson has its
// folder in the linker's cache.
var libraries = []string{
	"libcuda.so.1",
	"/usr/lib/aarch64-linux-gnu/tegra/libcuda.so.1",
	"/usr/lib/aarch64-linux-gnu/tegra/libcuda.so",
	"/usr/lib/aarch64-linux-gnu/nvidia/libcuda.so.1",
	"/usr/lib/wsl/lib/libcuda.so.1",
}

// Oldest is the oldest CUDA version of a driver that will do: JetPack 4.6, the
// last one for the Jetson Nano.
const Oldest = Version(10020)

// Version is a version of CUDA as the driver counts: 1000*major + 10*minor.
type Version int

func (v Version) String() string { return fmt.Sprintf("%d.%d", v/1000, v%1000/10) }

// Driver is a loaded and initialized CUDA driver. It is never unloaded.
type Driver struct {
	symbols
	path    string
	version Version
}

// Open loads and initializes the driver at path, by default the one that
// LibraryVariable names, or else the system's. It gives ErrNoDriver,
// ErrDriverTooOld, or ErrNoDevice.
func Open(path string) (*Driver, error) {
	if path == "" {
		path = os.Getenv(LibraryVariable)
	}
	paths := libraries
	if path != "" {
		paths = []string{path}
	}
	handle, path, err := load(paths)
	if err != nil {
		return nil, err
	}
	d := &Driver{path: path}
	if err := d.bind(handle); err != nil {
		return nil, fmt.Errorf("cuda: %s: %w", path, err)
	}
	return d, d.initialize()
}

func load(paths []string) (uintptr, string, error) {
	var tries []error
	for _, path := range paths {
		handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
		if err == nil {
			return handle, path, nil
		}
		tries = append(tries, err)
	}
	return 0, "", noDriver(tries[:1])
}

func (d *Driver) initialize() error {
	var v int32
	if err := d.call("cuDriverGetVersion", "", d.cuDriverGetVersion, uintptr(unsafe.Pointer(&v))); err != nil {
		return err
	}
	if d.version = Version(v); d.version < Oldest {
		return fmt.Errorf("cuda: %s: %w: it is for CUDA %v, at least %v is needed: %s", d.path, ErrDriverTooOld, d.version, Oldest, remedies[ErrDriverTooOld])
	}
	return d.call("cuInit", "", d.cuInit, 0)
}

// Path is what was opened.
func (d *Driver) Path() string { return d.path }

// Version is the newest CUDA that the driver can do.
func (d *Driver) Version() Version { return d.version }

// call calls a function of the driver. Pointers among the arguments must be
// converted where call is called, uintptr(unsafe.Pointer(&x)): only so does the
// compiler keep x where it is, off a stack that moves, until call returns.
//
//go:uintptrescapes
func (d *Driver) call(name, about string, function uintptr, args ...uintptr) error {
	if function == 0 {
		return &Error{Call: name, About: about, Code: noSymbol}
	}
	r, _, _ := purego.SyscallN(function, args...)
	if Code(r) == Success {
		return nil
	}
	return d.failure(name, about, Code(r))
}

// frames are arguments of calls that are made for every token.
var frames = sync.Pool{New: func() any { return new([2]uintptr) }}

// handles is call for two arguments that lead to no memory of Go's: it makes no
// garbage.
func (d *Driver) handles(name string, function, a, b uintptr) error {
	if function == 0 {
		return &Error{Call: name, Code: noSymbol}
	}
	frame := frames.Get().(*[2]uintptr)
	frame[0], frame[1] = a, b
	r, _, _ := purego.SyscallN(function, frame[:]...) // one too many does no harm in C's calling convention
	frames.Put(frame)
	if Code(r) == Success {
		return nil
	}
	return d.failure(name, "", Code(r))
}

// failure asks the driver what its code means.
func (d *Driver) failure(name, about string, code Code) error {
	e := &Error{Call: name, About: about, Code: code}
	var text *byte
	if d.cuGetErrorString != 0 {
		purego.SyscallN(d.cuGetErrorString, uintptr(code), uintptr(unsafe.Pointer(&text)))
		e.Detail = clean(text)
	}
	return e
}

// clean copies a text of C.
func clean(p *byte) string {
	if p == nil {
		return ""
	}
	n := 0
	for *(*byte)(unsafe.Add(unsafe.Pointer(p), n)) != 0 {
		n++
	}
	return string(unsafe.Slice(p, n))
}
