//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	debianSuite    = "bookworm"
	debianPackages = "systemd,systemd-sysv,dbus,udev,iproute2,procps,kmod,adduser"
)

// machine is a booted Debian in a container that shares the host's network and nothing else.
type machine struct {
	t       *testing.T
	root    string // its root directory, seen from here
	leader  string // pid of its init, seen from here
	running bool   // it came up
}

// boot starts a fresh machine and stops it when the test ends.
func boot(t *testing.T) *machine {
	t.Helper()
	needTools(t)
	m := &machine{t: t, root: filepath.Join(t.TempDir(), "root")}
	must(t, os.Mkdir(m.root, 0o755))
	command(t, "tar", "-C", m.root, "-xf", rootArchive(t))

	// unified: systemd 252 inside runs on cgroup v2 also where the host has v1.
	nspawn := exec.Command("systemd-nspawn", "-D", m.root, "-b", "--register=no", "--keep-unit", "--console=read-only")
	nspawn.Env = append(os.Environ(), "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1")
	var console bytes.Buffer
	nspawn.Stdout, nspawn.Stderr = &console, &console
	must(t, nspawn.Start())
	gone := make(chan error, 1)
	go func() { gone <- nspawn.Wait() }()
	t.Cleanup(func() {
		halt(t, nspawn.Process, gone)
		if !m.running {
			t.Logf("console:\n%s", &console)
		}
	})

	m.leader = waitLeader(t, nspawn.Process.Pid)
	m.waitRunning()
	m.running = true
	return m
}

// halt asks nspawn for a clean shutdown, and insists after a while.
func halt(t *testing.T, nspawn *os.Process, gone <-chan error) {
	_ = nspawn.Signal(syscall.SIGTERM)
	select {
	case <-gone:
	case <-time.After(30 * time.Second):
		_ = nspawn.Kill()
		<-gone
		t.Error("the machine did not shut down within 30 s")
	}
}

func needTools(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("booting a machine needs root")
	}
	for _, tool := range []string{"mmdebstrap", "systemd-nspawn", "nsenter", "tar"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("%s is missing: apt-get install mmdebstrap systemd-container util-linux tar", tool)
		}
	}
}

// rootArchive returns the cached root file system and makes it the first time (about 20 s and 250 MB).
func rootArchive(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("CUSP_CACHE")
	if dir == "" {
		base, err := os.UserCacheDir()
		must(t, err)
		dir = filepath.Join(base, "cusp")
	}
	must(t, os.MkdirAll(dir, 0o755))
	recipe := sha256.Sum256([]byte(debianSuite + debianPackages))
	archive := filepath.Join(dir, fmt.Sprintf("%s-%x.tar", debianSuite, recipe[:6]))
	if _, err := os.Stat(archive); err == nil {
		return archive
	}
	tmp := filepath.Join(dir, fmt.Sprintf(".making-%d.tar", os.Getpid()))
	defer os.Remove(tmp)
	command(t, "mmdebstrap", "--variant=minbase", "--include="+debianPackages, debianSuite, tmp)
	must(t, os.Rename(tmp, archive))
	return archive
}

// waitLeader returns the pid of the container's init, which is nspawn's only child.
func waitLeader(t *testing.T, nspawn int) string {
	t.Helper()
	children := fmt.Sprintf("/proc/%d/task/%d/children", nspawn, nspawn)
	var leader string
	eventually(t, 20*time.Second, "systemd-nspawn starts an init", func() error {
		text, err := os.ReadFile(children)
		if err != nil {
			return err
		}
		if fields := strings.Fields(string(text)); len(fields) == 1 {
			leader = fields[0]
			return nil
		}
		return fmt.Errorf("children of nspawn: %q", text)
	})
	return leader
}

func (m *machine) waitRunning() {
	m.t.Helper()
	eventually(m.t, time.Minute, "the machine boots", func() error {
		out, err := m.try("systemctl is-system-running --wait")
		if state := strings.TrimSpace(out); state != "running" {
			failed, _ := m.try("systemctl --failed --no-legend --plain")
			return fmt.Errorf("state %q (%v), failed units: %s", state, err, failed)
		}
		return nil
	})
}

// try runs a shell command in the machine and returns what it wrote.
func (m *machine) try(script string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "nsenter", "-t", m.leader, "-a", "-r", "-w", "/bin/sh", "-c", script)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8", "HOME=/root"}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// run is try for a command that must succeed.
func (m *machine) run(script string) string {
	m.t.Helper()
	out, err := m.try(script)
	if err != nil {
		m.t.Fatalf("in the machine: %s: %v\n%s", script, err, out)
	}
	return strings.TrimSpace(out)
}

// setns is the number of that system call, which Perl has no name for.
var setns = map[string]int{"amd64": 308, "arm64": 268}

// inside returns a function that evaluates a Perl expression as a user, with the groups and in the place of a unit's process, which sees other
// files than the machine. An error means that the expression is false. Perl goes there after its start: in the sandbox
// nothing can be executed.
func (m *machine) inside(unit, user string) func(expression string) (string, error) {
	m.t.Helper()
	pid := m.pid(unit)
	const newNS = 0x20000 // CLONE_NEWNS
	return func(expression string) (string, error) {
		script := fmt.Sprintf(`my ($u, $g) = (getpwnam("%[1]s"))[2,3]; open(S, "<", "/proc/%[2]s/status") or exit 2;
my ($groups) = map { /^Groups:\s*(.*)/ } <S>; open(N, "<", "/proc/%[2]s/ns/mnt") or exit 2;
syscall(%[3]d, fileno(N), %[4]d) == 0 or exit 2; chdir "/"; $) = "$g $g $groups"; $( = $g; $< = $u; $> = $u; $> == $u or exit 2;
print readlink("/proc/self/ns/mnt") // ""; exit((%[5]s) ? 0 : 1)`, user, pid, setns[runtime.GOARCH], newNS, expression)
		m.write("/root/probe.pl", script)
		out, err := m.try("perl /root/probe.pl")
		var exit *exec.ExitError
		if errors.As(err, &exit) && exit.ExitCode() != 1 {
			m.t.Fatalf("the probe did not get into the place of %s: %v\n%s", unit, err, out)
		}
		return out, err
	}
}

// write puts a file into the machine.
func (m *machine) write(path, text string) {
	m.t.Helper()
	path = filepath.Join(m.root, path)
	must(m.t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(m.t, os.WriteFile(path, []byte(text), 0o644))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func command(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// eventually repeats check until it succeeds.
func eventually(t *testing.T, limit time.Duration, what string, check func() error) {
	t.Helper()
	end := time.Now().Add(limit)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s: not within %v: %v", what, limit, err)
		}
		time.Sleep(200 * time.Millisecond)
	}
}
