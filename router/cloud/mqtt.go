package cloud

import (
	"errors"
	"log/slog"
	"slices"

	"github.com/a472be26/cusp/router/uplink"
)

// MQTT is the intake at brokers with shared subscriptions (mosquitto, EMQX): each
// hands a question to one worker of the group, and forgets it. A question that dies
// with its worker is asked again by its device. Devices come to any of the brokers,
// so that a worker is at all of them.
type MQTT struct {
	broker   uplink.Broker
	group    string
	log      *slog.Logger
	sessions []*uplink.Session // one per broker
}

var _ Intake = (*MQTT)(nil)

// NewMQTT prepares the intake; an empty group is "cusp-workers".
func NewMQTT(b uplink.Broker, group string, log *slog.Logger) *MQTT {
	setDefault(&group, "cusp-workers")
	return &MQTT{broker: b, group: group, log: log}
}

// Open implements [Intake].
func (q *MQTT) Open(worker string, receive func(Parcel), up func()) error {
	filters := []string{uplink.SharedAskTopic(q.group), uplink.ResumeFilter(worker)}
	for _, b := range q.broker.Each() {
		s, err := newSession(b, filters, receive, up, q.log)
		if err != nil {
			return err
		}
		q.sessions = append(q.sessions, s)
	}
	if len(q.sessions) == 0 {
		return errors.New("no broker is named")
	}
	for _, s := range q.sessions {
		s.Connect()
	}
	return nil
}

// newSession prepares a connection whose messages are answered over itself.
func newSession(b uplink.Broker, filters []string, receive func(Parcel), up func(), log *slog.Logger) (*uplink.Session, error) {
	var s *uplink.Session
	reply := func(topic string, payload []byte) error { return s.Publish(topic, payload) }
	s, err := uplink.NewSession(uplink.SessionOptions{
		Broker: b, ClientID: "cusp-worker-" + uplink.RandomID(),
		// A dead worker's session would swallow questions that others could answer.
		Clean: true, Filters: filters,
		Handle: func(topic string, payload []byte) { receive(Parcel{Topic: topic, Payload: payload, Reply: reply}) },
		OnUp:   up, Log: log,
	})
	return s, err
}

// Up implements [Intake].
func (q *MQTT) Up() bool { return slices.ContainsFunc(q.sessions, (*uplink.Session).Up) }

// Stop implements [Intake].
func (q *MQTT) Stop() {
	for _, s := range q.sessions {
		s.Unsubscribe()
	}
}

// Close implements [Intake].
func (q *MQTT) Close() {
	for _, s := range q.sessions {
		s.Close()
	}
}
