package cloud

import (
	"encoding/json"
	"fmt"
	"log/slog"

	"github.com/a472be26/cusp/router/uplink"
)

// MQTT is the intake at a broker with shared subscriptions (mosquitto, EMQX):
// the broker hands each question to one worker of the group, and forgets it. A
// question that dies with its worker is asked again by its device.
type MQTT struct {
	broker  uplink.Broker
	group   string
	log     *slog.Logger
	session *uplink.Session
}

var _ Intake = (*MQTT)(nil)

// NewMQTT prepares the intake; an empty group is "cusp-workers".
func NewMQTT(b uplink.Broker, group string, log *slog.Logger) *MQTT {
	setDefault(&group, "cusp-workers")
	return &MQTT{broker: b, group: group, log: log}
}

// Open implements [Intake].
func (q *MQTT) Open(take func(Delivery), up func()) (err error) {
	q.session, err = openSession(q.broker, uplink.SharedAskTopic(q.group), func(topic string, payload []byte) {
		if d, ok := q.read(topic, payload); ok {
			take(d)
		}
	}, up, q.log)
	return err
}

// openSession connects a worker; an empty filter subscribes to nothing.
func openSession(b uplink.Broker, filter string, handle func(string, []byte), up func(), log *slog.Logger) (*uplink.Session, error) {
	client, err := b.ClientOptions()
	if err != nil {
		return nil, err
	}
	if client.ClientID == "" {
		client.SetClientID("cusp-worker-" + uplink.RandomID())
	}
	// A dead worker's session would swallow questions that others could answer.
	client.SetCleanSession(true)
	s := uplink.NewSession(client, filter, handle, up, log)
	s.Connect()
	return s, nil
}

// read makes a delivery of a message from the broker.
func (q *MQTT) read(topic string, payload []byte) (Delivery, bool) {
	device, err := uplink.DeviceOf(topic)
	if err != nil {
		q.log.Warn("dropped a question", "err", err)
		return Delivery{}, false
	}
	ask, err := uplink.DecodeAsk(payload)
	return Delivery{Device: device, Ask: ask, Err: err}, true
}

// Publish implements [Intake].
func (q *MQTT) Publish(device string, m uplink.Answer) error { return publish(q.session, device, m) }

func publish(s *uplink.Session, device string, m uplink.Answer) error {
	payload, err := json.Marshal(m)
	if err != nil { // an Answer has only strings and numbers
		return fmt.Errorf("encode answer: %w", err)
	}
	return s.Publish(uplink.AnswerTopic(device, m.ID), payload)
}

// Up implements [Intake].
func (q *MQTT) Up() bool { return q.session.Up() }

// Stop implements [Intake].
func (q *MQTT) Stop() { q.session.Unsubscribe() }

// Close implements [Intake].
func (q *MQTT) Close() { q.session.Close() }
