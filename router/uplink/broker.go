package uplink

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// Broker says how to reach an MQTT 3.1.1 broker, or one of several. Its files
// are read anew for every connection, so that passwords, certificates, keys and
// authorities can be replaced while the program runs.
type Broker struct {
	URL          string   // tcp://host:1883, ssl://host:8883, ws://host/path or wss://host/path
	Others       []string // tried in this order where URL cannot be reached
	Username     string
	Password     string
	PasswordFile string        // wins over Password
	CAFile       string        // PEM; empty means the system's certificate authorities
	CertFile     string        // PEM, of this client; empty means none
	KeyFile      string        // PEM
	ClientID     string        // empty means one chosen by the caller of ClientOptions
	MaxReconnect time.Duration // ceiling of the reconnect back-off; 0 means 30 s
}

// URLs are all brokers in the order in which they are tried.
func (b Broker) URLs() []string { return append([]string{b.URL}, b.Others...) }

// Each is one Broker for every URL.
func (b Broker) Each() []Broker {
	all := make([]Broker, 0, 1+len(b.Others))
	for _, u := range b.URLs() {
		one := b
		one.URL, one.Others = u, nil
		all = append(all, one)
	}
	return all
}

// String is the URLs without the passwords that they may carry.
func (b Broker) String() string {
	all := b.URLs()
	for i, u := range all {
		all[i] = redacted(u)
	}
	return strings.Join(all, ", ")
}

func redacted(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" && strings.Contains(text, "@") { // where the password stands is not known
		return "(broken broker URL)"
	}
	return u.Redacted()
}

// ClientOptions turns b into paho options that retry a broker that is down,
// reconnect by themselves and never let one slow handler hold up the others.
// The caller adds handlers, the session and a client id where b has none.
func (b Broker) ClientOptions() (*mqtt.ClientOptions, error) {
	o := mqtt.NewClientOptions().SetClientID(b.ClientID).
		SetProtocolVersion(4).
		SetOrderMatters(false).
		SetConnectRetry(true).SetConnectRetryInterval(time.Second).
		SetAutoReconnect(true).SetMaxReconnectInterval(orDefault(b.MaxReconnect, maxReconnect)).
		SetConnectTimeout(dialTimeout).SetWriteTimeout(dialTimeout).
		SetKeepAlive(30 * time.Second)
	for _, text := range b.URLs() {
		if err := checkURL(text); err != nil {
			return nil, err
		}
		o.AddBroker(text)
	}
	if err := b.addTLS(o); err != nil {
		return nil, err
	}
	return o, b.addCredentials(o)
}

const (
	maxReconnect = 30 * time.Second
	dialTimeout  = 10 * time.Second
)

func checkURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return fmt.Errorf("broker URL %q: want tcp://HOST:PORT, ssl://, ws:// or wss://", redacted(text))
	}
	switch u.Scheme {
	case "tcp", "mqtt", "ssl", "tls", "mqtts", "ws", "wss":
		return nil
	}
	return fmt.Errorf("broker URL %s: scheme %q is not one of tcp, ssl, ws, wss", redacted(text), u.Scheme)
}

// addTLS reads the files now, and again before every connection.
func (b Broker) addTLS(o *mqtt.ClientOptions) error {
	config, err := b.tls()
	if err != nil || config == nil {
		return err
	}
	o.SetTLSConfig(config)
	o.SetConnectionAttemptHandler(func(_ *url.URL, last *tls.Config) *tls.Config {
		if fresh, err := b.tls(); err == nil {
			return fresh
		}
		return last // a file is just being replaced
	})
	return nil
}

// tls is the configuration by what lies on disk now; nil is the system's.
func (b Broker) tls() (*tls.Config, error) {
	if b.CAFile == "" && b.CertFile == "" {
		return nil, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	return config, errors.Join(b.addAuthorities(config), b.addCertificate(config))
}

func (b Broker) addAuthorities(c *tls.Config) error {
	if b.CAFile == "" {
		return nil
	}
	pem, err := os.ReadFile(b.CAFile)
	if err != nil {
		return fmt.Errorf("read broker CA file: %w", err)
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM(pem) {
		return fmt.Errorf("broker CA file %s holds no PEM certificate", b.CAFile)
	}
	return nil
}

// addCertificate presents this client.
func (b Broker) addCertificate(c *tls.Config) error {
	if b.CertFile == "" {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(b.CertFile, b.KeyFile)
	if err != nil {
		return fmt.Errorf("read the broker's client certificate %s with the key %s: %w", b.CertFile, b.KeyFile, err)
	}
	c.Certificates = []tls.Certificate{pair}
	return nil
}

func (b Broker) addCredentials(o *mqtt.ClientOptions) error {
	o.SetUsername(b.Username).SetPassword(b.Password)
	if b.PasswordFile == "" {
		return nil
	}
	last, err := readPassword(b.PasswordFile)
	if err != nil {
		return err
	}
	// paho asks from one goroutine at a time, so that last needs no lock.
	o.SetCredentialsProvider(func() (string, string) {
		if p, err := readPassword(b.PasswordFile); err == nil {
			last = p
		}
		return b.Username, last
	})
	return nil
}

// files are the paths of all that is read for a connection.
func (b Broker) files() []string {
	var all []string
	for _, path := range []string{b.PasswordFile, b.CAFile, b.CertFile, b.KeyFile} {
		if path != "" {
			all = append(all, path)
		}
	}
	return all
}

func readPassword(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read broker password file: %w", err)
	}
	return strings.TrimRight(string(text), "\r\n"), nil
}

// RandomID returns 16 hexadecimal digits for client ids and runs.
func RandomID() string {
	var b [8]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}

func orDefault[T int | int64 | time.Duration](v, def T) T {
	if v <= 0 {
		return def
	}
	return v
}
