package cloud

import (
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/a472be26/cusp/router/uplink"
)

// NATSOptions of [NewNATS]. Zero values take the defaults named here.
type NATSOptions struct {
	URL          string // nats://HOST:4222 or tls://, several with commas between
	Username     string
	PasswordFile string        // read at every connection
	Credentials  string        // file of a user's JWT and key, instead of a password
	CAFile       string        // PEM; empty means the system's certificate authorities
	CertFile     string        // PEM, of this client
	KeyFile      string        // PEM
	Broker       uplink.Broker // the cluster's MQTT listener, for answers

	Stream     string        // the work queue, made if it is not there; "CUSP_ASK"
	Group      string        // consumer that the workers share, "cusp-workers"
	Replicas   int           // copies of the queue; 0: three, or one on a server that is in no cluster
	MaxAge     time.Duration // of a question in the queue, 24 h
	MaxBytes   int64         // of the queue, 1 GiB; more is refused, and asked again by the devices
	AckWait    time.Duration // until the question of a silent worker goes to another, 30 s
	MaxDeliver int           // workers that may die of one question, 5
	GiveBack   time.Duration // rest of a question that a worker gives back, 1 s
	Pulls      int           // questions taken at the same time, 8
	Log        *slog.Logger
}

func (o NATSOptions) withDefaults() NATSOptions {
	setDefault(&o.Stream, "CUSP_ASK")
	setDefault(&o.Group, "cusp-workers")
	setDefault(&o.MaxAge, 24*time.Hour)
	setDefault(&o.MaxBytes, 1<<30)
	setDefault(&o.AckWait, 30*time.Second)
	setDefault(&o.MaxDeliver, 5)
	setDefault(&o.GiveBack, time.Second)
	setDefault(&o.Pulls, 8)
	setDefault(&o.Log, slog.New(slog.DiscardHandler))
	return o
}

// String is the URL without passwords that it may carry.
func (o NATSOptions) String() string {
	all := strings.Split(o.URL, ",")
	for i, text := range all {
		u, err := url.Parse(strings.TrimSpace(text))
		if err != nil || u.Host == "" {
			all[i] = "(broken NATS URL)"
			continue
		}
		all[i] = u.Redacted()
	}
	return strings.Join(all, ",")
}
