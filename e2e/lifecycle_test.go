//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/a472be26/cusp/daemon"
	"github.com/a472be26/cusp/daemon/api"
	"github.com/a472be26/cusp/router"
)

const (
	dropIn = "/etc/systemd/system/cusp.service.d/test.conf"
	config = "/etc/cusp/cusp.toml"
)

// TestLifecycle holds what the packaged service promises under systemd: one boot,
// and then one bad day after another.
func TestLifecycle(t *testing.T) {
	f := newFleet(t)
	f.addDaemon()
	first := f.addModel("1.0")
	f.publish()
	m := boot(t)
	f.join(m)
	m.run("apt-get update -o APT::Update::Error-Mode=any && apt-get install -y cusp cusp-model-" + modelName)
	m.wantBundle(first)
	m.write(dropIn, "[Service]\nWatchdogSec=3s\nTimeoutAbortSec=2s\nRestartSec=100ms\n")
	m.run("systemctl daemon-reload && systemctl restart cusp.service")
	sample := string(daemon.SampleConfig())

	t.Run("the unit's status line", func(t *testing.T) {
		if got := m.show("StatusText"); !strings.HasPrefix(got, "answering with "+modelName+"@1.0; 0 running, 0 waiting") {
			t.Errorf("status text %q", got)
		}
	})

	t.Run("a restart refuses nobody", func(t *testing.T) {
		asked := m.hammer(t, 8)
		for range 5 {
			m.run("systemctl restart cusp.service")
		}
		m.run("systemctl stop cusp.service") // the socket starts it again
		time.Sleep(500 * time.Millisecond)
		if n := asked(); n < 50 {
			t.Errorf("only %d questions were asked", n)
		}
		if failed := m.show("Result"); failed != "success" {
			t.Errorf("the service's result is %q", failed)
		}
	})

	t.Run("a stop lets answers finish", func(t *testing.T) {
		var long sync.WaitGroup
		for range 60 {
			long.Go(func() {
				c := m.client()
				defer c.Close()
				if a, err := c.Ask(t.Context(), longQuestion(), nil); err != nil || a.Receipt.CompletionTokens != longTokens {
					t.Errorf("answer of %d tokens: %v", a.Receipt.CompletionTokens, err)
				}
			})
		}
		m.until(t, "answers run", func(s daemon.Status) bool { return s.Model.Running > 20 && s.Model.Waiting > 10 })
		m.run("systemctl restart cusp.service")
		long.Wait()
		if log := m.journal("MESSAGE=stopped"); log == "" {
			t.Error("the journal does not say that the daemon stopped")
		}
	})

	t.Run("journal fields", func(t *testing.T) {
		c := m.client()
		defer c.Close()
		a, err := c.Ask(t.Context(), router.Question{ID: "journal-1", Messages: message("turn on the light")}, nil)
		must(t, err)
		var entry map[string]any
		eventually(t, 10*time.Second, "the entry", func() error {
			return json.Unmarshal([]byte(m.run("journalctl -u cusp.service CUSP_ID=journal-1 -o json --no-pager -q")), &entry)
		})
		for key, want := range map[string]any{
			"CUSP_ROUTE": string(a.Receipt.Route), "CUSP_REASON": string(a.Receipt.Reason), "CUSP_MODEL": a.Receipt.Model,
			"CUSP_ASKER": "api", "PRIORITY": "6", "MESSAGE": "answered",
		} {
			if entry[key] != want {
				t.Errorf("%s is %v, want %v", key, entry[key], want)
			}
		}
		if strings.Contains(fmt.Sprint(entry), "turn on the light") {
			t.Errorf("the text is in the journal: %v", entry)
		}
	})

	t.Run("a wedged process is replaced", func(t *testing.T) {
		pid := m.show("MainPID")
		m.run("kill -STOP " + pid)
		m.run("while grep -h ^State: /proc/" + pid + "/task/*/status | grep -qv stopped; do sleep 0.01; done") // every thread, or one still accepts
		c := m.client()
		defer c.Close()
		a, err := c.Ask(t.Context(), router.Question{Messages: message("turn on the light")}, nil) // waits in the socket's queue
		if err != nil || a.Text == "" {
			t.Errorf("a question to the wedged daemon: %q, %v", a.Text, err)
		}
		if now := m.show("MainPID"); now == pid || now == "0" {
			t.Errorf("process %s is still %s", pid, now)
		}
		if log := m.run("journalctl -u cusp.service --no-pager -q"); !strings.Contains(log, "Watchdog timeout") {
			t.Errorf("no watchdog:\n%s", log)
		}
	})

	t.Run("an idle process is not", func(t *testing.T) {
		pid := m.show("MainPID")
		time.Sleep(7 * time.Second) // more than two intervals of the watchdog
		if now := m.show("MainPID"); now != pid {
			t.Errorf("process %s became %s", pid, now)
		}
	})

	t.Run("a configuration that is wrong changes nothing", func(t *testing.T) {
		pid := m.show("MainPID")
		m.write(config, sample+"\n[service]\n") // twice
		m.run("systemctl reload cusp.service")
		m.until(t, "the error in the status", func(s daemon.Status) bool { return strings.Contains(s.Config.Error, "cusp.toml:") })
		if got := m.show("StatusText"); !strings.Contains(got, "the configuration on disk was refused") {
			t.Errorf("status text %q", got)
		}
		eventually(t, 10*time.Second, "the error in the journal", func() error {
			if log := m.journal("-p err"); !strings.Contains(log, "configuration was not reloaded") {
				return errors.New(log)
			}
			return nil
		})
		out := strings.Join(strings.Fields(m.run("cusp status")), " ")
		if !strings.Contains(out, "the old one stays") {
			t.Errorf("cusp status:\n%s", out)
		}
		m.write(config, strings.NewReplacer("# drain = \"15s\"", "drain = \"9s\"", "# level = \"info\"", "level = \"debug\"", "# threads = 0\n# context", "threads = 1\n# context").Replace(sample)+"\n[device2]\n")
		m.run("systemctl reload cusp.service")
		m.until(t, "the error in the status", func(s daemon.Status) bool { return strings.Contains(s.Config.Error, "device2") && s.Model.Swaps == 0 })

		m.write(config, strings.NewReplacer("# drain = \"15s\"", "drain = \"9s\"", "# threads = 0\n# context", "threads = 1\n# context", "# max_body = 1048576", "max_body = 4096").Replace(sample))
		m.run("systemctl reload cusp.service")
		m.until(t, "the new configuration", func(s daemon.Status) bool {
			return s.Config.Error == "" && strings.Join(s.Config.Restart, " ") == "api.max_body" && s.Model.Swaps == 1
		})
		if now := m.show("MainPID"); now != pid {
			t.Errorf("process %s became %s", pid, now)
		}
		m.write(config, sample)
		m.run("systemctl reload cusp.service")
	})

	t.Run("a secret that only systemd can read", func(t *testing.T) {
		port := passwordBroker(t, "device", "geheim")
		m.write("/etc/cusp/broker-password", "geheim\n")
		m.run("chown root:root /etc/cusp/broker-password && chmod 0600 /etc/cusp/broker-password")
		m.write(config, strings.Replace(sample, "# broker = \"ssl://broker.example.com:8883\"",
			"broker = \"tcp://127.0.0.1:"+port+"\"\nusername = \"device\"\npassword_credential = \"mqtt\"", 1))
		if out, err := m.try("systemctl restart cusp.service cusp-link.service"); err == nil {
			t.Errorf("it started without its credential: %s", out)
		}
		if log := m.run("journalctl -u cusp-link.service --no-pager -q -n 50"); !strings.Contains(log, "LoadCredential=mqtt:FILE") {
			t.Errorf("the journal does not say what to do:\n%s", log)
		}
		secret := filepath.Dir(linkDropIn) + "/secret.conf"
		m.write(secret, "[Service]\nLoadCredential=mqtt:/etc/cusp/broker-password\n")
		m.run("systemctl daemon-reload && systemctl restart cusp-link.service")
		m.until(t, "the broker", func(s daemon.Status) bool { return s.Link.Up })
		m.run("rm " + secret + " && systemctl daemon-reload")
		m.write(config, sample)
		m.run("systemctl restart cusp.service cusp-link.service")
	})

	t.Run("a canary is tried and then serves", func(t *testing.T) {
		// How fast five short answers were on a busy machine shall not decide.
		m.write(config, strings.NewReplacer("# share = 0.0", "share = 1.0", "# questions = 50", "questions = 5", "# speed = 0.5", "speed = 0.01").Replace(sample))
		m.run("systemctl reload cusp.service")
		home := "/var/lib/cusp/models/" + modelName
		m.run("cp -a " + home + "/1.0 " + home + "/1.0.2") // the same bundle under another path: it must agree
		m.run("ln -s 1.0.2 " + home + "/.new && mv -T " + home + "/.new " + home + "/current")
		m.until(t, "the trial", func(s daemon.Status) bool {
			return s.Trial != nil && s.Trial.Wanted == 5 && strings.HasSuffix(s.Model.File, "/1.0")
		})
		if out := strings.Join(strings.Fields(m.run("cusp status")), " "); !strings.Contains(out, "0 of 5 questions") {
			t.Errorf("cusp status:\n%s", out)
		}
		stop := m.hammer(t, 2)
		m.until(t, "the promotion", func(s daemon.Status) bool {
			return s.Trial == nil && strings.HasSuffix(s.Model.File, "/1.0.2") && s.Refusal == nil
		})
		stop()
		if log := m.journal("CUSP_AGREEMENT=1"); !strings.Contains(log, "model passed its trial") {
			t.Errorf("journal: %s", log)
		}
		m.write(config, sample)
		m.run("systemctl reload cusp.service")
		m.run("ln -s 1.0 " + home + "/.new && mv -T " + home + "/.new " + home + "/current && rm -r " + home + "/1.0.2")
		m.until(t, "the first one again", func(s daemon.Status) bool { return strings.HasSuffix(s.Model.File, "/1.0") })
	})

	t.Run("killed at any moment", func(t *testing.T) {
		const seed, kills = 5, 15
		r := rand.New(rand.NewPCG(seed, 0))
		stop := m.keepTrying(t)
		for range kills {
			time.Sleep(time.Duration(r.IntN(600)) * time.Millisecond)
			m.run("systemctl kill -s KILL --kill-who=main cusp.service || true")
		}
		stop()
		m.wantBundle(first)
		if out := m.run("cusp records export --state /var/lib/cusp 2>&1 >/dev/null"); strings.Contains(out, "damage") {
			t.Errorf("records: %s", out)
		}
		if s := m.status(t); s.Config.Error != "" || s.Refusal != nil {
			t.Errorf("status %+v", s)
		}
	})

	t.Run("a full disk", func(t *testing.T) {
		m.run("systemctl stop cusp.socket cusp.service && cp -a /var/lib/cusp /root/state && mount -t tmpfs -o size=96m,mode=0750 tmpfs /var/lib/cusp && cp -a /root/state/. /var/lib/cusp/")
		m.run("chown cusp:cusp /var/lib/cusp && systemctl start cusp.socket cusp.service")
		home := "/var/lib/cusp/models/" + modelName
		m.run("cp -a " + home + "/1.0 " + home + "/1.0.1") // the same bundle under another path
		m.run("dd if=/dev/zero of=/var/lib/cusp/filler bs=64k 2>/dev/null || true")
		m.run("ln -s 1.0.1 " + home + "/.new && mv -T " + home + "/.new " + home + "/current")
		m.until(t, "the reload", func(s daemon.Status) bool { return strings.HasSuffix(s.Model.File, "1.0.1") })
		stop := m.hammer(t, 2)
		time.Sleep(time.Second)
		if n := stop(); n == 0 {
			t.Error("nothing was asked")
		}
		m.wantBundle(first)
		m.run("rm /var/lib/cusp/filler")
	})

	t.Run("the models directory is deleted", func(t *testing.T) {
		m.run("cp -a /var/lib/cusp/models /root/models && rm -rf /var/lib/cusp/models")
		m.until(t, "the remark", func(s daemon.Status) bool { return s.Refusal != nil && s.Refusal.Reason == daemon.RefusedRead })
		m.wantBundle(first)
		m.run("cp -a /root/models /var/lib/cusp/models")
		m.until(t, "the end of the remark", func(s daemon.Status) bool { return s.Refusal == nil })
		m.wantBundle(first)
	})
}

