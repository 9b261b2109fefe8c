//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/a472be26/cusp/daemon"
	"github.com/a472be26/cusp/router"
)

const (
	brokerUser     = "device"
	brokerPassword = "geheim"
	linkDropIn     = "/etc/systemd/system/cusp-link.service.d/test.conf"
)

// TestTwoProcesses holds what the packaged service promises of its two processes:
// the engine has models and no network, the link has the brokers and no models,
// and either may be killed.
func TestTwoProcesses(t *testing.T) {
	f := newFleet(t)
	f.addDaemon()
	f.addModel("1.0")
	f.publish()
	m := boot(t)
	f.join(m)
	port := passwordBroker(t, brokerUser, brokerPassword)
	m.run("apt-get update -o APT::Update::Error-Mode=any && apt-get install -y cusp cusp-model-" + modelName)
	quick := "[Service]\nRestartSec=100ms\n"
	m.write(dropIn, quick)
	m.write(linkDropIn, quick)
	m.write("/etc/cusp/broker-password", brokerPassword+"\n")
	m.run("chown cusp-link:root /etc/cusp/broker-password && chmod 0400 /etc/cusp/broker-password")
	metrics := freePort(t)
	conf := twoProcessConfig(port, metrics)
	m.write(config, conf)
	m.run("systemctl daemon-reload && systemctl restart cusp-link.service cusp.service")
	stopWorker := f.startWorker(port)
	m.until(t, "the broker", func(s daemon.Status) bool { return s.Link.Up && s.IoT != nil && *s.IoT })

	t.Run("both units are up and tight", func(t *testing.T) {
		for _, unit := range []string{"cusp.service", "cusp-link.service"} {
			if state := m.run("systemctl is-active " + unit); state != "active" {
				t.Errorf("%s is %s", unit, state)
			}
			// Of 10 (exposed) points at most 1.5.
			if out, err := m.try("systemd-analyze security --no-pager --threshold=15 " + unit); err != nil {
				t.Errorf("systemd-analyze security %s: %v\n%s", unit, err, out)
			}
		}
		if complaints := m.run("systemd-analyze verify cusp.service cusp-link.service cusp.socket 2>&1"); complaints != "" {
			t.Errorf("systemd-analyze verify: %s", complaints)
		}
	})

	t.Run("a question crosses the border", func(t *testing.T) {
		c := m.client()
		defer c.Close()
		a, err := c.Ask(t.Context(), router.Question{Messages: message(hardText)}, nil)
		if err != nil || a.Receipt.Route != router.RouteCloud || a.Text == "" {
			t.Errorf("answer %+v, %v", a, err)
		}
		answers := subscribeAs(t, port, "cusp/"+twoProcessDevice+"/answer/m1")
		publishAs(t, port, "cusp/"+twoProcessDevice+"/ask", fmt.Sprintf(`{"id":"m1","prompt":%q}`, hardText))
		wantCloudAnswer(t, answers)
	})

	t.Run("the engine has no network", func(t *testing.T) {
		pid := m.pid("cusp.service")
		inside := "nsenter -t " + pid + " -n "
		// The probe is where the engine is, and not where the machine is.
		there := m.run("readlink /proc/" + pid + "/ns/net")
		if here := m.run("readlink /proc/self/ns/net"); here == there {
			t.Fatalf("the engine is in the machine's own network %s", here)
		}
		if probe := m.run(inside + "readlink /proc/self/ns/net"); probe != there {
			t.Fatalf("the probe is in %s, the engine in %s", probe, there)
		}
		if links := strings.Split(m.run(inside+"ip -o link"), "\n"); len(links) != 1 || !strings.Contains(links[0], " lo:") {
			t.Errorf("the engine's network has %q", links)
		}
		dial := fmt.Sprintf(`bash -c 'exec 3<>/dev/tcp/127.0.0.1/%s'`, port)
		m.run(dial) // the broker is there for others
		if out, err := m.try(inside + dial); err == nil {
			t.Errorf("the broker can be reached: %s", out)
		}
		for key, want := range map[string]string{"RestrictAddressFamilies": "AF_UNIX", "IPAddressDeny": "0.0.0.0/0 ::/0", "PrivateNetwork": "yes"} {
			got := strings.Fields(m.show(key))
			slices.Sort(got)
			if strings.Join(got, " ") != want {
				t.Errorf("%s is %q, want %q", key, got, want)
			}
		}
	})

	t.Run("the link has no models", func(t *testing.T) {
		model := "/var/lib/cusp/models/" + modelName + "/1.0/model.gguf"
		m.run("head -c 4 " + model)                          // it is there for others
		for _, user := range []string{"cusp-link", "root"} { // it is the place, not only the user
			inside := m.inside("cusp-link.service", user)
			for _, allowed := range []string{
				`open(F, "<", "/etc/cusp/cusp.toml") && length(<F>)`, `open(F, "<", "/etc/cusp/broker-password") && <F> eq "` + brokerPassword + `\n"`,
				`open(F, ">", "/var/lib/cusp-link/probe") && unlink("/var/lib/cusp-link/probe")`,
			} {
				if out, err := inside(allowed); err != nil {
					t.Fatalf("%s in the place of the link may not: %s: %v\n%s", user, allowed, err, out)
				}
			}
			for _, denied := range []string{
				`open(F, "<", "` + model + `")`, `-e "/var/lib/cusp/models"`, `-e "/var/lib/cusp/records"`,
				`open(F, ">", "/etc/cusp/probe")`, `system("/bin/true") == 0`,
			} {
				if out, err := inside(denied); err == nil {
					t.Errorf("%s in the place of the link may: %s\n%s", user, denied, out)
				}
			}
		}
	})

	t.Run("the engine has no secrets of brokers", func(t *testing.T) {
		inside := m.inside("cusp.service", "cusp")
		if out, err := inside(`open(F, "<", "/etc/cusp/cusp.toml") && length(<F>)`); err != nil {
			t.Fatalf("the engine may not read its configuration: %v\n%s", err, out)
		}
		for _, denied := range []string{`open(F, "<", "/etc/cusp/broker-password")`, `opendir(D, "/var/lib/cusp-link")`, `-e "/var/lib/cusp-link/outbox.db"`} {
			if out, err := inside(denied); err == nil {
				t.Errorf("the engine may: %s\n%s", denied, out)
			}
		}
	})

	t.Run("a stranger at the link's socket", func(t *testing.T) {
		knock := "/usr/bin/cusp status --socket /run/cusp-link/link.sock"
		as := "--regid=cusp-link --clear-groups " + knock
		turnedAway := func() int {
			return strings.Count(m.run("journalctl -u cusp-link.service --no-pager -q"), "turned a connection away")
		}
		_, _ = m.try("setpriv --reuid=cusp " + as) // is let in, and not understood
		eventually(t, 10*time.Second, "the link hears it", func() error {
			if log := m.run("journalctl -u cusp-link.service --no-pager -q"); !strings.Contains(log, "was not understood") {
				return fmt.Errorf("journal:\n%s", log)
			}
			return nil
		})
		if n := turnedAway(); n != 0 {
			t.Errorf("the engine's user was turned away %d times", n)
		}
		_, _ = m.try("setpriv --reuid=nobody " + as)
		eventually(t, 10*time.Second, "the stranger is turned away", func() error {
			if turnedAway() == 0 {
				return fmt.Errorf("journal:\n%s", m.run("journalctl -u cusp-link.service --no-pager -q"))
			}
			return nil
		})
	})

	t.Run("groups at the API's socket", func(t *testing.T) {
		m.run("cusp ask --socket /run/cusp/cusp.sock turn on the light") // as root, whose answer others look for
		id := strings.TrimSpace(m.run("journalctl -u cusp.service --no-pager -q -o json MESSAGE=answered | tail -1 | grep -o '\"CUSP_ID\":\"[^\"]*' | cut -d'\"' -f4"))
		as := func(groups, command string) (string, error) {
			return m.try("setpriv --reuid=nobody --regid=nogroup " + groups + " /usr/bin/cusp " + command + " --socket /run/cusp/cusp.sock 2>&1")
		}
		none, members, admins := "--clear-groups", "--groups=cusp", "--groups=cusp,cusp-admin"
		for _, c := range []struct{ groups, command, says string }{
			{none, "ask hello", "permission denied"},
			{members, "ask turn on the light", "HassTurnOn"},
			{members, "status", "cusp-student"},
			{members, "why " + id, "administrators"},
			{admins, "why " + id, "turn on the light"},
		} {
			if out, _ := as(c.groups, c.command); !strings.Contains(out, c.says) {
				t.Errorf("cusp %s with %s says nothing of %q:\n%s", c.command, c.groups, c.says, out)
			}
		}
	})

	t.Run("systemd opens what is wanted over TCP", func(t *testing.T) {
		resp, err := http.Get("http://127.0.0.1:" + metrics + "/metrics")
		must(t, err)
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(string(body), "cusp_link_up 1") {
			t.Errorf("metrics: %s, %v\n%s", resp.Status, err, body)
		}
	})

	t.Run("killed in the middle of a question", func(t *testing.T) {
		stopWorker()
		go func() { // its connection dies with the engine
			c := m.client()
			defer c.Close()
			_, _ = c.Ask(context.Background(), router.Question{ID: "k1", Messages: message(hardText)}, nil)
		}()
		answers := subscribeAs(t, port, "cusp/"+twoProcessDevice+"/answer/k2")
		publishAs(t, port, "cusp/"+twoProcessDevice+"/ask", fmt.Sprintf(`{"id":"k2","prompt":%q}`, hardText))
		both := func(s daemon.Status) bool { return s.Link.Error == "" && s.Link.Up && s.Link.Outbox == 2 }
		m.until(t, "both questions are accepted", both)
		for _, unit := range []string{"cusp.service", "cusp-link.service", "cusp.service", "cusp-link.service"} {
			before := m.pid(unit)
			m.run("systemctl kill -s KILL --kill-who=main " + unit)
			eventually(t, 20*time.Second, unit+" comes back", func() error {
				if now, _ := m.try("systemctl show --value -p MainPID " + unit); strings.TrimSpace(now) == before || strings.TrimSpace(now) == "0" {
					return fmt.Errorf("process %s", now)
				}
				return nil
			})
			m.until(t, "both questions are still there", both)
		}
		stopWorker = f.startWorker(port)
		m.until(t, "the outbox is empty", func(s daemon.Status) bool { return s.Link.Error == "" && s.Link.Up && s.Link.Outbox == 0 })
		wantCloudAnswer(t, answers)
		c := m.client()
		defer c.Close()
		e, err := c.Why(t.Context(), "k1")
		if err != nil || e.Receipt.Route != router.RouteCloud || e.Text == "" {
			t.Errorf("the answer at the socket: %+v, %v", e, err)
		}
		for _, id := range []string{"k1", "k2"} {
			if n := strings.Count(m.run("cat /var/lib/cusp/records/*"), fmt.Sprintf(`"id":%q,"time"`, id)); n != 1 {
				t.Errorf("question %s is recorded %d times", id, n)
			}
		}
	})

	t.Run("the engine answers without the link", func(t *testing.T) {
		m.run("systemctl stop cusp-link.service")
		c := m.client()
		defer c.Close()
		a, err := c.Ask(t.Context(), router.Question{Messages: message(hardText)}, nil)
		if err != nil || a.Receipt.Route != router.RouteProvisional || a.Receipt.Reason != router.ReasonCloudFailed {
			t.Errorf("answer %+v, %v", a, err)
		}
		eventually(t, 20*time.Second, "the status line says so", func() error {
			if line := m.show("StatusText"); !strings.Contains(line, "the link process cannot be asked") {
				return fmt.Errorf("status text %q", line)
			}
			return nil
		})
		m.run("systemctl start cusp-link.service")
		m.until(t, "the link", func(s daemon.Status) bool { return s.Link.Error == "" && s.Link.Up })
	})

	t.Run("a device of one process becomes one of two", func(t *testing.T) {
		// 1. As it was: one process, its outbox in its state directory, the password its own, a credential passed to it.
		m.run("systemctl stop cusp.service cusp-link.service && systemctl disable cusp-link.service")
		m.run("find /var/lib/systemd/deb-systemd-helper-* -name 'cusp-link*' -delete") // there was no such unit
		m.run("rm -r /var/lib/cusp-link " + filepath.Dir(linkDropIn))
		m.write("/etc/systemd/system/cusp.service", singleProcessUnit)
		m.write(filepath.Dir(dropIn)+"/secret.conf", "[Service]\nLoadCredential=mqtt:/root/iot-password\nLoadCredential=other:/root/other\n")
		m.write("/root/iot-password", brokerPassword+"\n")
		m.write("/root/other", "x\n")
		m.run("chown cusp:cusp /etc/cusp/broker-password && chmod 0600 /etc/cusp/broker-password /root/iot-password")
		m.write(config, conf+"broker = \"tcp://127.0.0.1:"+port+"\"\nusername = \""+brokerUser+"\"\npassword_credential = \"mqtt\"\n")
		m.run("chown root:cusp " + config + " && chmod 0640 " + config)
		stopWorker()
		m.run("systemctl daemon-reload && systemctl start cusp.service")
		m.until(t, "the broker", func(s daemon.Status) bool { return s.Link.Up && *s.IoT })
		c := m.client()
		defer c.Close()
		q := router.Question{ID: "old-1", Messages: message(hardText), Deadline: time.Now().Add(time.Second)}
		if a, err := c.Ask(t.Context(), q, nil); err != nil || a.Receipt.Reason != router.ReasonDeadline {
			t.Fatalf("answer of the one process: %+v, %v", a, err)
		}
		m.run("test -s /var/lib/cusp/outbox.db && ! test -e /var/lib/cusp-link")

		// 2. The package of two processes comes while that one runs.
		m.run("rm /etc/systemd/system/cusp.service")
		out := m.run("apt-get install -y --reinstall cusp 2>&1")
		if !strings.Contains(out, "the credential mqtt goes to cusp-link.service now") {
			t.Errorf("the installation says:\n%s", out)
		}
		m.until(t, "the question is with the link", func(s daemon.Status) bool {
			return s.Link.Error == "" && s.Link.Up && *s.IoT && s.Link.Outbox == 1
		})
		m.run("! test -e /var/lib/cusp/outbox.db && test -s /var/lib/cusp-link/outbox.db")
		if got := m.run("cat /etc/systemd/system/cusp-link.service.d/credentials.conf"); !strings.HasSuffix(got, "\nLoadCredential=mqtt:/root/iot-password") {
			t.Errorf("credentials of the link:\n%s", got)
		}
		if out, err := m.try("setpriv --reuid=cusp --regid=cusp --init-groups cat /etc/cusp/broker-password"); err == nil {
			t.Errorf("the engine's user still reads the password: %s", out)
		}

		// 3. What the old process had accepted is answered.
		stopWorker = f.startWorker(port)
		eventually(t, time.Minute, "the correction", func() error {
			e, err := c.Why(t.Context(), "old-1")
			if err != nil || e.Receipt.Route != router.RouteCloud {
				return fmt.Errorf("%+v, %v", e, err)
			}
			return nil
		})
	})
	stopWorker()
}

