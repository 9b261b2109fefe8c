package uplink

import (
	"context"
	"errors"
	"fmt"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// paho is a connection by a client of the Paho library, which is used once: the
// session decides when and where to connect again.
type paho struct {
	client  mqtt.Client
	filters []string
	broken  chan error
}

var _ connection = (*paho)(nil)

// subscribeTimeout is how long a broker may take to grant a subscription.
const subscribeTimeout = 10 * time.Second

func dialPaho(ctx context.Context, o SessionOptions, b Broker) (connection, error) {
	options, err := b.ClientOptions() // reads the files
	if err != nil {
		return nil, err
	}
	p := &paho{filters: o.Filters, broken: make(chan error, 1)}
	options.SetAutoReconnect(false).SetConnectRetry(false).SetCleanSession(o.Clean)
	options.SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) { o.Handle(m.Topic(), m.Payload()) })
	options.SetConnectionLostHandler(func(_ mqtt.Client, err error) { p.broken <- err })
	p.client = mqtt.NewClient(options)
	if err := wait(ctx, p.client.Connect(), 2*dialTimeout); err != nil {
		p.close()
		return nil, err
	}
	if err := p.subscribe(ctx); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// wait is for the end of what token stands for.
func wait(ctx context.Context, token mqtt.Token, limit time.Duration) error {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-token.Done():
		return token.Error()
	case <-timer.C:
		return fmt.Errorf("no answer within %v", limit)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *paho) subscribe(ctx context.Context) error {
	if len(p.filters) == 0 {
		return nil
	}
	all := map[string]byte{}
	for _, f := range p.filters {
		all[f] = 1
	}
	token := p.client.SubscribeMultiple(all, nil)
	if err := wait(ctx, token, subscribeTimeout); err != nil {
		return fmt.Errorf("subscribe to %q: %w", p.filters, err)
	}
	granted, ok := token.(*mqtt.SubscribeToken)
	if !ok {
		return errors.New("subscribe: no answer of that kind")
	}
	for f, qos := range granted.Result() {
		if qos == 0x80 {
			return fmt.Errorf("subscribe to %s: not authorized", f)
		}
	}
	return nil
}

func (p *paho) publish(topic string, payload []byte) error {
	token := p.client.Publish(topic, 1, false, payload)
	select {
	case <-token.Done():
		return token.Error()
	default:
		return nil
	}
}

func (p *paho) open() bool         { return p.client.IsConnectionOpen() }
func (p *paho) lost() <-chan error { return p.broken }
func (p *paho) close()             { p.client.Disconnect(250) }

func (p *paho) unsubscribe() {
	if len(p.filters) > 0 {
		p.client.Unsubscribe(p.filters...).WaitTimeout(2 * time.Second)
	}
}
