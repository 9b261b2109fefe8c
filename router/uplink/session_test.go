package uplink

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// fakeBrokers are brokers in the hands of a test, by URL.
type fakeBrokers struct {
	mu    sync.Mutex // guards the fields below
	there map[string]bool
	conns []*fakeConn
	dials []string
	times []time.Time
}

type fakeConn struct {
	broken chan error
	closed bool
}

func (c *fakeConn) publish(string, []byte) error { return nil }
func (c *fakeConn) open() bool                   { return true }
func (c *fakeConn) lost() <-chan error           { return c.broken }
func (c *fakeConn) unsubscribe()                 {}
func (c *fakeConn) close()                       { c.closed = true }

func (f *fakeBrokers) dial(_ context.Context, _ SessionOptions, b Broker) (connection, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dials, f.times = append(f.dials, b.URL), append(f.times, time.Now())
	if !f.there[b.URL] {
		return nil, errors.New("nobody there")
	}
	c := &fakeConn{broken: make(chan error, 1)}
	f.conns = append(f.conns, c)
	return c, nil
}

func (f *fakeBrokers) set(url string, there bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.there[url] = there
}

// last is the latest connection.
func (f *fakeBrokers) last() *fakeConn {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.conns[len(f.conns)-1]
}

const (
	first  = "tcp://first:1883"
	second = "tcp://second:1883"
)

// newFakeSession is a session with two brokers whose waits are as long as they
// may be.
func newFakeSession(t *testing.T) (*Session, *fakeBrokers) {
	t.Helper()
	f := &fakeBrokers{there: map[string]bool{}}
	s, err := NewSession(SessionOptions{
		Broker: Broker{URL: first, Others: []string{second}, MaxReconnect: 8 * time.Second},
		Handle: func(string, []byte) {}, Random: func() float64 { return 1 }, dial: f.dial,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, f
}

func TestFailOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, f := newFakeSession(t)
		f.set(second, true)
		s.Connect()
		synctest.Wait()
		if state, _ := s.State(); !state.Up || state.Broker != second {
			t.Fatalf("state %+v, want up at the second broker", state)
		}
		time.Sleep(time.Minute)
		f.set(first, true)
		time.Sleep(time.Minute)
		if state, _ := s.State(); state.Broker != second {
			t.Errorf("it left a broker that works for %s", state.Broker)
		}
		old := f.last()
		_, changed := s.State()
		old.broken <- errors.New("cut")
		<-changed
		time.Sleep(2 * time.Second)
		if state, _ := s.State(); !state.Up || state.Broker != first || !old.closed {
			t.Errorf("state %+v, want up at the first broker; old one closed: %v", state, old.closed)
		}
	})
}

func TestBackoffBetweenRounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, f := newFakeSession(t)
		s.Connect()
		time.Sleep(40 * time.Second)
		f.mu.Lock()
		var waits []time.Duration
		for i := 2; i < len(f.dials); i += 2 {
			if f.dials[i-2] != first || f.dials[i-1] != second || f.times[i-1] != f.times[i-2] {
				t.Errorf("tried %v", f.dials)
			}
			waits = append(waits, f.times[i].Sub(f.times[i-1]))
		}
		f.mu.Unlock()
		if want := "[1s 2s 4s 8s 8s 8s 8s]"; fmt.Sprint(waits) != want {
			t.Errorf("waited %v, want %s", waits, want)
		}
		state, _ := s.State()
		if state.Up || state.Failures != 8 || state.Err == "" || !state.Next.After(time.Now()) {
			t.Errorf("state %+v", state)
		}
	})
}

// A broker that takes connections and drops them is no reason to hammer on it.
func TestConnectionsThatDoNotLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, f := newFakeSession(t)
		f.set(first, true)
		s.Connect()
		for range 4 {
			synctest.Wait()
			f.last().broken <- errors.New("kicked")
			time.Sleep(9 * time.Second)
		}
		f.mu.Lock()
		n := len(f.dials)
		f.mu.Unlock()
		if n != 5 {
			t.Errorf("%d connections in 36 s, want 5", n)
		}
	})
}

func TestFilesThatChangeRenewTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, f := newFakeSession(t)
		f.set(first, true)
		s.Connect()
		synctest.Wait()
		old := f.last()
		s.filesChanged()
		synctest.Wait()
		if state, _ := s.State(); !state.Up || f.last() == old || !old.closed {
			t.Errorf("state %+v, a new connection: %v", state, f.last() != old)
		}
	})
}

func TestCloseWhileThereIsNoBroker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := newFakeSession(t)
		s.Connect()
		time.Sleep(10 * time.Second)
		before := time.Now()
		s.Close()
		if took := time.Since(before); took > 0 {
			t.Errorf("it took %v", took)
		}
		if s.Publish("x", nil) == nil {
			t.Error("published without a connection")
		}
	})
}
