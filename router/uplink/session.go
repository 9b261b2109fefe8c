package uplink

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// link is what the uplink needs of MQTT. It is up when questions can be sent
// and their answers would arrive.
type link interface {
	// Publish hands a message to the broker connection without waiting for
	// the broker's receipt.
	Publish(topic string, payload []byte) error
	// State returns whether the link is up and a channel that is closed when
	// that changes.
	State() (up bool, changed <-chan struct{})
	// Since is when that changed the last time, or when the link was made.
	Since() time.Time
	Close()
}

var _ link = (*Session)(nil)

// Session is a broker connection with one subscription that is made again
// after every reconnect.
type Session struct {
	client mqtt.Client
	filter string
	log    *slog.Logger
	onUp   func()
	done   chan struct{} // closed by Close

	mu      sync.Mutex // guards the fields below
	number  int        // of the current connection
	up      bool
	since   time.Time     // when up changed
	told    bool          // the current outage was logged
	changed chan struct{} // closed and replaced when up changes
}

// resubscribe is how long a refused subscription rests before the next try.
const resubscribe = 5 * time.Second

// NewSession prepares a connection that subscribes to filter; an empty one, to
// nothing, for a session that only publishes. Every message goes to handle, in a goroutine of its own and in no order; onUp runs
// whenever the subscription stands anew. Neither may block.
func NewSession(o *mqtt.ClientOptions, filter string, handle func(topic string, payload []byte), onUp func(), log *slog.Logger) *Session {
	s := &Session{filter: filter, log: log, onUp: onUp, done: make(chan struct{}), changed: make(chan struct{}), since: time.Now()}
	o.SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) { handle(m.Topic(), m.Payload()) })
	o.SetOnConnectHandler(func(mqtt.Client) { s.connected() })
	o.SetConnectionLostHandler(func(_ mqtt.Client, err error) { s.lost(err) })
	o.SetConnectionNotificationHandler(func(_ mqtt.Client, n mqtt.ConnectionNotification) {
		if failed, ok := n.(mqtt.ConnectionNotificationFailed); ok {
			s.failed(failed.Reason)
		}
	})
	s.client = mqtt.NewClient(o)
	return s
}

// Connect connects in the background, for as long as it takes, and returns at
// once.
func (s *Session) Connect() { s.client.Connect() }

// connected subscribes; only then is the session up.
func (s *Session) connected() {
	s.mu.Lock()
	s.number++
	number := s.number
	s.told = false
	s.change(false) // a loss that was too short to be noticed is one all the same
	s.mu.Unlock()
	for {
		err := s.subscribe()
		if err == nil {
			s.log.Info("broker connected", "filter", s.filter)
			s.set(number, true)
			s.onUp()
			return
		}
		if !s.client.IsConnectionOpen() {
			return // the next connection starts this again
		}
		s.log.Warn("broker refused the subscription, trying again", "filter", s.filter, "err", err)
		select {
		case <-s.done:
			return
		case <-time.After(resubscribe):
		}
	}
}

func (s *Session) subscribe() error {
	if s.filter == "" {
		return nil
	}
	token := s.client.Subscribe(s.filter, 1, nil)
	if !token.WaitTimeout(10 * time.Second) {
		return errors.New("no answer within 10s")
	}
	if err := token.Error(); err != nil {
		return err
	}
	if t, ok := token.(*mqtt.SubscribeToken); ok && t.Result()[s.filter] == 0x80 {
		return errors.New("not authorized")
	}
	return nil
}

func (s *Session) lost(err error) {
	s.log.Warn("broker connection lost, reconnecting", "err", err)
	s.mu.Lock()
	number := s.number
	s.mu.Unlock()
	if !s.client.IsConnectionOpen() { // else this report is older than the connection
		s.set(number, false)
	}
}

// failed logs the first failure of an outage.
func (s *Session) failed(err error) {
	s.mu.Lock()
	told := s.told
	s.told = true
	s.mu.Unlock()
	if !told {
		s.log.Warn("broker cannot be reached, retrying", "err", err)
	}
}

// set notes that connection number is up or down, unless a newer one exists.
func (s *Session) set(number int, up bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if number == s.number {
		s.change(up)
	}
}

// change tells everyone if up is new. The caller holds mu.
func (s *Session) change(up bool) {
	if up == s.up {
		return
	}
	s.up, s.since = up, time.Now()
	close(s.changed)
	s.changed = make(chan struct{})
}

// State returns whether messages go out and come in at this moment, and a
// channel that is closed when that changes.
func (s *Session) State() (bool, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.up && s.client.IsConnectionOpen(), s.changed
}

// Since is when that changed the last time, or when the session was made.
func (s *Session) Since() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.since
}

// Up reports whether the subscription stands at this moment.
func (s *Session) Up() bool {
	up, _ := s.State()
	return up
}

// Publish sends a message with QoS 1 without waiting for the broker's receipt.
// On a connection that is down it fails at once.
func (s *Session) Publish(topic string, payload []byte) error {
	if !s.client.IsConnectionOpen() {
		return mqtt.ErrNotConnected
	}
	token := s.client.Publish(topic, 1, false, payload)
	select {
	case <-token.Done():
		if err := token.Error(); err != nil {
			return fmt.Errorf("publish to %s: %w", topic, err)
		}
	default:
	}
	return nil
}

// Unsubscribe ends the flow of new messages; the connection stays.
func (s *Session) Unsubscribe() {
	if s.filter != "" {
		s.client.Unsubscribe(s.filter).WaitTimeout(2 * time.Second)
	}
}

// Close disconnects, leaving what is already written a moment to go out. It
// must be called once.
func (s *Session) Close() {
	close(s.done)
	s.client.Disconnect(250)
}
