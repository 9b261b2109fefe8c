//go:build cuda

package driver

import (
	"unsafe"
)

// DevicePointer is an address that kernels use.
type DevicePointer uint64

// Alloc reserves memory on the device, aligned to 256 bytes at least.
// Errors: ErrOutOfMemory.
func (c *Context) Alloc(n int) (DevicePointer, error) {
	var p DevicePointer
	err := c.call("cuMemAlloc_v2", bytesText(n), c.driver.cuMemAlloc, uintptr(unsafe.Pointer(&p)), uintptr(n))
	return p, err
}

// Free gives memory of Alloc back.
func (c *Context) Free(p DevicePointer) error {
	if p == 0 {
		return nil
	}
	return c.call("cuMemFree_v2", "", c.driver.cuMemFree, uintptr(p))
}

// Host is memory that both sides can use: pinned, managed or registered.
type Host struct {
	Bytes  []byte        // as the host sees it
	Device DevicePointer // as kernels see it; 0: only copies can use it
	close  func() error
}

// Close gives the memory back, or lets go of it if it was registered.
func (h *Host) Close() error {
	if h == nil || h.close == nil {
		return nil
	}
	f := h.close
	h.close, h.Bytes, h.Device = nil, nil, 0
	return f()
}

// hostMapped gives pinned memory an address on the device as well
// (CU_MEMHOSTALLOC_DEVICEMAP).
const hostMapped = 2

// AllocHost reserves pinned memory: the fastest to copy from, the only kind that
// may be copied from while a graph is captured, and readable by kernels where
// Properties.MapHost says so.
func (c *Context) AllocHost(n int) (*Host, error) {
	var p unsafe.Pointer
	if err := c.call("cuMemHostAlloc", bytesText(n), c.driver.cuMemHostAlloc, uintptr(unsafe.Pointer(&p)), uintptr(n), hostMapped); err != nil {
		return nil, err
	}
	h := &Host{Bytes: unsafe.Slice((*byte)(p), n)}
	h.close = func() error { return c.call("cuMemFreeHost", "", c.driver.cuMemFreeHost, uintptr(p)) }
	return h, c.locate(h, p)
}

// locate finds out where kernels see memory of the host.
func (c *Context) locate(h *Host, p unsafe.Pointer) error {
	if !c.device.MapHost {
		return nil
	}
	err := c.call("cuMemHostGetDevicePointer_v2", "", c.driver.cuMemHostGetDevicePointer, uintptr(unsafe.Pointer(&h.Device)), uintptr(p), 0)
	if err != nil {
		h.Close()
	}
	return err
}

// attachGlobal lets any stream use managed memory (CU_MEM_ATTACH_GLOBAL).
const attachGlobal = 1

// AllocManaged reserves memory that moves to whoever uses it. Without
// Properties.ConcurrentManaged the host must not touch it while a kernel runs.
func (c *Context) AllocManaged(n int) (*Host, error) {
	var p unsafe.Pointer
	if err := c.call("cuMemAllocManaged", bytesText(n), c.driver.cuMemAllocManaged, uintptr(unsafe.Pointer(&p)), uintptr(n), attachGlobal); err != nil {
		return nil, err
	}
	h := &Host{Bytes: unsafe.Slice((*byte)(p), n), Device: DevicePointer(uintptr(p))}
	h.close = func() error { return c.call("cuMemFree_v2", "", c.driver.cuMemFree, uintptr(p)) }
	return h, nil
}

// Flags of cuMemHostRegister.
const (
	registerMapped   = 2
	registerReadOnly = 8
)

// Register pins memory that exists already, such as a mapped file, and gives
// kernels an address for it. b must begin and end on pages of the memory where
// the driver insists on it, and must stay mapped until Close. readOnly is needed
// for memory that the host must not write (Properties.RegisterReadOnly).
func (c *Context) Register(b []byte, readOnly bool) (*Host, error) {
	flags := uintptr(registerMapped)
	if readOnly {
		flags |= registerReadOnly
	}
	p := unsafe.Pointer(unsafe.SliceData(b))
	if err := c.call("cuMemHostRegister_v2", bytesText(len(b)), c.driver.cuMemHostRegister, uintptr(p), uintptr(len(b)), flags); err != nil {
		return nil, err
	}
	h := &Host{Bytes: b}
	h.close = func() error {
		return c.call("cuMemHostUnregister", "", c.driver.cuMemHostUnregister, uintptr(p))
	}
	return h, c.locate(h, p)
}

// Upload copies src to the device and returns when it is there.
func (c *Context) Upload(dst DevicePointer, src []byte) error {
	if len(src) == 0 {
		return nil
	}
	return c.call("cuMemcpyHtoD_v2", bytesText(len(src)), c.driver.cuMemcpyHtoD, uintptr(dst), uintptr(unsafe.Pointer(&src[0])), uintptr(len(src)))
}

// Download fills dst from the device; whatever ran on streams that wait for the
// default one is done then. Streams of NewStream do not: synchronize them first.
func (c *Context) Download(dst []byte, src DevicePointer) error {
	if len(dst) == 0 {
		return nil
	}
	return c.call("cuMemcpyDtoH_v2", bytesText(len(dst)), c.driver.cuMemcpyDtoH, uintptr(unsafe.Pointer(&dst[0])), uintptr(src), uintptr(len(dst)))
}

// Bytes is a view of a slice of numbers, for copies.
func Bytes[T any](s []T) []byte {
	var zero T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(zero)))
}
