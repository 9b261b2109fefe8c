package border

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/uplink"
)

// Carrier takes questions to the cloud; see [uplink.Uplink.Hand].
type Carrier interface {
	Hand(ctx context.Context, q router.Question, accepted func() error, emit func(string) error, take func(router.CloudAnswer, error) error) error
}

var _ Carrier = (*uplink.Uplink)(nil)

// LinkOptions are what a [Link] stands on.
type LinkOptions struct {
	Peers    Peers
	Report   func() any // what the engine is told of this process
	Announce func()     // publishes the device's status; nil: nobody does
	// Presence is told when the engine process comes and goes, and must not wait
	// for it; nil: nobody is.
	Presence func(there bool)
	Log      *slog.Logger
}

// Bounds of what is taken in.
const (
	maxConnections = 1024
	firstTimeout   = 10 * time.Second // for the first line of a connection
	takeTimeout    = 10 * time.Minute // for an outcome to be recorded, after a slow asker has read it
)

// Link is the link's end of the socket.
type Link struct {
	o      LinkOptions
	idle   chan *conn    // offered by the engine to be asked on
	places chan struct{} // one for each connection
	ctx    context.Context
	stop   context.CancelCauseFunc

	carrier Carrier // set before the first connection is taken; nil: no cloud is configured

	mu       sync.Mutex // guards the fields below
	listener net.Listener
	closed   bool
	offers   int            // connections on which the engine can be asked, or is
	running  sync.WaitGroup // connections; grows only under mu while not closed
}

// NewLink returns a link that does not listen yet.
func NewLink(o LinkOptions) *Link {
	l := &Link{o: o, idle: make(chan *conn), places: make(chan struct{}, maxConnections)}
	l.ctx, l.stop = context.WithCancelCause(context.Background())
	return l
}

// Serve takes connections from a unix socket until Close, and then returns nil. A
// nil carrier means that no cloud is configured.
func (l *Link) Serve(listener net.Listener, carrier Carrier) error {
	l.mu.Lock()
	l.listener, l.carrier = listener, carrier
	closed := l.closed
	l.mu.Unlock()
	if closed {
		return listener.Close()
	}
	for {
		n, err := listener.Accept()
		if l.ctx.Err() != nil {
			if err == nil {
				_ = n.Close()
			}
			return nil
		}
		var passing interface{ Temporary() bool } // out of descriptors, say
		if errors.As(err, &passing) && passing.Temporary() {
			time.Sleep(minPause)
			continue
		}
		if err != nil {
			return fmt.Errorf("serve the link's socket: %w", err)
		}
		l.take(n)
	}
}

// take begins with a connection, if its peer may have one.
func (l *Link) take(n net.Conn) {
	if err := l.o.Peers.check(n); err != nil {
		l.o.Log.Warn("turned a connection away", "error", err)
		_ = n.Close()
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.places <- struct{}{}:
	default:
		l.o.Log.Warn("turned a connection away: there are too many", "most", maxConnections)
		_ = n.Close()
		return
	}
	if l.closed {
		_ = n.Close()
		return
	}
	l.running.Go(func() {
		defer func() { <-l.places }()
		l.serve(newConn(n))
	})
}

// serve does what the engine wants on one connection.
func (l *Link) serve(c *conn) {
	defer c.close()
	ctx, cancel := context.WithTimeout(l.ctx, firstTimeout)
	defer cancel()
	f, err := c.receive(ctx)
	if err != nil {
		if !errors.Is(err, errBroken) && l.ctx.Err() == nil {
			l.o.Log.Warn("the engine process was not understood", "error", err)
		}
		return
	}
	switch f.Kind {
	case kindAsk:
		l.carry(c, *f.Question)
	case kindServe:
		l.offered(c)
	case kindStatus:
		l.report(c)
	case kindAnnounce:
		if l.o.Announce != nil {
			l.o.Announce()
		}
		l.report(c)
	default:
		l.o.Log.Warn("the engine process was not understood", "kind", string(f.Kind))
	}
}

func (l *Link) report(c *conn) {
	text, err := json.Marshal(l.o.Report())
	if err == nil {
		err = c.send(frame{Kind: kindReport, Report: text})
	}
	if err != nil {
		l.o.Log.Warn("the engine process got no report", "error", err)
	}
}

// carry takes a question to the cloud and its outcome back.
func (l *Link) carry(c *conn, q router.Question) {
	ctx, taken, cancel := c.watched(l.ctx)
	defer cancel()
	told := false
	err := l.hand(ctx, q,
		func() error { return c.send(frame{Kind: kindAccepted}) },
		func(text string) error { return c.send(frame{Kind: kindDelta, Delta: &router.Delta{Text: text}}) },
		func(a router.CloudAnswer, err error) error {
			told = true
			return l.settle(ctx, c, taken, a, err)
		})
	if err != nil && !told {
		_ = c.send(frame{Kind: kindOutcome, Failure: failed(err)}) // the engine may be the one that left
	}
}

// hand refuses what must not leave the device, whatever the engine's end has let
// through.
func (l *Link) hand(ctx context.Context, q router.Question, accepted func() error, emit func(string) error, take func(router.CloudAnswer, error) error) error {
	if q.Privacy != router.Public {
		return fmt.Errorf("%w: its privacy is %q: it must not leave the device", router.ErrRefused, q.Privacy)
	}
	if l.carrier == nil {
		return fmt.Errorf("%w: the link process has no cloud configured", router.ErrRefused)
	}
	return l.carrier.Hand(ctx, q, accepted, emit, take)
}

// settle sends the outcome and returns nil once the engine has it for good.
func (l *Link) settle(ctx context.Context, c *conn, taken <-chan struct{}, a router.CloudAnswer, err error) error {
	f := frame{Kind: kindOutcome, Cloud: &a}
	if err != nil {
		f = frame{Kind: kindOutcome, Failure: failed(err)}
	}
	if err := c.send(f); err != nil {
		return err
	}
	limit := time.NewTimer(takeTimeout)
	defer limit.Stop()
	select {
	case <-taken:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-limit.C:
		return fmt.Errorf("the engine did not record the answer within %v", takeTimeout)
	}
}

// Close ends what runs. The socket's file goes with its listener.
func (l *Link) Close() error {
	l.stop(uplink.ErrClosed) // which tells the engine to ask the next link
	l.mu.Lock()
	l.closed = true
	var err error
	if l.listener != nil {
		err = l.listener.Close()
	}
	l.mu.Unlock()
	l.running.Wait()
	return err
}
