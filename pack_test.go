package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/a472be26/cusp/packaging/bundle"
)

// A bundle made of another one keeps what is not given, but not a report on a
// threshold that it has no more.
func TestPackBundleOfABundle(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	weights, report := file("w.gguf", "weights"), file("report.json", `{"risk":0.01}`)
	old, fresh := file("old.json", `{"version":1}`), file("new.json", `{"version":2}`)
	pack := func(name string, args ...string) *bundle.Bundle {
		t.Helper()
		out := filepath.Join(dir, name)
		if code, _, errOut := cusp(t, append([]string{"pack", "bundle", "--out", out}, args...)...); code != 0 {
			t.Fatalf("%v: status %d, %s", args, code, errOut)
		}
		b, err := (bundle.Policy{AllowUnsigned: true}).Verify(out)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	first := pack("1", weights, "--name", "lights", "--release", "1.0", "--license", "MIT", "--calibration", old, "--report", report)
	for i, c := range []struct {
		args        []string
		calibration string
		report      bool
	}{
		{nil, old, true},
		{[]string{"--calibration", fresh}, fresh, false},
		{[]string{"--calibration", fresh, "--report", report}, fresh, true},
	} {
		b := pack("2"+strconv.Itoa(i), append([]string{first.Dir, "--release", "1.1"}, c.args...)...)
		m := b.Manifest
		if m.Name != "lights" || m.License != "MIT" || m.Version != "1.1" || (m.Report != nil) != c.report {
			text, _ := json.Marshal(m)
			t.Errorf("%v: %s", c.args, text)
		}
		want, err := os.ReadFile(c.calibration)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(b.Path(bundle.CalibrationFile)); err != nil || string(got) != string(want) {
			t.Errorf("%v: calibration %s: %v", c.args, got, err)
		}
	}
	if code, _, errOut := cusp(t, "pack", "bundle", weights, "--release", "1.0", "--out", filepath.Join(dir, "3")); code != exitUsage || !strings.Contains(errOut, "--name") {
		t.Errorf("status %d, %s", code, errOut)
	}
}
