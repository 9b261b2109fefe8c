package deploy

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/a472be26/cusp/packaging/bundle"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newDevice(t *testing.T) Device {
	return Device{Models: filepath.Join(t.TempDir(), "models"), Policy: bundle.Policy{AllowUnsigned: true}, Now: func() time.Time { return noon }}
}

// stage installs a version of the model "student" without making it current.
func stage(t *testing.T, d Device, version string) {
	t.Helper()
	src := t.TempDir()
	weights := filepath.Join(src, "weights")
	must(t, os.WriteFile(weights, []byte("GGUF "+version), 0o644))
	dir := filepath.Join(src, "bundle")
	m := bundle.Manifest{Name: "student", Version: version, License: "Apache-2.0", Created: noon}
	_, err := bundle.Write(dir, m, map[string]string{bundle.ModelFile: weights}, bundle.PrivateKey{})
	must(t, err)
	_, err = d.Stage(dir)
	must(t, err)
}

func wantCurrent(t *testing.T, d Device, version string) {
	t.Helper()
	dir, err := bundle.Current(d.Models, "student")
	must(t, err)
	if filepath.Base(dir) != version {
		t.Errorf("current is %s, want %s", dir, version)
	}
}

func TestActivateAndRollback(t *testing.T) {
	t.Parallel()
	d := newDevice(t)
	stage(t, d, "1.0")
	stage(t, d, "1.1")
	stage(t, d, "1.2")

	first, err := d.Activate("student", "1.0")
	must(t, err)
	if first.From != "" || first.To != "1.0" || len(first.Bundle) != 64 || !first.Time.Equal(noon) {
		t.Errorf("first event %+v", first)
	}
	_, err = d.Activate("student", "1.2")
	must(t, err)
	wantCurrent(t, d, "1.2")

	// Back to what was current before, not to the next lower version.
	back, err := d.Rollback("student")
	must(t, err)
	if back.From != "1.2" || back.To != "1.0" || back.Action != "rollback" {
		t.Errorf("rollback event %+v", back)
	}
	wantCurrent(t, d, "1.0")

	events, err := d.History("student")
	must(t, err)
	if len(events) != 3 || events[2] != back {
		t.Errorf("history %+v", events)
	}
}

func TestRollbackWithoutHistory(t *testing.T) {
	t.Parallel()
	d := newDevice(t)
	for _, version := range []string{"1.9", "1.10", "2.0"} {
		stage(t, d, version)
	}
	must(t, bundle.Switch(d.Models, "student", "2.0"))
	_, err := d.Rollback("student")
	must(t, err)
	wantCurrent(t, d, "1.10")
}

// TestRollbackAfterPackageInstall reads a line as the maintainer scripts write it, and survives a torn one.
func TestRollbackAfterPackageInstall(t *testing.T) {
	t.Parallel()
	d := newDevice(t)
	stage(t, d, "1.0")
	stage(t, d, "0.9")
	must(t, bundle.Switch(d.Models, "student", "0.9"))
	line := `{"time":"2026-11-23T12:00:00Z","action":"install","model":"student","from":"1.0","to":"0.9"}` + "\n" + `{"time":"2026-1`
	must(t, os.WriteFile(filepath.Join(d.Models, "student", historyFile), []byte(line), 0o644))
	back, err := d.Rollback("student")
	must(t, err)
	wantCurrent(t, d, "1.0")
	if events, err := d.History("student"); err != nil || len(events) != 2 || events[1] != back {
		t.Errorf("history after a torn line: %+v, %v", events, err)
	}
}

func TestRollbackNowhere(t *testing.T) {
	t.Parallel()
	d := newDevice(t)
	stage(t, d, "1.0")
	_, err := d.Activate("student", "1.0")
	must(t, err)
	if _, err := d.Rollback("student"); !errors.Is(err, ErrNoPrevious) {
		t.Errorf("error = %v, want ErrNoPrevious", err)
	}
	wantCurrent(t, d, "1.0")
}

// TestActivateRefuses: whatever the daemon would refuse never becomes current.
func TestActivateRefuses(t *testing.T) {
	t.Parallel()
	d := newDevice(t)
	stage(t, d, "1.0")
	stage(t, d, "1.1")
	_, err := d.Activate("student", "1.0")
	must(t, err)
	weights := filepath.Join(d.Models, "student", "1.1", bundle.ModelFile)
	must(t, os.WriteFile(weights, []byte("damaged"), 0o644))
	must(t, os.CopyFS(filepath.Join(d.Models, "student", "3.0"), os.DirFS(filepath.Join(d.Models, "student", "1.0"))))
	for _, tt := range []struct{ name, model, version, says string }{
		{"damaged", "student", "1.1", "model.gguf"},
		{"not installed", "student", "2.0", "no such file"},
		{"another version's bundle", "student", "3.0", "holds the bundle student 1.0"},
		{"path as model", "../x", "1.0", "model name"},
		{"path as version", "student", "../1.0", "model version"},
	} {
		if _, err := d.Activate(tt.model, tt.version); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: error = %v, want %q", tt.name, err, tt.says)
		}
	}
	wantCurrent(t, d, "1.0")
	strict := d
	strict.Policy = bundle.Policy{}
	if _, err := strict.Activate("student", "1.0"); !errors.Is(err, bundle.ErrUnsigned) {
		t.Errorf("unsigned: error = %v, want ErrUnsigned", err)
	}
}
