//go:build cuda

package driver

import (
	"errors"
	"unsafe"
)

// Graph is work of a stream that was captured once and runs with one call.
type Graph struct {
	context     *Context
	graph, exec uintptr
}

// captureThread forbids calls that would break a capture to this thread only
// (CU_STREAM_CAPTURE_MODE_THREAD_LOCAL).
const captureThread = 1

// Graphs says whether the driver can capture and run graphs.
func (d *Driver) Graphs() bool {
	return d.cuStreamBeginCapture != 0 && d.cuStreamEndCapture != 0 && d.cuGraphLaunch != 0 &&
		(d.cuGraphInstantiate != 0 || d.cuGraphInstantiateWithFlags != 0)
}

// Capture records what f puts into the stream, without running it, and makes a
// graph of it. Arguments are copied as they are now; what pointers lead to is
// read when the graph runs. f must neither synchronize nor allocate.
// Errors: ErrNotSupported where Driver.Graphs says no, and f's.
func (s *Stream) Capture(f func() error) (*Graph, error) {
	d := s.context.driver
	if !d.Graphs() {
		return nil, &Error{Call: "cuStreamBeginCapture_v2", Code: noSymbol}
	}
	g := &Graph{context: s.context}
	err := s.context.Do(func() error {
		if err := d.call("cuStreamBeginCapture_v2", "", d.cuStreamBeginCapture, s.handle, captureThread); err != nil {
			return err
		}
		failed := f()
		return errors.Join(failed, d.call("cuStreamEndCapture", "", d.cuStreamEndCapture, s.handle, uintptr(unsafe.Pointer(&g.graph))))
	})
	if err == nil {
		err = g.instantiate()
	}
	if err != nil {
		g.Close()
		return nil, err
	}
	return g, nil
}

func (g *Graph) instantiate() error {
	d := g.context.driver
	if d.cuGraphInstantiateWithFlags != 0 {
		return g.context.call("cuGraphInstantiateWithFlags", "", d.cuGraphInstantiateWithFlags, uintptr(unsafe.Pointer(&g.exec)), g.graph, 0)
	}
	var log [1024]byte
	err := g.context.call("cuGraphInstantiate", "", d.cuGraphInstantiate, uintptr(unsafe.Pointer(&g.exec)), g.graph, 0, uintptr(unsafe.Pointer(&log[0])), uintptr(len(log)-1))
	if e, ok := err.(*Error); ok {
		e.Detail += clean(&log[0])
	}
	return err
}

// Launch puts a run of the graph into the stream.
func (g *Graph) Launch(s *Stream) error {
	return g.context.handles("cuGraphLaunch", g.context.driver.cuGraphLaunch, g.exec, s.handle)
}

// Nodes counts the launches and copies of the graph.
func (g *Graph) Nodes() (int, error) {
	var n uintptr
	err := g.context.call("cuGraphGetNodes", "", g.context.driver.cuGraphGetNodes, g.graph, 0, uintptr(unsafe.Pointer(&n)))
	return int(n), err
}

// Close gives the graph back; it must not be running.
func (g *Graph) Close() error {
	var errs []error
	if g.exec != 0 {
		errs = append(errs, g.context.call("cuGraphExecDestroy", "", g.context.driver.cuGraphExecDestroy, g.exec))
	}
	if g.graph != 0 {
		errs = append(errs, g.context.call("cuGraphDestroy", "", g.context.driver.cuGraphDestroy, g.graph))
	}
	g.exec, g.graph = 0, 0
	return errors.Join(errs...)
}
