//go:build linux

package linux

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/a472be26/cusp/packaging/bundle"
)

// device plays the part of dpkg for a model package, in a directory of its own instead of /var/lib/cusp/models.
type device struct {
	t    *testing.T
	home string // MODELS/student
	now  string // installed version, "" if none
}

func newDevice(t *testing.T) *device {
	return &device{t: t, home: filepath.Join(t.TempDir(), "models", "student")}
}

func (d *device) run(version, script string, args ...string) {
	d.t.Helper()
	text, err := modelScript(script, bundle.Manifest{Name: "student", Version: version})
	must(d.t, err)
	local := strings.ReplaceAll(string(text), ModelsDir, filepath.Dir(d.home))
	cmd := exec.Command("sh", append([]string{"-c", local, script}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		d.t.Fatalf("%s of %s %v: %v\n%s", script, version, args, err, out)
	}
	if d.now != "" && script != "prerm" {
		d.current() // there is a model at every step of an upgrade
	}
}

func (d *device) unpack(version string) {
	d.t.Helper()
	dir := filepath.Join(d.home, version)
	must(d.t, os.MkdirAll(dir, 0o755))
	must(d.t, os.WriteFile(filepath.Join(dir, bundle.ManifestFile), []byte(version), 0o644))
}

// removeFiles removes what dpkg knows of a version, and the directories only if they are empty then.
func (d *device) removeFiles(version string) {
	must(d.t, os.Remove(filepath.Join(d.home, version, bundle.ManifestFile)))
	os.Remove(filepath.Join(d.home, version))
	os.Remove(d.home)
}

// install does what dpkg does, in its order (Debian Policy 6.6).
func (d *device) install(version string) {
	d.t.Helper()
	old := d.now
	if old != "" {
		d.run(old, "prerm", "upgrade", version)
	}
	d.unpack(version)
	if old != "" {
		d.run(old, "postrm", "upgrade", version)
		if old != version {
			d.removeFiles(old)
		}
		d.current()
	}
	d.run(version, "postinst", "configure", old)
	d.now = version
}

func (d *device) remove() {
	d.t.Helper()
	version := d.now
	d.run(version, "prerm", "remove")
	d.removeFiles(version)
	d.now = ""
	d.run(version, "postrm", "remove")
}

// current reads through the link what version the daemon would load.
func (d *device) current() string {
	d.t.Helper()
	text, err := os.ReadFile(filepath.Join(d.home, "current", bundle.ManifestFile))
	must(d.t, err)
	return string(text)
}

func (d *device) wantCurrent(version string, installed ...string) {
	d.t.Helper()
	if got := d.current(); got != version {
		d.t.Errorf("current is %s, want %s", got, version)
	}
	found, err := filepath.Glob(filepath.Join(d.home, "[0-9]*"))
	must(d.t, err)
	var names []string
	for _, f := range found {
		names = append(names, filepath.Base(f))
	}
	if strings.Join(names, " ") != strings.Join(installed, " ") {
		d.t.Errorf("versions on disk %v, want %v", names, installed)
	}
}

func TestModelScripts(t *testing.T) {
	t.Parallel()
	t.Run("first install", func(t *testing.T) {
		t.Parallel()
		d := newDevice(t)
		d.install("1.0")
		d.wantCurrent("1.0", "1.0")
	})
	t.Run("upgrade keeps one version for a rollback", func(t *testing.T) {
		t.Parallel()
		d := newDevice(t)
		d.install("1.0")
		d.install("1.1")
		d.wantCurrent("1.1", "1.0", "1.1")
		d.install("1.2")
		d.wantCurrent("1.2", "1.1", "1.2")
	})
	t.Run("downgrade to the kept version", func(t *testing.T) {
		t.Parallel()
		d := newDevice(t)
		d.install("1.0")
		d.install("1.1")
		d.install("1.0")
		d.wantCurrent("1.0", "1.0", "1.1")
	})
	t.Run("reinstall", func(t *testing.T) {
		t.Parallel()
		d := newDevice(t)
		d.install("1.0")
		d.install("1.0")
		d.wantCurrent("1.0", "1.0")
	})
	t.Run("aborted upgrade goes back", func(t *testing.T) {
		t.Parallel()
		d := newDevice(t)
		d.install("1.0")
		d.run("1.0", "prerm", "upgrade", "1.1")
		d.unpack("1.1")
		d.run("1.0", "postrm", "upgrade", "1.1")
		d.removeFiles("1.1")
		d.run("1.0", "postinst", "abort-upgrade", "1.1")
		d.wantCurrent("1.0", "1.0")
	})
	t.Run("an upgrade after a rollback keeps the version that serves", func(t *testing.T) {
		t.Parallel()
		d := newDevice(t)
		d.install("1.0")
		d.install("1.1")
		must(t, bundle.Switch(filepath.Dir(d.home), "student", "1.0"))
		d.install("1.2")
		d.wantCurrent("1.2", "1.0", "1.2")
	})
	t.Run("a half-kept version does not block the upgrade", func(t *testing.T) {
		t.Parallel()
		d := newDevice(t)
		d.install("1.0")
		must(t, os.MkdirAll(filepath.Join(d.home, ".replaced"), 0o755)) // prerm was cut off
		d.unpack("1.1")
		d.run("1.0", "postrm", "upgrade", "1.1")
		d.removeFiles("1.0")
		d.run("1.1", "postinst", "configure", "1.0")
		d.wantCurrent("1.1", "1.1")
	})
	t.Run("removal leaves nothing", func(t *testing.T) {
		t.Parallel()
		d := newDevice(t)
		d.install("1.0")
		d.install("1.1")
		d.remove()
		if _, err := os.Lstat(d.home); !os.IsNotExist(err) {
			t.Errorf("after removal %s is still there: %v", d.home, err)
		}
	})
	t.Run("removal falls back to a version that somebody else installed", func(t *testing.T) {
		t.Parallel()
		d := newDevice(t)
		d.unpack("0.9")
		d.unpack("0.10")
		d.install("1.0")
		d.remove()
		d.wantCurrent("0.10", "0.10", "0.9")
	})
}

// TestScriptsParse has the shell read every maintainer script without running it.
func TestScriptsParse(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"postinst", "prerm", "postrm"} {
		daemon, err := parts.ReadFile("daemon/" + name)
		must(t, err)
		cuda, err := parts.ReadFile("cuda/" + name)
		must(t, err)
		model, err := modelScript(name, bundle.Manifest{Name: "student", Version: "1.0"})
		must(t, err)
		for _, text := range [][]byte{daemon, cuda, model} {
			if out, err := exec.Command("sh", "-n", "-c", string(text)).CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", name, err, out)
			}
			if !strings.HasPrefix(string(text), "#!/bin/sh\n") {
				t.Errorf("%s does not start with #!/bin/sh", name)
			}
		}
	}
}
