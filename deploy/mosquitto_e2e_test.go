//go:build e2e

package deploy

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// startBroker runs mosquitto with the sample configuration, without TLS and on a free loopback port.
func startBroker(t *testing.T, users ...string) (url string) {
	t.Helper()
	dir := t.TempDir()
	passwords := filepath.Join(dir, "cusp.passwd")
	for i, user := range users {
		args := []string{"-b", passwords, user, user}
		if i == 0 {
			args = slices.Insert(args, 0, "-c")
		}
		if out, err := exec.Command("mosquitto_passwd", args...).CombinedOutput(); err != nil {
			t.Fatalf("mosquitto_passwd (is the package mosquitto installed?): %v\n%s", err, out)
		}
	}
	rules, err := os.ReadFile("mosquitto/cusp.acl")
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "cusp.acl"), rules, 0o644))

	port := freePort(t)
	sample, err := os.ReadFile("mosquitto/cusp.conf")
	must(t, err)
	config := regexp.MustCompile(`(?m)^(cafile|certfile|keyfile|tls_version|persistence).*$`).ReplaceAllString(string(sample), "")
	config = strings.ReplaceAll(config, "/etc/mosquitto/cusp.", filepath.Join(dir, "cusp."))
	config = strings.Replace(config, "listener 8883", fmt.Sprintf("listener %d 127.0.0.1", port), 1)
	config += "\nuser root\n" // else a broker started by root drops to a user that cannot read this test's folder
	file := filepath.Join(dir, "mosquitto.conf")
	must(t, os.WriteFile(file, []byte(config), 0o644))
	runBroker(t, file, port)
	return fmt.Sprintf("tcp://127.0.0.1:%d", port)
}

func runBroker(t *testing.T, config string, port int) {
	t.Helper()
	path := "mosquitto"
	if _, err := exec.LookPath(path); err != nil {
		path = "/usr/sbin/mosquitto"
	}
	broker := exec.Command(path, "-c", config)
	var log strings.Builder
	broker.Stdout, broker.Stderr = &log, &log
	must(t, broker.Start())
	t.Cleanup(func() {
		_ = broker.Process.Kill()
		_ = broker.Wait()
		if t.Failed() {
			t.Logf("mosquitto: %s", log.String())
		}
	})
	for range 100 {
		if c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			c.Close()
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("mosquitto does not listen")
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// listener notes what one user hears.
type listener struct {
	client mqtt.Client
	mu     sync.Mutex // guards heard
	heard  []string   // payloads
}

func listen(t *testing.T, url, user string, filters ...string) *listener {
	t.Helper()
	l := &listener{}
	l.client = mqtt.NewClient(mqtt.NewClientOptions().AddBroker(url).SetClientID(user).SetUsername(user).SetPassword(user))
	wait(t, l.client.Connect())
	t.Cleanup(func() { l.client.Disconnect(0) })
	for _, filter := range filters {
		wait(t, l.client.Subscribe(filter, 1, func(_ mqtt.Client, m mqtt.Message) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.heard = append(l.heard, string(m.Payload()))
		}))
	}
	return l
}

func wait(t *testing.T, token mqtt.Token) {
	t.Helper()
	if !token.WaitTimeout(10*time.Second) || token.Error() != nil {
		t.Fatalf("mqtt: %v", token.Error())
	}
}

func (l *listener) has(payload string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Contains(l.heard, payload)
}

// TestAccessRules publishes as each party and checks who hears it, with everybody subscribed to everything.
func TestAccessRules(t *testing.T) {
	t.Parallel()
	users := []string{"cusp-worker", "kitchen-panel", "thermostat-7", "lamp-2", "cloud"}
	url := startBroker(t, users...)
	listeners := map[string]*listener{}
	for _, user := range users {
		filters := []string{"cusp/#"}
		if user == "cusp-worker" {
			filters = []string{"$share/cusp-workers/cusp/cloud/ask/+", "cusp/cloud/resume/w1/+"}
		}
		listeners[user] = listen(t, url, user, filters...)
	}
	tests := []struct {
		from, topic string
		heard       []string
	}{
		{"thermostat-7", "cusp/cloud/ask/thermostat-7", []string{"cusp-worker"}},
		{"thermostat-7", "cusp/cloud/ask/lamp-2", nil},
		{"thermostat-7", "cusp/cloud/resume/w1/thermostat-7", []string{"cusp-worker"}},
		{"thermostat-7", "cusp/cloud/resume/w1/lamp-2", nil},
		{"cusp-worker", "cusp/cloud/answer/lamp-2/q1", []string{"lamp-2"}},
		{"lamp-2", "cusp/cloud/answer/thermostat-7/q1", nil},
		{"kitchen-panel", "cusp/thermostat-7/ask", []string{"thermostat-7"}},
		{"kitchen-panel", "cusp/lamp-2/ask", nil},
		{"thermostat-7", "cusp/thermostat-7/answer/q1", []string{"kitchen-panel"}},
		{"thermostat-7", "cusp/thermostat-7/status", []string{"kitchen-panel"}},
		{"lamp-2", "cusp/thermostat-7/status", nil},
		{"cloud", "cusp/cloud/ask/thermostat-7", nil}, // a device may not be named into the cloud's topics
	}
	for i, tt := range tests {
		wait(t, listeners[tt.from].client.Publish(tt.topic, 1, false, fmt.Sprint(i)))
	}
	// One more message through the same broker and the same connections: when it is heard, all others have been.
	wait(t, listeners["thermostat-7"].client.Publish("cusp/cloud/ask/thermostat-7", 1, false, "last"))
	wait(t, listeners["cusp-worker"].client.Publish("cusp/cloud/answer/cloud/last", 1, false, "last"))
	wait(t, listeners["cusp-worker"].client.Publish("cusp/cloud/answer/lamp-2/last", 1, false, "last"))
	wait(t, listeners["kitchen-panel"].client.Publish("cusp/thermostat-7/ask", 1, false, "last"))
	wait(t, listeners["thermostat-7"].client.Publish("cusp/thermostat-7/status", 1, false, "last"))
	for user, l := range listeners {
		for i := 0; !l.has("last"); i++ {
			if i == 100 {
				t.Fatalf("%s hears nothing", user)
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	for i, tt := range tests {
		for user, l := range listeners {
			if got, want := l.has(fmt.Sprint(i)), slices.Contains(tt.heard, user); got != want {
				t.Errorf("%s on %s: heard by %s: %v, want %v", tt.from, tt.topic, user, got, want)
			}
		}
	}
}