const twoProcessDevice = "two"

// twoProcessConfig is a device's configuration, in which nothing tells of two
// processes; its last table is [iot].
func twoProcessConfig(port, metrics string) string {
	return fmt.Sprintf(`[device]
id = %q
[router]
wait = "10m"
[metrics]
listen = "127.0.0.1:%s"
[cloud]
broker = "tcp://127.0.0.1:%s"
username = %q
password_file = "/etc/cusp/broker-password"
[iot]
enable = true
`, twoProcessDevice, metrics, port, brokerUser)
}

// singleProcessUnit is the unit of packages from before the link process.
const singleProcessUnit = `[Unit]
Requires=cusp.socket
After=cusp.socket network.target
[Service]
Type=notify
Environment=XDG_CONFIG_HOME=/etc XDG_STATE_HOME=/var/lib CUSP_SOCKET=/run/cusp/cusp.sock
ExecStart=/usr/bin/cusp serve --config /etc/cusp/cusp.toml
User=cusp
Group=cusp
StateDirectory=cusp
StateDirectoryMode=0750
UMask=0077
ProtectSystem=strict
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
[Install]
WantedBy=multi-user.target
`

// pid is the main process of a unit, as the machine sees it.
func (m *machine) pid(unit string) string {
	m.t.Helper()
	pid := m.run("systemctl show --value -p MainPID " + unit)
	if pid == "0" {
		m.t.Fatalf("%s does not run:\n%s", unit, m.run("journalctl -u "+unit+" --no-pager -q -n 30"))
	}
	return pid
}

