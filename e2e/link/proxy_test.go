//go:build e2e

package link

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// weather is what all proxies of a fleet have in common.
type weather struct {
	delay  atomic.Int64 // ns, the most that a chunk of bytes is held up in one direction
	secret []byte       // must never go up
	leaked atomic.Int64 // how often it did
	up     atomic.Int64 // bytes from devices and workers to the broker
	down   atomic.Int64
	torn   atomic.Int64 // connections reset in the middle of a message
	lost   atomic.Int64 // bytes that were under way on a connection that broke
}

// proxy stands between one client and the broker.
type proxy struct {
	*weather
	listener net.Listener
	broker   string // path of its socket
	ended    sync.WaitGroup

	mu     sync.Mutex // guards the fields below
	random *rand.Rand
	lines  map[*line]bool
	refuse int // reasons to reset connections, old and new ones
	silent int // reasons to let them be and carry nothing
	closed bool
}

func newProxy(t *testing.T, w *weather, broker string, seed uint64) *proxy {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	p := &proxy{weather: w, listener: l, broker: broker, random: rand.New(rand.NewPCG(seed, 0)), lines: map[*line]bool{}}
	p.ended.Go(p.serve)
	return p
}

func (p *proxy) url() string { return "tcp://" + p.listener.Addr().String() }

func (p *proxy) serve() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.ended.Go(func() { p.connect(c.(*net.TCPConn)) })
	}
}

func (p *proxy) connect(client *net.TCPConn) {
	server, err := net.Dial("unix", p.broker)
	if err != nil {
		reset(client)
		return
	}
	l := &line{p: p, client: client, server: server.(*net.UnixConn), broken: make(chan struct{}), open: make(chan struct{})}
	close(l.open)
	p.mu.Lock()
	if p.refuse > 0 || p.closed {
		p.mu.Unlock()
		l.reset()
		return
	}
	if p.silent > 0 {
		l.hold()
	}
	p.lines[l] = true
	p.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() {
		l.pump(l.server, l.client, &p.up, p.secret)
		l.reset() // the client has gone
	})
	both.Go(func() { l.pump(l.client, l.server, &p.down, nil) })
	both.Wait()
	l.reset()
	p.mu.Lock()
	delete(p.lines, l)
	p.mu.Unlock()
}

// each does something to every line.
func (p *proxy) each(do func(*line)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.lines {
		do(l)
	}
}

// part cuts the clients off: at once and visibly, or so that nobody notices.
func (p *proxy) part(silent bool) {
	if silent {
		p.change(&p.silent, 1)
		p.each((*line).hold)
	} else {
		p.change(&p.refuse, 1)
		p.each((*line).reset)
	}
}

// heal ends that. What was held up arrives late, or never.
func (p *proxy) heal(silent, lose bool) {
	if !silent {
		p.change(&p.refuse, -1)
		return
	}
	if lose {
		p.each((*line).reset)
	}
	if p.change(&p.silent, -1) == 0 {
		p.each((*line).release)
	}
}

func (p *proxy) change(reasons *int, by int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	*reasons += by
	return *reasons
}

func (p *proxy) wait() time.Duration {
	most := p.delay.Load()
	if most == 0 {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Duration(p.random.Int64N(most))
}

func (p *proxy) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.listener.Close()
	p.each((*line).reset)
	p.ended.Wait()
}

// half is one end of a line.
type half interface {
	net.Conn
	CloseWrite() error
}

// line is one connection through a proxy.
type line struct {
	p              *proxy
	client, server half
	tear           atomic.Bool   // reset it in the middle of the next message
	broken         chan struct{} // closed by reset
	once           sync.Once

	mu   sync.Mutex    // guards open
	open chan struct{} // closed unless the line is held
}

func (l *line) hold() {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.open:
		l.open = make(chan struct{})
	default:
	}
}

func (l *line) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.open:
	default:
		close(l.open)
	}
}

func (l *line) gate() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open
}

// reset breaks both ends; what is under way is lost.
func (l *line) reset() {
	l.once.Do(func() {
		close(l.broken)
		reset(l.client)
		reset(l.server)
	})
}

func reset(c half) {
	if tcp, ok := c.(*net.TCPConn); ok {
		tcp.SetLinger(0) // RST instead of FIN
	}
	c.Close()
}

// chunk is what was read at once, and when it is due on the other side.
type chunk struct {
	bytes []byte
	due   time.Time
}

// pump carries one direction until the line breaks.
func (l *line) pump(to, from half, count *atomic.Int64, secret []byte) {
	under := make(chan chunk, 256)
	var writer sync.WaitGroup
	writer.Go(func() {
		for c := range under {
			l.write(to, c)
		}
		to.CloseWrite()
	})
	var tail []byte
	buffer := make([]byte, 16<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			count.Add(int64(n))
			c := chunk{bytes.Clone(buffer[:n]), time.Now().Add(l.p.wait())}
			tail = l.p.scan(tail, c.bytes, secret)
			select {
			case under <- c:
			case <-l.broken:
			}
		}
		if err != nil {
			break
		}
	}
	close(under)
	writer.Wait()
}

// scan looks for the secret, also across two reads.
func (w *weather) scan(tail, fresh, secret []byte) []byte {
	if secret == nil {
		return nil
	}
	text := append(tail, fresh...)
	w.leaked.Add(int64(bytes.Count(text, secret)))
	return bytes.Clone(text[max(0, len(text)-len(secret)+1):])
}

func (l *line) write(to half, c chunk) {
	timer := time.NewTimer(time.Until(c.due))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-l.broken:
	}
	select {
	case <-l.gate():
	case <-l.broken:
	}
	select {
	case <-l.broken:
		l.p.lost.Add(int64(len(c.bytes)))
		return
	default:
	}
	if len(c.bytes) > 1 && l.tear.CompareAndSwap(true, false) {
		to.Write(c.bytes[:len(c.bytes)/2])
		l.p.torn.Add(1)
		l.reset()
		return
	}
	if _, err := to.Write(c.bytes); err != nil && !errors.Is(err, net.ErrClosed) {
		l.reset()
	}
}
