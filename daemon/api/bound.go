package api

import (
	"net"
	"strconv"
	"sync"
	"time"
)

// DefaultConnections is how many connections are open at a time unless configured
// otherwise.
const DefaultConnections = 1024

const (
	maxRefusing  = 64              // connections that are told at a time that there are too many
	refuseTime   = 2 * time.Second // for each
	refusalPause = "1"             // seconds
)

const refusal = `{"error":{"message":"too many connections are open","type":"server_error","param":null,"code":"too_many_connections"}}` + "\n"

// bound counts the open connections of all listeners. What comes beyond most of
// them gets a 503 and is closed; in a flood, it is closed without.
type bound struct {
	most     int
	mu       sync.Mutex // guards open
	open     int
	refusing chan struct{}
}

func newBound(most int) *bound {
	if most <= 0 {
		most = DefaultConnections
	}
	return &bound{most: most, refusing: make(chan struct{}, maxRefusing)}
}

func (b *bound) take() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open >= b.most {
		return false
	}
	b.open++
	return true
}

func (b *bound) give() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open--
}

// refuse tells a connection in a goroutine of its own, if there are not too many.
func (b *bound) refuse(conn net.Conn) {
	select {
	case b.refusing <- struct{}{}:
	default:
		_ = conn.Close()
		return
	}
	go func() {
		defer func() { <-b.refusing }()
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(refuseTime))
		_, _ = conn.Write([]byte("HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: " + refusalPause +
			"\r\nConnection: close\r\nContent-Length: " + strconv.Itoa(len(refusal)) + "\r\n\r\n" + refusal))
		// What the client sent is read, or closing would take the answer away.
		if c, ok := conn.(interface{ CloseWrite() error }); ok && c.CloseWrite() == nil {
			_, _ = conn.Read(make([]byte, maxHeader))
		}
	}()
}

// boundListener is a listener whose connections count.
type boundListener struct {
	net.Listener
	bound *bound
	wrap  func(net.Conn) net.Conn // around each connection
}

// Accept implements [net.Listener].
func (l boundListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if l.bound.take() {
			return l.wrap(&boundConn{Conn: conn, give: sync.OnceFunc(l.bound.give)}), nil
		}
		l.bound.refuse(l.wrap(conn))
	}
}

// boundConn is counted out when it is closed.
type boundConn struct {
	net.Conn
	give func()
}

// Close implements [net.Conn].
func (c *boundConn) Close() error {
	defer c.give()
	return c.Conn.Close()
}

// NetConn is the connection that is counted.
func (c *boundConn) NetConn() net.Conn { return c.Conn }

// CloseWrite says that nothing more comes, where the connection knows how.
func (c *boundConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
