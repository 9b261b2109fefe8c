package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/a472be26/cusp/packaging/bundle"
)

// Work that shows a bar on a terminal must leave a log clean, and the bar must
// end where the work does.
func TestProgressIsForTerminals(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	weights, out := filepath.Join(dir, "w.gguf"), filepath.Join(dir, "bundle")
	if err := os.WriteFile(weights, make([]byte, 3<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{
		"pack bundle " + weights + " --name lights --release 1.0 --out " + out,
		"model verify " + out + " --allow-unsigned",
		"model install " + out + " --allow-unsigned --dir " + filepath.Join(dir, "models"),
		"pack model " + out + " --allow-unsigned --out " + dir,
	} {
		var stdout, stderr bytes.Buffer
		if got := run(strings.Fields(args), strings.NewReader(""), &stdout, &stderr); got != 0 || stderr.Len() > 0 {
			t.Errorf("cusp %s: status %d, stderr %q", args, got, &stderr)
		}
	}
	var read int64
	p := bundle.Policy{AllowUnsigned: true, OnRead: func(n int) { read += int64(n) }}
	if _, err := p.Verify(out); err != nil || read != bundleSize(out) || read != 3<<20 {
		t.Errorf("%d bytes were read of %d: %v", read, bundleSize(out), err)
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if isTerminal(null) || isTerminal(&bytes.Buffer{}) {
		t.Error("taken for a terminal")
	}
}
