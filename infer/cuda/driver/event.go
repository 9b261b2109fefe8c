//go:build cuda

package driver

import (
	"time"
	"unsafe"
)

// Event marks a place in a stream.
type Event struct {
	context *Context
	handle  uintptr
}

// Flags of CUevent_flags.
const (
	eventNoTimes = 2
)

// NewEvent makes an event; timed ones cost a little more and can be subtracted.
func (c *Context) NewEvent(timed bool) (*Event, error) {
	flags := uintptr(eventNoTimes)
	if timed {
		flags = 0
	}
	e := &Event{context: c}
	return e, c.call("cuEventCreate", "", c.driver.cuEventCreate, uintptr(unsafe.Pointer(&e.handle)), flags)
}

// Close gives the event back.
func (e *Event) Close() error {
	return e.context.call("cuEventDestroy_v2", "", e.context.driver.cuEventDestroy, e.handle)
}

// Record puts the mark at the stream's present end.
func (e *Event) Record(s *Stream) error {
	return e.context.handles("cuEventRecord", e.context.driver.cuEventRecord, e.handle, s.handle)
}

// Synchronize waits until the mark is passed.
func (e *Event) Synchronize() error {
	return e.context.handles("cuEventSynchronize", e.context.driver.cuEventSynchronize, e.handle, 0)
}

// Since is the GPU's time between two timed events that were passed; its grain is
// half a microsecond.
func (e *Event) Since(earlier *Event) (time.Duration, error) {
	var ms float32
	err := e.context.call("cuEventElapsedTime", "", e.context.driver.cuEventElapsedTime, uintptr(unsafe.Pointer(&ms)), earlier.handle, e.handle)
	return time.Duration(float64(ms) * float64(time.Millisecond)), err
}
