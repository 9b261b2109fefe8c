package border

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// writeTimeout bounds one write: the other process reads at once, or is stuck.
const writeTimeout = 30 * time.Second

// conn is a connection between the two processes. It carries one question, and
// its end is how either side gives that up.
type conn struct {
	net   net.Conn
	in    chan frame    // what arrives, each when the reader wants it; closed at the end
	err   error         // why in ended; set before it is closed
	gone  chan struct{} // closed by close
	close func()

	writing sync.Mutex // one frame at a time
}

func newConn(n net.Conn) *conn {
	c := &conn{net: n, in: make(chan frame), gone: make(chan struct{})}
	c.close = sync.OnceFunc(func() {
		close(c.gone)
		_ = n.Close()
	})
	go c.read()
	return c
}

func (c *conn) read() {
	defer close(c.in)
	r := bufio.NewReader(c.net)
	for {
		f, err := readFrame(r)
		if err != nil && !errors.Is(err, errProtocol) {
			err = fmt.Errorf("%w: %w", errBroken, err)
		}
		if err != nil {
			c.err = err
			return
		}
		select {
		case c.in <- f:
		case <-c.gone:
			c.err = errBroken
			return
		}
	}
}

// send writes one frame, at once and whole.
func (c *conn) send(f frame) error {
	line, err := encodeFrame(f)
	if err != nil {
		return err
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	_ = c.net.SetWriteDeadline(time.Now().Add(writeTimeout))
	if _, err := c.net.Write(line); err != nil {
		return fmt.Errorf("%w: %w", errBroken, err)
	}
	return nil
}

// errBroken means that the other process is gone, or has never been there.
var errBroken = errors.New("the other process is not there")

// receive waits for the next frame.
func (c *conn) receive(ctx context.Context) (frame, error) {
	select {
	case f, ok := <-c.in:
		if !ok {
			return frame{}, c.err
		}
		return f, nil
	case <-ctx.Done():
		return frame{}, context.Cause(ctx)
	}
}

// want waits for a frame of one kind.
func (c *conn) want(ctx context.Context, k kind) (frame, error) {
	f, err := c.receive(ctx)
	if err == nil && f.Kind != k {
		err = unexpected(f, k)
	}
	return f, err
}

func unexpected(f frame, wanted kind) error {
	return fmt.Errorf("%w: it sent %q in the place of %q; are both processes of the same version?", errProtocol, f.Kind, wanted)
}

// watched is a context that ends with ctx, or when the other side goes away; taken
// is closed if it says before that the outcome has arrived.
func (c *conn) watched(ctx context.Context) (_ context.Context, taken <-chan struct{}, cancel func()) {
	ctx, end := context.WithCancelCause(ctx)
	arrived := make(chan struct{})
	go func() {
		if f, ok := <-c.in; ok && f.Kind == kindTaken {
			close(arrived)
			return
		}
		end(errBroken)
	}()
	return ctx, arrived, func() { end(nil) }
}

// dial connects to the other process, if it is the right one.
func dial(ctx context.Context, socket string, peers Peers) (*conn, error) {
	var d net.Dialer
	n, err := d.DialContext(ctx, "unix", socket)
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err // the rest of it says the path again
	}
	if err != nil {
		return nil, fmt.Errorf("nobody answers on %s: %w: %w", socket, errBroken, err)
	}
	if err := peers.check(n); err != nil {
		n.Close()
		return nil, err
	}
	return newConn(n), nil
}
