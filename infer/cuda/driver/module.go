//go:build cuda

package driver

import (
	"fmt"
	"runtime"
	"strings"
	"unsafe"
)

// Module is compiled code in a context.
type Module struct {
	context *Context
	handle  uintptr
}

// Numbers of CUjit_option.
const (
	jitInfoLog      = 3
	jitInfoLogSize  = 4
	jitErrorLog     = 5
	jitErrorLogSize = 6
)

// LoadPTX compiles PTX text for the context's GPU, or takes it from the driver's
// cache. What the compiler said, warnings without an error, comes back as log.
// Errors: ErrCompile, ErrDriverTooOld for a PTX version that the driver does not
// know, with the compiler's log.
func (c *Context) LoadPTX(text string) (m *Module, log string, err error) {
	image := append([]byte(text), 0)
	info, problem := make([]byte, 16<<10), make([]byte, 16<<10)
	var pinned runtime.Pinner
	defer pinned.Unpin()
	pinned.Pin(&info[0])
	pinned.Pin(&problem[0])
	options := []uint32{jitInfoLog, jitInfoLogSize, jitErrorLog, jitErrorLogSize}
	values := []uintptr{uintptr(unsafe.Pointer(&info[0])), uintptr(len(info) - 1), uintptr(unsafe.Pointer(&problem[0])), uintptr(len(problem) - 1)}
	m = &Module{context: c}
	err = c.call("cuModuleLoadDataEx", "", c.driver.cuModuleLoadDataEx, uintptr(unsafe.Pointer(&m.handle)), uintptr(unsafe.Pointer(&image[0])),
		uintptr(len(options)), uintptr(unsafe.Pointer(&options[0])), uintptr(unsafe.Pointer(&values[0])))
	if e, ok := err.(*Error); ok {
		e.About = version(text)
		if log := strings.TrimSpace(clean(&problem[0])); log != "" {
			e.Detail = log
		}
		return nil, clean(&info[0]), err
	}
	return m, strings.TrimSpace(clean(&info[0])), err
}

// version is what the PTX says of itself, for an error.
func version(text string) string {
	var words []string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, ".version") || strings.HasPrefix(line, ".target") {
			words = append(words, strings.TrimSpace(line))
		}
	}
	return strings.Join(words, ", ")
}

// Close unloads the module.
func (m *Module) Close() error {
	return m.context.call("cuModuleUnload", "", m.context.driver.cuModuleUnload, m.handle)
}

// Function is a kernel.
type Function struct {
	module *Module
	handle uintptr
	name   string
}

// Function finds a kernel by name.
func (m *Module) Function(name string) (*Function, error) {
	f := &Function{module: m, name: name}
	text := append([]byte(name), 0)
	d := m.context.driver
	return f, m.context.call("cuModuleGetFunction", name, d.cuModuleGetFunction, uintptr(unsafe.Pointer(&f.handle)), m.handle, uintptr(unsafe.Pointer(&text[0])))
}

// Name of the kernel.
func (f *Function) Name() string { return f.name }

// Numbers of CUfunction_attribute.
const (
	funcThreads = 0
	funcShared  = 1
	funcLocal   = 3
	funcRegs    = 4
	funcDynamic = 8
)

// Resources are what a kernel needs once it is compiled.
type Resources struct {
	Threads   int // a block may have at most
	Shared    int // bytes a block, static
	Local     int // bytes a thread, among them what did not fit into registers
	Registers int // a thread
}

// Resources tells what the compiler made of the kernel.
func (f *Function) Resources() (r Resources, err error) {
	for number, to := range map[int]*int{funcThreads: &r.Threads, funcShared: &r.Shared, funcLocal: &r.Local, funcRegs: &r.Registers} {
		var v int32
		d := f.module.context.driver
		if err := f.module.context.call("cuFuncGetAttribute", f.name, d.cuFuncGetAttribute, uintptr(unsafe.Pointer(&v)), uintptr(number), f.handle); err != nil {
			return r, err
		}
		*to = int(v)
	}
	return r, nil
}

// SetShared allows launches with up to n bytes of dynamic shared memory, beyond
// the 48 KB that need no permission and up to Properties.SharedBlockMost.
func (f *Function) SetShared(n int) error {
	d := f.module.context.driver
	return f.module.context.call("cuFuncSetAttribute", fmt.Sprintf("%s, %d bytes of shared memory", f.name, n), d.cuFuncSetAttribute, f.handle, funcDynamic, uintptr(n))
}

// BlocksPerMultiprocessor is how many blocks of so many threads and so much
// dynamic shared memory run on a multiprocessor at a time.
func (f *Function) BlocksPerMultiprocessor(threads, shared int) (int, error) {
	var n int32
	d := f.module.context.driver
	err := f.module.context.call("cuOccupancyMaxActiveBlocksPerMultiprocessor", f.name, d.cuOccupancy, uintptr(unsafe.Pointer(&n)), f.handle, uintptr(threads), uintptr(shared))
	return int(n), err
}
