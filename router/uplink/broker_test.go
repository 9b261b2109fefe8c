package uplink

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	broker "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"
)

// patience is how long a test waits for what takes milliseconds.
const patience = time.Minute

// startGuarded runs a broker that lets in user "dev" with password "secret".
func startGuarded(t *testing.T, listener listeners.Listener) {
	t.Helper()
	server := broker.New(&broker.Options{Logger: slog.New(slog.DiscardHandler)})
	guard := &auth.Options{Ledger: &auth.Ledger{Auth: auth.AuthRules{{Username: "dev", Password: "secret", Allow: true}}}}
	if err := server.AddHook(new(auth.Hook), guard); err != nil {
		t.Fatal(err)
	}
	if err := server.AddListener(listener); err != nil {
		t.Fatal(err)
	}
	if err := server.Serve(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
}

// selfSigned returns a certificate for 127.0.0.1 and the path of its PEM file.
func selfSigned(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, path
}

// connects reports whether a session on b comes up and carries a message to
// itself.
func connects(t *testing.T, b Broker) bool {
	t.Helper()
	up, got := make(chan struct{}, 1), make(chan string, 1)
	s, err := NewSession(SessionOptions{
		Broker: b, ClientID: RandomID(), Clean: true, Filters: []string{"echo"},
		Handle: func(_ string, payload []byte) { got <- string(payload) }, OnUp: func() { up <- struct{}{} },
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Connect()
	defer s.Close()
	select {
	case <-up:
	case <-time.After(patience):
		return false
	}
	if err := s.Publish("echo", []byte("hello")); err != nil {
		t.Error(err)
	}
	select {
	case text := <-got:
		return text == "hello" && s.Up()
	case <-time.After(patience):
		return false
	}
}

func TestBrokerTLSAndPasswordFile(t *testing.T) {
	t.Parallel()
	certificate, ca := selfSigned(t)
	listener := listeners.NewTCP(listeners.Config{ID: "t", Address: "127.0.0.1:0", TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}}})
	startGuarded(t, listener)
	secret := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(secret, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if !connects(t, Broker{URL: "ssl://" + listener.Address(), Username: "dev", PasswordFile: secret, CAFile: ca}) {
		t.Error("no connection over TLS")
	}
	if _, err := tls.Dial("tcp", listener.Address(), nil); err == nil {
		t.Error("the system trusts the test's certificate: the CA file proves nothing")
	}
}

func TestBrokerWebSocket(t *testing.T) {
	t.Parallel()
	address := unusedAddress(t)
	startGuarded(t, listeners.NewWebsocket(listeners.Config{ID: "w", Address: address}))
	if !connects(t, Broker{URL: "ws://" + address + "/mqtt", Username: "dev", Password: "secret"}) {
		t.Error("no connection over WebSocket")
	}
}

func TestWrongPasswordStaysDownAndIsLogged(t *testing.T) {
	t.Parallel()
	listener := listeners.NewTCP(listeners.Config{ID: "t", Address: "127.0.0.1:0"})
	startGuarded(t, listener)
	told := make(chan string, 1)
	s, err := NewSession(SessionOptions{
		Broker:  Broker{URL: "tcp://" + listener.Address(), Username: "dev", Password: "guess", ClientID: "x"},
		Filters: []string{"echo"}, Handle: func(string, []byte) {},
		OnUp: func() { t.Error("the broker let a wrong password in") }, Log: slog.New(slog.NewTextHandler(chanWriter(told), nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Connect()
	defer s.Close()
	select {
	case line := <-told:
		checkError(t, errorText(line), "broker cannot be reached")
	case <-time.After(patience):
		t.Error("nothing was logged")
	}
	if s.Up() || s.Publish("echo", nil) == nil {
		t.Error("the session is up")
	}
}

// chanWriter sends what is written to the channel, as far as there is room.
type chanWriter chan string

func (w chanWriter) Write(b []byte) (int, error) {
	select {
	case w <- string(b):
	default:
	}
	return len(b), nil
}

type errorText string

func (e errorText) Error() string { return string(e) }

// unusedAddress is a loopback address where nothing listens.
func unusedAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// A mistyped URL is shown, so that it can be mended, but not with a password.
func TestBrokerStringHidesPasswords(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"tcp://u:hush@h:1":   "tcp://u:xxxxx@h:1",
		"tcp//u:hush@h:1":    "(broken broker URL)",
		"tcp:u:hush@h:1":     "(broken broker URL)",
		"tcp://u:hush@h:1:%": "(broken broker URL)",
		"localhost:1883":     "localhost:1883",
	} {
		if got := (Broker{URL: url}).String(); got != want {
			t.Errorf("%s is shown as %s, want %s", url, got, want)
		}
	}
}
