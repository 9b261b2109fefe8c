//go:build cuda

package driver

import (
	"fmt"
	"runtime"
	"unsafe"
)

// Context owns memory, modules, streams and graphs on a device.
type Context struct {
	driver *Driver
	device *Device
	handle uintptr
}

// Wait says what the thread does that waits for the GPU.
type Wait uint32

// Values of CUctx_flags.
const (
	Auto  Wait = 0 // the driver decides; on a Jetson by its power profile
	Spin  Wait = 1 // shortest latency, a whole CPU core
	Sleep Wait = 4 // no CPU, some tens of microseconds later
)

const ctxMapHost = 8

// NewContext makes a context of its own, not the process's primary one, so that
// Close really ends everything in it, even after ErrDeviceLost.
func (d *Device) NewContext(wait Wait) (*Context, error) {
	defer pin()()
	c := &Context{driver: d.driver, device: d}
	err := d.driver.call("cuCtxCreate_v2", d.Name, d.driver.cuCtxCreate, uintptr(unsafe.Pointer(&c.handle)), uintptr(wait)|ctxMapHost, uintptr(d.handle))
	if err != nil {
		return nil, err
	}
	// The driver made it current here; it shall be so only within calls.
	return c, d.driver.call("cuCtxSetCurrent", "", d.driver.cuCtxSetCurrent, 0)
}

// Device is the one that the context was made on.
func (c *Context) Device() *Device { return c.device }

// Close ends the context and all that belongs to it. After ErrDeviceLost too.
func (c *Context) Close() error {
	if c.handle == 0 {
		return nil
	}
	handle := c.handle
	c.handle = 0
	return c.driver.call("cuCtxDestroy_v2", "", c.driver.cuCtxDestroy, handle)
}

// Do calls f on a thread of the operating system to which the context is bound
// all the while. The methods of this package do so by themselves.
func (c *Context) Do(f func() error) error {
	defer pin()()
	if err := c.bind(); err != nil {
		return err
	}
	return f()
}

// call is the driver's, with the context bound to the thread.
//
//go:uintptrescapes
func (c *Context) call(name, about string, function uintptr, args ...uintptr) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := c.bind(); err != nil {
		return err
	}
	return c.driver.call(name, about, function, args...)
}

func (c *Context) bind() error {
	if c.handle == 0 {
		return &Error{Call: "cuCtxSetCurrent", About: "the context was closed", Code: ContextDestroyed}
	}
	return c.driver.handles("cuCtxSetCurrent", c.driver.cuCtxSetCurrent, c.handle, 0)
}

// handles is the driver's, with the context bound to the thread.
func (c *Context) handles(name string, function, a, b uintptr) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := c.bind(); err != nil {
		return err
	}
	return c.driver.handles(name, function, a, b)
}

// pin keeps the goroutine on its thread until the function that it returns is called.
func pin() func() {
	runtime.LockOSThread()
	return runtime.UnlockOSThread
}

// Synchronize waits until all work in the context is done, and says whether
// some of it failed.
func (c *Context) Synchronize() error {
	return c.call("cuCtxSynchronize", "", c.driver.cuCtxSynchronize)
}

// MemoryInfo is the device's free and whole memory, bytes.
func (c *Context) MemoryInfo() (free, total int64, err error) {
	var f, t uintptr
	err = c.call("cuMemGetInfo_v2", "", c.driver.cuMemGetInfo, uintptr(unsafe.Pointer(&f)), uintptr(unsafe.Pointer(&t)))
	return int64(f), int64(t), err
}

func bytesText(n int) string { return fmt.Sprintf("%d bytes", n) }
