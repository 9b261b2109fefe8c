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

// Broker says how to reach an MQTT 3.1.1 broker.
type Broker struct {
	URL          string // tcp://host:1883, ssl://host:8883, ws://host/path or wss://host/path
	Username     string
	Password     string
	PasswordFile string        // read at every connection, so that a rotated secret is picked up; wins over Password
	CAFile       string        // PEM; empty means the system's certificate authorities
	CertFile     string        // PEM, of this client; empty means none
	KeyFile      string        // PEM; read, like CertFile, at every connection
	ClientID     string        // empty means one chosen by the caller of ClientOptions
	MaxReconnect time.Duration // ceiling of the reconnect back-off; 0 means 10 s
}

// String is the URL without the password that it may carry.
func (b Broker) String() string {
	u, err := url.Parse(b.URL)
	if err != nil || u.Host == "" && strings.Contains(b.URL, "@") { // where the password stands is not known
		return "(broken broker URL)"
	}
	return u.Redacted()
}

// ClientOptions turns b into paho options that retry a broker that is down,
// reconnect by themselves and never let one slow handler hold up the others.
// The caller adds handlers, the session and a client id where b has none.
func (b Broker) ClientOptions() (*mqtt.ClientOptions, error) {
	u, err := url.Parse(b.URL)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("broker URL %q: want tcp://HOST:PORT, ssl://, ws:// or wss://", b.String())
	}
	switch u.Scheme {
	case "tcp", "mqtt", "ssl", "tls", "mqtts", "ws", "wss":
	default:
		return nil, fmt.Errorf("broker URL %s: scheme %q is not one of tcp, ssl, ws, wss", b, u.Scheme)
	}
	o := mqtt.NewClientOptions().AddBroker(b.URL).SetClientID(b.ClientID).
		SetProtocolVersion(4).
		SetOrderMatters(false).
		SetConnectRetry(true).SetConnectRetryInterval(time.Second).
		SetAutoReconnect(true).SetMaxReconnectInterval(orDefault(b.MaxReconnect, 10*time.Second)).
		SetConnectTimeout(10 * time.Second).SetWriteTimeout(10 * time.Second).
		SetKeepAlive(30 * time.Second)
	if err := b.addTLS(o); err != nil {
		return nil, err
	}
	return o, b.addCredentials(o)
}

func (b Broker) addTLS(o *mqtt.ClientOptions) error {
	if b.CAFile == "" && b.CertFile == "" {
		return nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if err := errors.Join(b.addAuthorities(config), b.addCertificate(config)); err != nil {
		return err
	}
	o.SetTLSConfig(config)
	return nil
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

// addCertificate presents this client, with what lies on disk at that moment, so
// that a certificate can be renewed.
func (b Broker) addCertificate(c *tls.Config) error {
	if b.CertFile == "" {
		return nil
	}
	if _, err := b.certificate(); err != nil {
		return err
	}
	c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return b.certificate() }
	return nil
}

func (b Broker) certificate() (*tls.Certificate, error) {
	c, err := tls.LoadX509KeyPair(b.CertFile, b.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("read the broker's client certificate %s with the key %s: %w", b.CertFile, b.KeyFile, err)
	}
	return &c, nil
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
