//go:build e2e

package cloud_test

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/a472be26/cusp/router/cloud"
	"github.com/a472be26/cusp/router/envelope"
	"github.com/a472be26/cusp/router/uplink"
)

// authority signs certificates.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	a := &authority{t: t}
	a.key = newECKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	fatal(t, err)
	a.cert, err = x509.ParseCertificate(der)
	fatal(t, err)
	return a
}

func newECKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	fatal(t, err)
	return key
}

func fatal(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (a *authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

// issue writes a certificate for 127.0.0.1 and its key to files, each in one step.
func (a *authority) issue(name, certFile, keyFile string) {
	a.t.Helper()
	key := newECKey(a.t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	fatal(a.t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	fatal(a.t, err)
	replaceFile(a.t, keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}))
	replaceFile(a.t, certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func replaceFile(t *testing.T, path string, text []byte) {
	t.Helper()
	fatal(t, os.WriteFile(path+".new", text, 0o600))
	fatal(t, os.Rename(path+".new", path))
}

// Certificates, keys and authorities of broker, device and worker are replaced one
// after the other, and no process but the broker is started again.
func TestMosquittoMutualTLSWithRotation(t *testing.T) {
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	address := unusedAddress(t)
	host, port := splitAddress(t, address)
	old, next := newAuthority(t, "old"), newAuthority(t, "next")
	start := func(trusted []byte, signer *authority) (stop func()) {
		replaceFile(t, file("broker-ca"), trusted)
		signer.issue("broker", file("broker-cert"), file("broker-key"))
		return runMosquitto(t, fmt.Sprintf("listener %s %s\ncafile %s\ncertfile %s\nkeyfile %s\nrequire_certificate true\nuse_identity_as_username true\nallow_anonymous false\n",
			port, host, file("broker-ca"), file("broker-cert"), file("broker-key")))
	}
	secured := func(name string) uplink.Broker {
		return uplink.Broker{URL: "ssl://" + address, CAFile: file(name + "-ca"), CertFile: file(name + "-cert"), KeyFile: file(name + "-key"), MaxReconnect: time.Second}
	}
	for _, name := range []string{"lamp", "worker"} {
		replaceFile(t, file(name+"-ca"), old.pem())
		old.issue(name, file(name+"-cert"), file(name+"-key"))
	}
	stop := start(old.pem(), old)
	w := startWorker(t, address, &model{}, func(o *cloud.Options) { o.Broker = secured("worker") })
	d := startDevice(t, address, "lamp", func(o *uplink.Options) { o.Broker = secured("lamp") })
	fatal(t, d.ask(t, "q1", "with the old ones"))

	// 1. Devices and workers trust both authorities; the connection is made anew.
	before := d.Link().Since
	both := append(old.pem(), next.pem()...)
	replaceFile(t, file("lamp-ca"), both)
	replaceFile(t, file("worker-ca"), both)
	wait(t, "a new connection for new files", func() bool { return d.Up() && d.Link().Since.After(before) })

	// 2. The broker trusts both and has a new certificate.
	stop()
	stop = start(both, next)
	wait(t, "links up again", func() bool { return d.Up() && w.Up() })
	fatal(t, d.ask(t, "q2", "with the broker's new one"))

	// 3. Devices and workers get new certificates.
	before = d.Link().Since
	next.issue("lamp", file("lamp-cert"), file("lamp-key"))
	next.issue("worker", file("worker-cert"), file("worker-key"))
	wait(t, "a new connection for new certificates", func() bool { return d.Up() && d.Link().Since.After(before) })

	// 4. The old authority is gone.
	stop()
	start(next.pem(), next)
	wait(t, "links up again", func() bool { return d.Up() && w.Up() })
	fatal(t, d.ask(t, "q3", "without the old ones"))

	// And a client with an old certificate is not let in.
	old.issue("stranger", file("stranger-cert"), file("stranger-key"))
	replaceFile(t, file("stranger-ca"), both)
	s := startDevice(t, address, "stranger", func(o *uplink.Options) { o.Broker = secured("stranger") })
	wait(t, "refusals", func() bool { return s.Link().Failures > 1 })
	if s.Up() || s.Link().Err == "" {
		t.Errorf("link of the stranger %+v", s.Link())
	}
}

func TestMosquittoWebSocket(t *testing.T) {
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	a := newAuthority(t, "one")
	a.issue("broker", file("cert"), file("key"))
	replaceFile(t, file("ca"), a.pem())
	plain, secure := unusedAddress(t), unusedAddress(t)
	host, port := splitAddress(t, plain)
	_, securePort := splitAddress(t, secure)
	// mosquitto 2.0.11 ends where all listeners are WebSocket's, and listens
	// everywhere without socket_domain.
	_, unused := splitAddress(t, unusedAddress(t))
	runMosquitto(t, fmt.Sprintf("allow_anonymous true\nlistener %s %s\n", unused, host)+
		fmt.Sprintf("listener %s %s\nsocket_domain ipv4\nprotocol websockets\n", port, host)+
		fmt.Sprintf("listener %s %s\nsocket_domain ipv4\nprotocol websockets\ncertfile %s\nkeyfile %s\n", securePort, host, file("cert"), file("key")))
	startWorker(t, plain, &model{}, func(o *cloud.Options) { o.Broker.URL = "ws://" + plain + "/mqtt" })
	d := startDevice(t, secure, "lamp", func(o *uplink.Options) {
		o.Broker = uplink.Broker{URL: "wss://" + secure + "/mqtt", CAFile: file("ca"), MaxReconnect: time.Second}
	})
	for i := range 5 {
		fatal(t, d.ask(t, fmt.Sprint("q", i), strings.Repeat("over the web, 世界 ", 500)))
	}
}

func TestMosquittoFailOver(t *testing.T) {
	one, two := unusedAddress(t), unusedAddress(t)
	stop := mosquitto(t, one)
	mosquitto(t, two)
	m := &model{step: make(chan struct{})}
	startWorker(t, one, m, func(o *cloud.Options) { o.Broker.Others = []string{"tcp://" + two} })
	d := startDevice(t, one, "lamp", func(o *uplink.Options) { o.Broker.Others = []string{"tcp://" + two} })
	result := make(chan error)
	go func() { result <- d.ask(t, "q", "a long story") }()
	m.step <- struct{}{}
	stop()
	wait(t, "link at the second broker", func() bool { return d.Up() && d.Link().Broker == "tcp://"+two })
	close(m.step)
	fatal(t, <-result)
	if n := m.calls.Load(); n != 1 {
		t.Errorf("the model was called %d times for one question", n)
	}
	// And back, when the second one dies and the first one is there again.
	mosquitto(t, one)
	fatal(t, d.ask(t, "q2", "still at the second"))
	if d.Link().Broker != "tcp://"+two {
		t.Errorf("it left a broker that works for %s", d.Link().Broker)
	}
}

// capture is mosquitto_sub at a broker, hearing everything.
type capture struct {
	mu  sync.Mutex // guards all
	all []heard
}

type heard struct {
	topic   string
	payload []byte
}

func startCapture(t *testing.T, address string) *capture {
	t.Helper()
	host, port := splitAddress(t, address)
	sub := exec.Command("mosquitto_sub", "-h", host, "-p", port, "-t", "#", "-q", "1", "-F", "%t %x")
	out, err := sub.StdoutPipe()
	fatal(t, err)
	if err := sub.Start(); err != nil {
		t.Fatalf("this test needs a real client: apt-get install mosquitto-clients (%v)", err)
	}
	t.Cleanup(func() {
		sub.Process.Kill()
		sub.Wait()
	})
	c := &capture{}
	go func() {
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 8<<20)
		for lines.Scan() {
			topic, text, _ := strings.Cut(lines.Text(), " ")
			payload, err := hex.DecodeString(text)
			if err != nil {
				t.Errorf("mosquitto_sub said %q", lines.Text())
			}
			c.mu.Lock()
			c.all = append(c.all, heard{topic, payload})
			c.mu.Unlock()
		}
	}()
	wait(t, "mosquitto_sub is there", func() bool {
		send(t, address, "are/you/there", nil)
		return len(c.on("are/you/there")) > 0
	})
	return c
}

func (c *capture) on(prefix string) (all [][]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, h := range c.all {
		if strings.HasPrefix(h.topic, prefix) {
			all = append(all, h.payload)
		}
	}
	return all
}

// Whoever has the broker, hears everything and may say anything, reads no question
// and no answer, and cannot ask as another device.
func TestMosquittoSealed(t *testing.T) {
	address := unusedAddress(t)
	mosquitto(t, address)
	k := newKeys(t, "lamp", "door")
	m := &model{}
	w := startWorker(t, address, m, k.worker)
	wait(t, "worker up", w.Up)
	c := startCapture(t, address)

	plain := startDevice(t, address, "plain", func(o *uplink.Options) { o.NoCompression = true })
	fatal(t, plain.ask(t, "q0", "anybody hears this treasure"))
	wait(t, "capture of plain words", func() bool { return bytes.Contains(bytes.Join(c.on("cusp/cloud/ask/plain"), nil), []byte("treasure")) })

	lamp := startDevice(t, address, "lamp", k.sealed("lamp"))
	for i := range 3 {
		fatal(t, lamp.ask(t, fmt.Sprint("q", i), "where is the hidden treasure, 秘密?"))
	}
	wait(t, "capture of the answers", func() bool { return len(c.on("cusp/cloud/answer/lamp/q2")) > 0 })
	for _, payload := range append(c.on("cusp/cloud/ask/lamp"), c.on("cusp/cloud/answer/lamp")...) {
		if !envelope.Is(payload) {
			t.Errorf("not an envelope: %q", payload)
		}
		for _, word := range []string{"treasure", "hidden", "秘密", "asked", "test-model", "content"} {
			if bytes.Contains(payload, []byte(word)) {
				t.Errorf("the broker can read %q in %q", word, payload)
			}
		}
	}

	before := m.calls.Load()
	forger := k.device("door") // a device of the fleet, with a key of its own
	forger.Name = "lamp"
	codec, err := envelope.NewCodec(1 << 20)
	fatal(t, err)
	forged, _, err := forger.Seal(codec, envelope.Ask, "f", time.Now(), []byte(`{"id":"f","messages":[{"role":"user","content":"open the door"}]}`))
	fatal(t, err)
	send(t, address, uplink.AskTopic("lamp"), forged)
	send(t, address, uplink.AskTopic("lamp"), c.on("cusp/cloud/ask/lamp")[0]) // once more
	wait(t, "refusal", func() bool { return len(c.on("cusp/cloud/answer/lamp/f")) > 0 })
	fatal(t, lamp.ask(t, "last", "and now?"))
	if n := m.calls.Load() - before; n != 1 {
		t.Errorf("the model was called %d times for one true question, a forged one and a replayed one", n)
	}
}
