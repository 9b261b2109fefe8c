//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/a472be26/cusp/deploy"
)

// TestInstallAskUpdate is the life of a device: installed with apt, asked over its socket, updated with apt while it
// is being asked, rolled back, purged. From installation to purge the daemon is never restarted.
func TestInstallAskUpdate(t *testing.T) {
	f := newFleet(t)
	f.addDaemon()
	first := f.addModel("1.0")
	f.publish()
	m := boot(t)
	f.join(m)

	// 1. Install the daemon and the first model.
	m.run("apt-get update -o APT::Update::Error-Mode=any")
	m.run("apt-get install -y cusp cusp-model-" + modelName)
	started := m.run("systemctl show cusp.service -p MainPID -p NRestarts -p ActiveState -p ExecMainStartTimestampMonotonic")
	if !strings.Contains(started, "ActiveState=active") {
		t.Fatalf("after the installation: %s\n%s", started, m.run("journalctl -u cusp.service --no-pager"))
	}
	m.wantBundle(first)
	m.wantHardened()

	// 2. A new model arrives while the device is being asked.
	second := f.addModel("1.1")
	f.publish()
	stop := m.keepAsking()
	m.run("apt-get update -o APT::Update::Error-Mode=any")
	m.run("apt-get upgrade -y")
	m.wantBundle(second)

	// 3. Back to the version before, which the upgrade kept, and forth again.
	device := deploy.Device{Models: filepath.Join(m.root, "var/lib/cusp/models"), Policy: f.policy()}
	_, err := device.Rollback(modelName)
	must(t, err)
	m.wantBundle(first)
	_, err = device.Activate(modelName, "1.1")
	must(t, err)
	m.wantBundle(second)

	// 4. Nobody was turned away, nothing was restarted, nothing was logged as an error.
	stop()
	if now := m.run("systemctl show cusp.service -p MainPID -p NRestarts -p ActiveState -p ExecMainStartTimestampMonotonic"); now != started {
		t.Errorf("the service was restarted:\nbefore %s\nafter %s", started, now)
	}
	if errs := m.run("journalctl -u cusp.service -p err --no-pager -q"); errs != "" {
		t.Errorf("errors in the journal:\n%s", errs)
	}

	// 5. Purge leaves nothing behind.
	m.run("apt-get purge -y cusp cusp-model-" + modelName)
	for _, path := range []string{"/var/lib/cusp", "/var/lib/cusp-link", "/run/cusp-link", "/etc/cusp", "/usr/bin/cusp", "/run/cusp/cusp.sock"} {
		if _, err := os.Lstat(filepath.Join(m.root, path)); err == nil {
			t.Errorf("%s is still there: %s", path, m.run("find "+path))
		}
	}
	if units := m.run("systemctl list-unit-files 'cusp*' --no-legend --plain || true"); units != "" {
		t.Errorf("units are still there: %s", units)
	}
}