const longTokens = 200

func message(text string) []router.Message { return []router.Message{{Role: "user", Content: text}} }

func longQuestion() router.Question {
	return router.Question{Messages: message("turn on the light"), Options: router.Options{MaxTokens: longTokens, IgnoreEOS: true}}
}

// show is one property of the service.
func (m *machine) show(property string) string {
	m.t.Helper()
	return m.run("systemctl show cusp.service --value -p " + property)
}

func (m *machine) journal(match string) string {
	m.t.Helper()
	return m.run("journalctl -u cusp.service --no-pager -q " + match)
}

// client asks at the machine's socket from outside.
func (m *machine) client() *api.Client {
	return api.NewClient(filepath.Join("/proc", m.leader, "root/run/cusp/cusp.sock"))
}

func (m *machine) status(t *testing.T) (s daemon.Status) {
	t.Helper()
	c := m.client()
	defer c.Close()
	must(t, c.Status(t.Context(), &s))
	return s
}

func (m *machine) until(t *testing.T, what string, reached func(daemon.Status) bool) {
	t.Helper()
	eventually(t, 30*time.Second, what, func() error {
		if s := m.status(t); !reached(s) {
			return fmt.Errorf("status %s", s.Text())
		}
		return nil
	})
}

// hammer asks from n clients at once, each question over a connection of its own,
// until the function that it returns is called. None may be refused or cut.
func (m *machine) hammer(t *testing.T, n int) (stop func() (asked int)) {
	ctx, cancel := context.WithCancel(context.Background())
	var asking sync.WaitGroup
	var asked atomic.Int64
	for range n {
		asking.Go(func() {
			for ctx.Err() == nil {
				c := m.client()
				if a, err := c.Ask(context.Background(), router.Question{Messages: message("turn on the light")}, nil); err != nil || a.Text == "" {
					t.Errorf("question %d: %q, %v", asked.Load(), a.Text, err)
				}
				c.Close()
				asked.Add(1)
			}
		})
	}
	t.Cleanup(func() { cancel(); asking.Wait() }) // where the test ends early
	return func() int {
		cancel()
		asking.Wait()
		t.Logf("%d questions were answered meanwhile", asked.Load())
		return int(asked.Load())
	}
}

