package demo

import (
	"fmt"
	"log/slog"
	"net"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"
)

// broker is an MQTT broker on a loopback port that stays the same when the
// broker is stopped and started again. It keeps nothing across that: what is
// not lost then was kept safe by others.
type broker struct {
	address string
	server  *mqtt.Server
	wire    *connections
	ear     func(topic string, payload []byte) // nil until listen
}

// newBroker listens on a free loopback port.
func newBroker() (*broker, error) {
	b := &broker{address: "127.0.0.1:0"}
	return b, b.start()
}

func (b *broker) url() string { return "tcp://" + b.address }

func (b *broker) port() string {
	_, port, _ := net.SplitHostPort(b.address) // an address that was listened on
	return port
}

func (b *broker) start() error {
	b.server = mqtt.New(&mqtt.Options{InlineClient: true, Logger: slog.New(slog.DiscardHandler)})
	if err := b.server.AddHook(new(auth.AllowHook), nil); err != nil {
		return fmt.Errorf("start broker: %w", err)
	}
	l, err := net.Listen("tcp", b.address)
	if err != nil {
		return fmt.Errorf("start broker on %s: %w", b.address, err)
	}
	b.address, b.wire = l.Addr().String(), &connections{Listener: l}
	if err := b.server.AddListener(listeners.NewNet("demo", b.wire)); err != nil {
		return fmt.Errorf("start broker on %s: %w", b.address, err)
	}
	if err := b.server.Serve(); err != nil {
		return fmt.Errorf("start broker on %s: %w", b.address, err)
	}
	if b.ear != nil {
		return b.listen(b.ear)
	}
	return nil
}

func (b *broker) stop() error {
	err := b.server.Close()
	b.wire.cut()
	return err
}

// listen passes every message to ear, after restarts too.
func (b *broker) listen(ear func(topic string, payload []byte)) error {
	b.ear = ear
	return b.server.Subscribe("#", 1, func(_ *mqtt.Client, _ packets.Subscription, p packets.Packet) {
		ear(p.TopicName, p.Payload)
	})
}

// publish sends one message as a client of the broker would.
func (b *broker) publish(topic string, payload []byte) error {
	return b.server.Publish(topic, payload, false, 1)
}
