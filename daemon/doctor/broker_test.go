package doctor

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"
)

// Certificates that the machine's own clock is compared with hold for long.
var long, never = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)

// authority signs certificates of the test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: long, NotAfter: never, KeyUsage: x509.KeyUsageCertSign,
	}, &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}}, key.Public(), key)
	must(t, err)
	cert, err := x509.ParseCertificate(der)
	must(t, err)
	return authority{cert, key}
}

// file is the authority's certificate in PEM.
func (a authority) file(t *testing.T) string {
	return writePEM(t, "ca.pem", "CERTIFICATE", a.cert.Raw)
}

// issue makes a certificate for a name, good between two times.
func (a authority) issue(t *testing.T, name string, from, to time.Time) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotBefore: from, NotAfter: to,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.cert, key.Public(), a.key)
	must(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func writePEM(t *testing.T, name, kind string, der []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	must(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
	return path
}

// pairFiles are a certificate and its key as files.
func pairFiles(t *testing.T, c tls.Certificate) (cert, key string) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	must(t, err)
	return writePEM(t, "cert.pem", "CERTIFICATE", c.Certificate[0]), writePEM(t, "key.pem", "PRIVATE KEY", der)
}

// startBroker lets the user "good" with the password "hunter2" in, to all topics
// but those of other devices than d1, and returns its port. nil: without TLS.
func startBroker(t *testing.T, c *tls.Config) string {
	t.Helper()
	server := mochi.New(&mochi.Options{Logger: slog.New(slog.DiscardHandler)})
	must(t, server.AddHook(new(auth.Hook), &auth.Options{Ledger: &auth.Ledger{
		Auth: auth.AuthRules{{Username: "good", Password: "hunter2", Allow: true}},
		ACL: auth.ACLRules{{Username: "good", Filters: auth.Filters{
			"cusp/cloud/answer/d1/+": auth.ReadWrite, "cusp/d1/ask": auth.ReadWrite, "#": auth.Deny,
		}}},
	}}))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	_, port, err := net.SplitHostPort(l.Addr().String())
	must(t, err)
	if c != nil {
		l = tls.NewListener(l, c)
	}
	must(t, server.AddListener(listeners.NewNet("test", l)))
	must(t, server.Serve())
	t.Cleanup(func() { server.Close() })
	return port
}

// withBroker configures a cloud.
func withBroker(t *testing.T, url, password string) *subject {
	s := healthy(t)
	s.cfg.Cloud.Broker, s.cfg.Cloud.Username = url, "good"
	s.cfg.Cloud.PasswordFile = filepath.Join(t.TempDir(), "password")
	must(t, os.WriteFile(s.cfg.Cloud.PasswordFile, []byte(password+"\n"), 0o600))
	return s
}

func TestBrokerLetsIn(t *testing.T) {
	t.Parallel()
	url := "tcp://localhost:" + startBroker(t, nil)
	s := withBroker(t, url, "hunter2")
	s.cfg.IoT.Enable = true
	found := brokers(t.Context(), s)
	well(t, found)
	want(t, found, OK, "cloud: ", `user "good"`, "accepts the subscription to cusp/cloud/answer/d1/+")
	want(t, found, OK, "iot: ", "accepts the subscription to cusp/d1/ask")

	s.cfg.Device.ID = "d2"
	want(t, brokers(t.Context(), s), Failure, "refuses the subscription to cusp/cloud/answer/d2/+", "access list")

	found = brokers(t.Context(), withBroker(t, url, "hunter3"))
	want(t, found, Failure, `does not let user "good" in`, "cloud.username")
	for _, f := range found {
		if strings.Contains(f.Text+f.Remedy, "hunter") {
			t.Errorf("a password came out: %+v", f)
		}
	}
}

func TestBrokerIsNotReached(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	must(t, closed.Close())
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { silent.Close() })
	go func() {
		for {
			c, err := silent.Accept()
			if err != nil {
				return
			}
			c.Close() // without a word
		}
	}()
	for url, want1 := range map[string][]string{
		"tcp://broker.invalid:1883":              {"broker.invalid has no address", "resolvectl"},
		"tcp://localhost":                        {"has no port", "tcp://localhost:1883"},
		"tcp://" + closed.Addr().String():        {"refuses connections", "correct the port"},
		"tcp://" + silent.Addr().String():        {"is it MQTT"},
		"ssl://" + silent.Addr().String():        {"makes no TLS connection", "8883"},
		"ssl://localhost:" + startBroker(t, nil): {"makes no TLS connection"},
	} {
		t.Run(url, func(t *testing.T) {
			t.Parallel()
			want(t, brokers(t.Context(), withBroker(t, url, "hunter2")), Failure, want1...)
		})
	}
}