// TestDeviceRefuses holds what a device does not take, whoever serves it.
func TestDeviceRefuses(t *testing.T) {
	f := newFleet(t)
	f.addDaemon()
	good := f.addModel("1.0")
	f.publish()
	m := boot(t)
	f.join(m)
	refused := func(t *testing.T, command, says string) {
		t.Helper()
		out, err := m.try(command)
		if err == nil || !strings.Contains(out, says) {
			t.Errorf("%s: %v, want %q\n%s", command, err, says, out)
		}
	}
	// Without what it fetched before: these changes come within a second, and HTTP's times are no finer.
	const update = "rm -rf /var/lib/apt/lists/*; apt-get update -o APT::Update::Error-Mode=any"

	t.Run("a signed list that was altered", func(t *testing.T) {
		defer f.alter("dists/stable/InRelease", "Description: Cusp", "Description: Evil")()
		refused(t, update, "BADSIG")
	})
	t.Run("an index that was altered", func(t *testing.T) {
		defer f.alter("dists/stable/main/binary-"+runtime.GOARCH+"/by-hash/SHA256/*", "", "x")()
		refused(t, update, "unexpected size")
	})
	m.run(update)
	t.Run("a package that was altered", func(t *testing.T) {
		defer f.alter("pool/cusp-model-*.deb", "GGUF", "gguf")()
		refused(t, "apt-get install -y cusp cusp-model-"+modelName, "Hash Sum mismatch")
	})
	t.Run("a model of a maker it does not trust", func(t *testing.T) {
		m.run("apt-get install -y cusp cusp-model-" + modelName)
		m.wantBundle(good)
		f.newModelKey()
		f.addModel("1.1")
		f.publish()
		m.run(update)
		m.run("apt-get upgrade -y")
		eventually(t, time.Minute, "the journal says why", func() error {
			if log := m.run("journalctl -u cusp.service -o verbose --no-pager -q"); !strings.Contains(log, "not trusted") {
				return fmt.Errorf("journal:\n%s", log)
			}
			return nil
		})
		m.wantBundle(good)
	})
}

// wantHardened checks the sandbox of the running daemon: first that the probe is inside and may write the daemon's
// state, then that it may write and execute nothing else. How tight the units are is in TestTwoProcesses.
func (m *machine) wantHardened() {
	m.t.Helper()
	inside := m.inside("cusp.service", "cusp")
	if out, err := inside(`open(F, ">", "/var/lib/cusp/probe") && unlink("/var/lib/cusp/probe")`); err != nil {
		m.t.Fatalf("the probe is not where the daemon is: %v\n%s", err, out)
	}
	for _, denied := range []string{
		`open(F, ">", "/var/lib/cusp/models/probe")`, `rename("/var/lib/cusp/models", "/var/lib/cusp/moved")`,
		`open(F, ">>", "/etc/cusp/cusp.toml")`, `open(F, ">>", "/usr/bin/cusp")`, `opendir(D, "/home")`, `-e "/dev/mem"`, `system("/bin/true") == 0`,
	} {
		if out, err := inside(denied); err == nil {
			m.t.Errorf("the daemon's user may: %s\n%s", denied, out)
		}
	}
}

// ask puts a question through `cusp ask` and returns the hash of the bundle that answered.
func (m *machine) ask() (bundleHash string, err error) {
	out, err := m.try("cusp ask --json 'turn on the kitchen light'")
	if err != nil {
		return "", fmt.Errorf("cusp ask: %w: %s", err, out)
	}
	var answer struct {
		Text string `json:"text"`
		Cusp struct {
			Bundle string `json:"bundle"`
		} `json:"cusp"`
	}
	if err := json.Unmarshal([]byte(out), &answer); err != nil {
		return "", fmt.Errorf("cusp ask printed %q: %w", out, err)
	}
	if answer.Text == "" {
		return "", fmt.Errorf("cusp ask printed no answer: %s", out)
	}
	return answer.Cusp.Bundle, nil
}

// wantBundle waits until the bundle with this hash answers.
func (m *machine) wantBundle(hash string) {
	m.t.Helper()
	eventually(m.t, time.Minute, "bundle "+hash+" answers", func() error {
		got, err := m.ask()
		if err == nil && got != hash {
			err = fmt.Errorf("bundle %s answered", got)
		}
		return err
	})
}

// keepAsking asks again and again until stop is called, which fails the test if any question was not answered.
func (m *machine) keepAsking() (stop func()) {
	done := make(chan struct{})
	var asking sync.WaitGroup
	asking.Go(func() {
		for asked := 0; ; asked++ {
			select {
			case <-done:
				m.t.Logf("%d questions were answered meanwhile", asked)
				return
			case <-time.After(100 * time.Millisecond):
			}
			if _, err := m.ask(); err != nil {
				m.t.Errorf("question %d: %v", asked, err)
			}
		}
	})
	return func() {
		close(done)
		asking.Wait()
	}
}
