package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"cusp": main})
}

// TestScripts runs the scripts in testdata/script; each is titled by the fault
// that it prevents.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			// Unix socket paths are limited to 108 bytes; the work folder's may be longer.
			dir, err := os.MkdirTemp("", "cusp")
			if err != nil {
				return err
			}
			e.Defer(func() { os.RemoveAll(dir) })
			e.Setenv("SOCK", dir+"/s")
			// The default places are the machine's own when the tests run as root.
			config := fmt.Sprintf("[state]\ndir = %q\n[model]\ndir = %q\n", e.WorkDir+"/state", e.WorkDir+"/models")
			return os.WriteFile(e.WorkDir+"/cusp.toml", []byte(config), 0o600)
		},
	})
}

// Scripts can see that a command failed; here, how.
func TestExitStatus(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args   string
		want   int
		stderr string
	}{
		{"version", 0, ""},
		{"--help", 0, ""},
		{"frobnicate", exitUsage, "frobnicate"},
		{"version --frobnicate", exitUsage, "--frobnicate"},
		{"ask", exitUsage, "<text>"},
		{"model inspect", exitUsage, "<file>"},
		{"model inspect /nowhere/x.gguf", exitFailure, "/nowhere/x.gguf"},
		{"ask --socket /nowhere/s hello", exitFailure, "/nowhere/s"},
		{"pack daemon --arch sparc", exitUsage, "sparc"},
		{"ask --deadline=-1s hello", exitUsage, "--deadline"},
		{"cloud --broker localhost:1883", exitUsage, "localhost:1883"},
		{"cloud --broker tcp://127.0.0.1:1 --concurrency=-1", exitUsage, "--concurrency"},
		{"cloud --broker tcp://127.0.0.1:1 --model m", exitUsage, "--url"},
		{"cloud", exitUsage, "--broker"},
		{"cloud --print-config", 0, ""},
		{"cloud --config go.mod", exitFailure, "go.mod"},
		{"cloud --config go.mod --broker tcp://127.0.0.1:1", exitUsage, "--config"},
	} {
		t.Run(c.args, func(t *testing.T) {
			t.Parallel()
			var out, errOut bytes.Buffer
			if got := run(strings.Fields(c.args), strings.NewReader(""), &out, &errOut); got != c.want {
				t.Errorf("exit status %d, want %d; stderr: %s", got, c.want, &errOut)
			}
			if !strings.Contains(errOut.String(), c.stderr) {
				t.Errorf("stderr %q does not name %q", &errOut, c.stderr)
			}
		})
	}
}
