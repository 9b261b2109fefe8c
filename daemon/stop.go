package daemon

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// stopGrace is what a stop may take beyond the drain: to cut what still runs, to
// say goodbye to brokers, to close files.
const stopGrace = 10 * time.Second

// errStuck means that something did not end; what was accepted is on disk anyway.
var errStuck = errors.New("the stop took too long and was given up")

// stop lets running answers finish, for as long as the configuration allows, and
// closes the parts in the reverse order of their opening. It returns within
// bounded time.
func (d *device) stop() error {
	drain := d.config().Service.Drain
	d.notify.stopping(drain + stopGrace)
	d.halt()
	done := make(chan struct{})
	go func() {
		defer close(done)
		d.drain(drain)
		for _, f := range slices.Backward(d.closers) {
			f()
		}
	}()
	select {
	case <-done:
		d.log.Info("stopped")
		return nil
	case <-time.After(drain + stopGrace):
		return errStuck
	}
}

// drain closes the doors together: none takes a new question, each lets the
// running ones finish and cuts them when the time is over.
func (d *device) drain(limit time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	var open sync.WaitGroup
	for _, door := range d.doors {
		open.Go(func() { door(ctx) })
	}
	open.Wait()
}