// keepTrying asks as hammer does, but answers may be cut; connecting must work.
func (m *machine) keepTrying(t *testing.T) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var asking sync.WaitGroup
	asking.Go(func() {
		for ctx.Err() == nil {
			c := m.client()
			_, err := c.Ask(ctx, router.Question{Messages: message("turn on the light")}, nil)
			if err != nil && strings.Contains(err.Error(), "no daemon answers") {
				t.Errorf("refused: %v", err)
			}
			c.Close()
		}
	})
	return func() { cancel(); asking.Wait() }
}

// passwordBroker is a mosquitto that wants a user's password; it returns its port.
func passwordBroker(t *testing.T, user, password string) (port string) {
	t.Helper()
	dir := t.TempDir()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	_, port, _ = net.SplitHostPort(l.Addr().String())
	must(t, l.Close())
	command(t, "mosquitto_passwd", "-b", "-c", filepath.Join(dir, "passwords"), user, password)
	conf := "listener " + port + " 127.0.0.1\nallow_anonymous false\nuser root\npassword_file " + filepath.Join(dir, "passwords") + "\n"
	must(t, os.WriteFile(filepath.Join(dir, "mosquitto.conf"), []byte(conf), 0o600))
	broker := exec.Command("/usr/sbin/mosquitto", "-c", filepath.Join(dir, "mosquitto.conf"))
	must(t, broker.Start())
	t.Cleanup(func() { _ = broker.Process.Kill(); _ = broker.Wait() })
	return port
}
