//go:build cuda

package driver

import "unsafe"

// Stream is a queue of work for the GPU; what is in one runs in order.
type Stream struct {
	context *Context
	handle  uintptr
}

const nonBlocking = 1

// NewStream makes a stream that does not wait for the default one.
func (c *Context) NewStream() (*Stream, error) {
	s := &Stream{context: c}
	return s, c.call("cuStreamCreate", "", c.driver.cuStreamCreate, uintptr(unsafe.Pointer(&s.handle)), nonBlocking)
}

// Context is the stream's.
func (s *Stream) Context() *Context { return s.context }

// Close ends the stream when its work is done.
func (s *Stream) Close() error {
	return s.context.call("cuStreamDestroy_v2", "", s.context.driver.cuStreamDestroy, s.handle)
}

// Synchronize waits for the stream's work and says whether some of it failed.
func (s *Stream) Synchronize() error {
	return s.context.handles("cuStreamSynchronize", s.context.driver.cuStreamSynchronize, s.handle, 0)
}

// Done says whether all work of the stream is done, without waiting.
func (s *Stream) Done() (bool, error) {
	err := s.context.handles("cuStreamQuery", s.context.driver.cuStreamQuery, s.handle, 0)
	if e, ok := err.(*Error); ok && e.Code == NotReady {
		return false, nil
	}
	return err == nil, err
}

// Wait lets what is put into the stream from now on wait for the event.
func (s *Stream) Wait(e *Event) error {
	return s.context.call("cuStreamWaitEvent", "", s.context.driver.cuStreamWaitEvent, s.handle, e.handle, 0)
}

// Upload copies into the device's memory when the stream gets there. src must be
// pinned memory (AllocHost) that nobody changes until then.
func (s *Stream) Upload(dst DevicePointer, src []byte) error {
	if len(src) == 0 {
		return nil
	}
	return s.context.call("cuMemcpyHtoDAsync_v2", bytesText(len(src)), s.context.driver.cuMemcpyHtoDAsync, uintptr(dst), uintptr(unsafe.Pointer(&src[0])), uintptr(len(src)), s.handle)
}

// Download fills dst, which must be pinned memory, when the stream gets there.
func (s *Stream) Download(dst []byte, src DevicePointer) error {
	if len(dst) == 0 {
		return nil
	}
	return s.context.call("cuMemcpyDtoHAsync_v2", bytesText(len(dst)), s.context.driver.cuMemcpyDtoHAsync, uintptr(unsafe.Pointer(&dst[0])), uintptr(src), uintptr(len(dst)), s.handle)
}

// Copy copies within the device's memory.
func (s *Stream) Copy(dst, src DevicePointer, n int) error {
	if n == 0 {
		return nil
	}
	return s.context.call("cuMemcpyDtoDAsync_v2", bytesText(n), s.context.driver.cuMemcpyDtoDAsync, uintptr(dst), uintptr(src), uintptr(n), s.handle)
}

// Set fills n bytes with a value.
func (s *Stream) Set(dst DevicePointer, value byte, n int) error {
	if n == 0 {
		return nil
	}
	return s.context.call("cuMemsetD8Async", bytesText(n), s.context.driver.cuMemsetD8Async, uintptr(dst), uintptr(value), uintptr(n), s.handle)
}
