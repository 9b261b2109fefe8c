package uplink

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// link is what the uplink needs of MQTT. It is up when questions can be sent
// and their answers would arrive.
type link interface {
	// Publish hands a message to the broker connection without waiting for
	// the broker's receipt.
	Publish(topic string, payload []byte) error
	// State returns how the link is and a channel that is closed when it goes up
	// or down.
	State() (LinkState, <-chan struct{})
	Close()
}

var _ link = (*Session)(nil)

// LinkState is how a link is at a moment.
type LinkState struct {
	Up       bool
	Since    time.Time // when Up changed the last time, or when the session was made
	Broker   string    // the one that it is connected to, or was tried last; without a password
	Failures int       // rounds over all brokers in a row that failed; 0 when Up
	Err      string    // of the last failure; empty when Up
	Next     time.Time // when they are tried again; zero while they are
}

// SessionOptions of [NewSession].
type SessionOptions struct {
	Broker   Broker
	ClientID string // where Broker has none
	// Clean asks the broker to keep nothing for a client that is away.
	Clean   bool
	Filters []string // subscribed to at every connection, QoS 1; none for a session that only publishes
	// Handle gets every message, in a goroutine of its own and in no order;
	// OnUp runs whenever the subscriptions stand anew. Neither may block.
	Handle func(topic string, payload []byte)
	OnUp   func()
	Log    *slog.Logger

	Random func() float64 // spreads the waits, in [0, 1); nil means math/rand
	dial   dialer         // nil means paho
}

// dialer connects to one broker and subscribes.
type dialer func(ctx context.Context, o SessionOptions, b Broker) (connection, error)

// connection is one connection to one broker, with its subscriptions.
type connection interface {
	publish(topic string, payload []byte) error
	open() bool
	lost() <-chan error // gets one error when it breaks
	unsubscribe()
	close()
}

// Session is a connection to one of several brokers that is made again whenever
// it breaks, after waits that grow, and when the files it was made with change.
type Session struct {
	o       SessionOptions
	backoff backoff
	ctx     context.Context // ends with Close
	stop    context.CancelFunc
	renew   chan struct{} // has a token when the files have changed
	ended   sync.WaitGroup

	mu      sync.Mutex // guards the fields below
	conn    connection // nil while there is none
	state   LinkState
	changed chan struct{} // closed and replaced when state.Up changes
}

// stable is how long a connection must have lasted for its end to be no failure.
const stable = 10 * time.Second

// NewSession prepares a session; what its brokers and files are is checked now.
func NewSession(o SessionOptions) (*Session, error) {
	if _, err := o.Broker.ClientOptions(); err != nil {
		return nil, err
	}
	if o.Broker.ClientID == "" {
		o.Broker.ClientID = o.ClientID
	}
	if o.dial == nil {
		o.dial = dialPaho
	}
	if o.OnUp == nil {
		o.OnUp = func() {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Session{
		o: o, backoff: backoff{time.Second, max(orDefault(o.Broker.MaxReconnect, maxReconnect), time.Second), o.Random},
		renew: make(chan struct{}, 1), changed: make(chan struct{}), state: LinkState{Since: time.Now(), Broker: redacted(o.Broker.URL)},
	}
	s.ctx, s.stop = context.WithCancel(context.Background())
	return s, nil
}

// Connect connects in the background, for as long as it takes, and returns at
// once. It must be called once.
func (s *Session) Connect() {
	s.ended.Go(s.run)
	s.ended.Go(func() { watchFiles(s.ctx, s.o.Broker, s.filesChanged, s.o.Log) })
}

// run keeps a connection until Close.
func (s *Session) run() {
	for failures := 0; s.ctx.Err() == nil; {
		// 1. Take the first broker that can be had.
		c, err := s.dialAny()
		if err != nil {
			failures++
			s.failed(failures, err)
			continue
		}

		// 2. Use it until it breaks.
		began := time.Now()
		s.up(c)
		err = s.hold(c)
		s.down(c, err)

		// 3. Come back soon, or later if it breaks again and again.
		switch {
		case err == nil:
			failures = 0 // Close, or other files
		case time.Since(began) < stable:
			failures++
			s.failed(failures, err)
		default:
			failures = 0
			s.rest(s.backoff.soon())
		}
	}
}

// dialAny tries every broker once, in order.
func (s *Session) dialAny() (connection, error) {
	var errs []error
	for _, b := range s.o.Broker.Each() {
		if s.ctx.Err() != nil {
			return nil, s.ctx.Err()
		}
		s.trying(b)
		c, err := s.o.dial(s.ctx, s.o, b)
		if err == nil {
			return c, nil
		}
		errs = append(errs, fmt.Errorf("%s: %w", redacted(b.URL), err))
	}
	return nil, errors.Join(errs...)
}

// hold waits for the end of c: an error if it broke, nil if it is to be left.
func (s *Session) hold(c connection) error {
	select {
	case err := <-c.lost():
		return err
	case <-s.renew:
		s.o.Log.Info("the broker's files have changed, connecting with the new ones")
	case <-s.ctx.Done():
	}
	return nil
}

func (s *Session) trying(b Broker) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.Broker, s.state.Next = redacted(b.URL), time.Time{}
}

// failed logs the first failure of an outage, and waits for the next try.
func (s *Session) failed(failures int, err error) {
	if s.ctx.Err() != nil {
		return
	}
	if failures == 1 {
		s.o.Log.Warn("broker cannot be reached, retrying", "err", err)
	}
	wait := s.backoff.after(failures)
	s.mu.Lock()
	s.state.Failures, s.state.Err, s.state.Next = failures, err.Error(), time.Now().Add(wait)
	s.mu.Unlock()
	s.rest(wait)
}

// rest waits, until the files change if that is earlier.
func (s *Session) rest(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.renew:
	case <-s.ctx.Done():
	}
}