// startWorker runs a cloud worker at the broker until the test ends or stop is called.
func (f *fleet) startWorker(port string) (stop func()) {
	f.t.Helper()
	secret := filepath.Join(f.t.TempDir(), "password")
	must(f.t, os.WriteFile(secret, []byte(brokerPassword+"\n"), 0o600))
	c := exec.Command(f.cusp, "cloud", "--broker", "tcp://127.0.0.1:"+port, "--username", brokerUser, "--password-file", secret)
	c.Stdout, c.Stderr = f.t.Output(), f.t.Output()
	must(f.t, c.Start())
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			_ = c.Process.Kill()
			_ = c.Wait()
		}
	}
	f.t.Cleanup(stop)
	return stop
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	must(t, err)
	return port
}

// retainedTopic brings one message to every new subscriber, so that it is known
// when the subscription stands.
const retainedTopic = "$SYS/broker/version"

// subscribeAs returns the payloads on a topic of the broker with passwords.
func subscribeAs(t *testing.T, port, topic string) <-chan string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	c := exec.CommandContext(ctx, "mosquitto_sub", "-p", port, "-u", brokerUser, "-P", brokerPassword, "-q", "1", "-t", topic, "-t", retainedTopic)
	out, err := c.StdoutPipe()
	must(t, err)
	must(t, c.Start())
	t.Cleanup(func() { cancel(); _ = c.Wait() })
	lines, subscribed := make(chan string, 64), make(chan struct{})
	go func() {
		for s := bufio.NewScanner(out); s.Scan(); {
			if strings.HasPrefix(s.Text(), "{") {
				lines <- s.Text()
			} else {
				close(subscribed)
			}
		}
	}()
	select {
	case <-subscribed:
	case <-time.After(20 * time.Second):
		t.Fatalf("no subscription to %s", topic)
	}
	return lines
}

func publishAs(t *testing.T, port, topic, payload string) {
	t.Helper()
	command(t, "mosquitto_pub", "-p", port, "-u", brokerUser, "-P", brokerPassword, "-q", "1", "-t", topic, "-m", payload)
}
