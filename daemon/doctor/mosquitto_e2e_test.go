//go:build e2e

package doctor

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// mosquitto starts a real broker with TLS, a user "d1", and the access rules that
// we tell operators to use; more goes into its configuration. It returns its port.
func mosquitto(t *testing.T, ca authority, more string) string {
	t.Helper()
	dir := t.TempDir()
	cert, key := pairFiles(t, ca.issue(t, "localhost", long, never))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	_, port, _ := net.SplitHostPort(l.Addr().String())
	must(t, l.Close())
	passwords, conf := filepath.Join(dir, "passwords"), filepath.Join(dir, "conf")
	if out, err := exec.Command("mosquitto_passwd", "-b", "-c", passwords, "d1", "hunter2").CombinedOutput(); err != nil {
		t.Fatalf("mosquitto_passwd: %v: %s", err, out)
	}
	acl, err := filepath.Abs("../../deploy/mosquitto/cusp.acl")
	must(t, err)
	rules, err := os.ReadFile(acl)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "acl"), rules, 0o600))
	must(t, os.WriteFile(conf, fmt.Appendf(nil, "user root\nlistener %s 127.0.0.1\nallow_anonymous false\npassword_file %s\nacl_file %s\ncertfile %s\nkeyfile %s\n%s\n",
		port, passwords, filepath.Join(dir, "acl"), cert, key, more), 0o600))
	broker := exec.Command("mosquitto", "-c", conf)
	must(t, broker.Start())
	t.Cleanup(func() { _ = broker.Process.Kill(); _ = broker.Wait() })
	for range 200 {
		if c, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			c.Close()
			return port
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("mosquitto does not listen")
	return ""
}

func TestMosquitto(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	subjectOf := func(t *testing.T, port string) *subject {
		s := withBroker(t, "ssl://localhost:"+port, "hunter2")
		s.Now, s.cfg.Cloud.Username, s.cfg.Cloud.CAFile, s.cfg.IoT.Enable = time.Now, "d1", ca.file(t), true
		return s
	}
	t.Run("password", func(t *testing.T) {
		t.Parallel()
		s := subjectOf(t, mosquitto(t, ca, ""))
		well(t, brokers(t.Context(), s))
		s.cfg.Device.ID = "d2" // mosquitto does not tell that its topics are not this user's
		want(t, brokers(t.Context(), s), OK, "want device.id d2 as the user's name")
		s.cfg.Cloud.Username = "d3"
		want(t, brokers(t.Context(), s), Failure, `does not let user "d3" in`)
		s.cfg.Cloud.CAFile = newAuthority(t).file(t)
		want(t, brokers(t.Context(), s), Failure, "test authority", s.cfg.Cloud.CAFile)
	})
	t.Run("certificate", func(t *testing.T) {
		t.Parallel()
		s := subjectOf(t, mosquitto(t, ca, "cafile "+ca.file(t)+"\nrequire_certificate true\nuse_identity_as_username true"))
		want(t, brokers(t.Context(), s), Failure, "cloud.cert_file")
		s.cfg.Cloud.CertFile, s.cfg.Cloud.KeyFile = pairFiles(t, ca.issue(t, "d1", long, never))
		well(t, brokers(t.Context(), s))
	})
}