func (s *Session) up(c connection) {
	s.mu.Lock()
	s.conn = c
	s.state.Failures, s.state.Err, s.state.Next = 0, "", time.Time{}
	s.change(true)
	s.mu.Unlock()
	s.o.Log.Info("broker connected", "broker", s.Broker(), "filters", s.o.Filters)
	s.o.OnUp()
}

func (s *Session) down(c connection, err error) {
	s.mu.Lock()
	s.conn = nil
	s.change(false)
	if err != nil {
		s.state.Err = err.Error()
	}
	s.mu.Unlock()
	if err != nil {
		s.o.Log.Warn("broker connection lost, reconnecting", "err", err)
	}
	c.close()
}

// change tells everyone if up is new. The caller holds mu.
func (s *Session) change(up bool) {
	if up == s.state.Up {
		return
	}
	s.state.Up, s.state.Since = up, time.Now()
	close(s.changed)
	s.changed = make(chan struct{})
}

// filesChanged has the session connect anew.
func (s *Session) filesChanged() {
	select {
	case s.renew <- struct{}{}:
	default:
	}
}

// State returns how the session is at this moment, and a channel that is closed
// when it goes up or down.
func (s *Session) State() (LinkState, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.state
	state.Up = state.Up && s.conn.open()
	return state, s.changed
}

// Up reports whether the subscriptions stand at this moment.
func (s *Session) Up() bool {
	state, _ := s.State()
	return state.Up
}

// Broker is the one that the session is connected to, or tried last.
func (s *Session) Broker() string {
	state, _ := s.State()
	return state.Broker
}

// errDown means that there is no connection.
var errDown = errors.New("not connected to a broker")

// Publish sends a message with QoS 1 without waiting for the broker's receipt.
// On a connection that is down it fails at once.
func (s *Session) Publish(topic string, payload []byte) error {
	s.mu.Lock()
	c := s.conn
	s.mu.Unlock()
	if c == nil || !c.open() {
		return errDown
	}
	if err := c.publish(topic, payload); err != nil {
		return fmt.Errorf("publish to %s: %w", topic, err)
	}
	return nil
}

// Unsubscribe ends the flow of new messages; the connection stays.
func (s *Session) Unsubscribe() {
	s.mu.Lock()
	c := s.conn
	s.mu.Unlock()
	if c != nil {
		c.unsubscribe()
	}
}

// Close disconnects, leaving what is already written a moment to go out.
func (s *Session) Close() {
	s.stop()
	s.ended.Wait()
}
