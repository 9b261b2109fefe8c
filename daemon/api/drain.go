package api

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// connections knows what every connection is at. [http.Server.Shutdown] drops a
// request that it reads after it began, so this is how a stop waits for requests.
type connections struct {
	mu   sync.Mutex // guards open
	open map[net.Conn]connection
}

type connection struct {
	state http.ConnState
	since time.Time
}

// track is the server's ConnState.
func (c *connections) track(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if state == http.StateClosed || state == http.StateHijacked {
		delete(c.open, conn)
		return
	}
	if c.open == nil {
		c.open = map[net.Conn]connection{}
	}
	c.open[conn] = connection{state, time.Now()}
}

// freshTime is how long a new connection may take to send the first byte of its
// request before a stop counts it as idle.
const freshTime = time.Second

// busy tells whether a connection has, or is about to send, a request.
func (c *connections) busy() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.open {
		if conn.state == http.StateActive || conn.state == http.StateNew && time.Since(conn.since) < freshTime {
			return true
		}
	}
	return false
}

// drain waits until no connection is busy; an error means that ctx ended first.
func (c *connections) drain(ctx context.Context) error {
	const look = 5 * time.Millisecond
	tick := time.NewTicker(look)
	defer tick.Stop()
	for c.busy() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	return nil
}
