package demo

import (
	"net"
	"sync"
)

// connections is a listener that can cut every connection it has accepted, as
// the end of a broker's process would. The broker's own Close forgets those
// that have not said CONNECT yet, and their clients would wait for nothing.
type connections struct {
	net.Listener

	mu   sync.Mutex // guards open
	open []net.Conn
}

func (c *connections) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open = append(c.open, conn)
	return conn, nil
}

// cut closes the listener and all its connections; closing twice is no harm.
func (c *connections) cut() {
	_ = c.Listener.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.open {
		_ = conn.Close()
	}
	c.open = nil
}