func TestBrokerFiles(t *testing.T) {
	t.Parallel()
	s := withBroker(t, "tcp://localhost:"+startBroker(t, nil), "hunter2")
	s.cfg.Cloud.PasswordFile = "/nowhere/password"
	want(t, brokers(t.Context(), s), Failure, "/nowhere/password")
	s.cfg.Cloud.PasswordFile, s.cfg.Cloud.PasswordCredential = "", "mqtt"
	want(t, keys(t.Context(), s), Warning, `"mqtt" was not passed`, "LoadCredential=mqtt:FILE")
}

func TestBrokerCertificate(t *testing.T) {
	t.Parallel()
	ours, other := newAuthority(t), newAuthority(t)
	from := noon.AddDate(0, -1, 0)
	for name, c := range map[string]struct {
		cert  tls.Certificate
		ca    authority
		now   time.Time
		state State
		want  []string
	}{
		"good":          {ours.issue(t, "localhost", long, never), ours, noon, OK, []string{"lets user"}},
		"ended":         {ours.issue(t, "localhost", from, noon.AddDate(0, 0, -1)), ours, noon, Failure, []string{"ended on 2036-11-28", "renew it"}},
		"ends soon":     {ours.issue(t, "localhost", from, noon.AddDate(0, 0, 3)), ours, noon, Warning, []string{"ends on 2036-12-02"}},
		"clock is late": {ours.issue(t, "localhost", from, never), ours, noon.AddDate(-1, 0, 0), Failure, []string{"holds from 2036-10-29 on, and it is 2035-11-29 here", "set the clock"}},
		"other name":    {ours.issue(t, "mqtt.example.com", from, never), ours, noon, Failure, []string{"not for localhost but for mqtt.example.com", "cloud.broker"}},
		"unknown":       {ours.issue(t, "localhost", from, never), other, noon, Failure, []string{"test authority"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := withBroker(t, "ssl://localhost:"+startBroker(t, &tls.Config{Certificates: []tls.Certificate{c.cert}}), "hunter2")
			s.cfg.Cloud.CAFile = c.ca.file(t)
			s.Now = func() time.Time { return c.now }
			want(t, brokers(t.Context(), s), c.state, c.want...)
			if latest, _ := s.latest(); latest.IsZero() {
				t.Error("the clock is not compared with the certificate")
			}
		})
	}
}

// A certificate of this device is judged by its dates, and with its key.
func TestOwnCertificate(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	s := healthy(t)
	s.cfg.Cloud.CertFile, s.cfg.Cloud.KeyFile = pairFiles(t, ca.issue(t, "d1", noon.AddDate(-1, 0, 0), noon.AddDate(0, 0, -1)))
	want(t, keys(t.Context(), s), Failure, "cloud.cert_file", "ended on 2036-11-28")
	good, key := pairFiles(t, ca.issue(t, "d1", noon.AddDate(-1, 0, 0), noon.AddDate(1, 0, 0)))
	s.cfg.Cloud.CertFile = good
	want(t, keys(t.Context(), s), Failure, "cloud.cert_file", "the key that belongs to it")
	s.cfg.Cloud.KeyFile = key
	well(t, keys(t.Context(), s))
	must(t, os.Chmod(key, 0o644))
	want(t, keys(t.Context(), s), Failure, "is a secret, and everybody can read it", "chmod o= "+key)
}

func TestTokens(t *testing.T) {
	t.Parallel()
	s := healthy(t)
	s.cfg.API.Listen, s.cfg.API.TokensFile = "127.0.0.1:8443", filepath.Join(t.TempDir(), "tokens")
	must(t, os.WriteFile(s.cfg.API.TokensFile, []byte("short\n"), 0o600))
	want(t, keys(t.Context(), s), Failure, "line 1", "openssl rand")
	must(t, os.WriteFile(s.cfg.API.TokensFile, []byte(strings.Repeat("a", 32)+"\n"), 0o600))
	want(t, keys(t.Context(), s), OK, "takes 1 bearer token")
}
