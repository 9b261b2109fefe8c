package bundle

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWriteIsDeterministic(t *testing.T) {
	t.Parallel()
	_, private := newKey(t)
	a, b := writeBundle(t, "1.0", private), writeBundle(t, "1.0", private)
	for _, name := range []string{ManifestFile, SignatureFile} {
		first, err := os.ReadFile(filepath.Join(a, name))
		must(t, err)
		second, err := os.ReadFile(filepath.Join(b, name))
		must(t, err)
		if string(first) != string(second) {
			t.Errorf("%s differs between two equal bundles:\n%s\n%s", name, first, second)
		}
	}
}

// TestWriteLeavesNothingBehind: a bundle that could not be written is not there at all.
func TestWriteLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	src := filepath.Join(t.TempDir(), "weights")
	must(t, os.WriteFile(src, []byte("x"), 0o644))
	good := Manifest{Name: "student", Version: "1.0", License: "MIT", Created: created}
	unnamed := good
	unnamed.Name = ""
	tests := []struct {
		name  string
		m     Manifest
		files map[string]string
		says  string
	}{
		{"unknown file", good, map[string]string{ModelFile: src, "evil.sh": src}, "evil.sh"},
		{"no model", good, map[string]string{}, "does not list"},
		{"source missing", good, map[string]string{ModelFile: src + "-none"}, "no such file"},
		{"bad manifest", unnamed, map[string]string{ModelFile: src}, "model name"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			parent := t.TempDir()
			_, err := Write(filepath.Join(parent, "out"), tt.m, tt.files, PrivateKey{})
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error = %v, want %q", err, tt.says)
			}
			if left, err := os.ReadDir(parent); err != nil || len(left) != 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

func TestWriteNeverOverwrites(t *testing.T) {
	t.Parallel()
	dir := writeBundle(t, "1.0", PrivateKey{})
	weights := filepath.Join(dir, ModelFile)
	_, err := Write(dir, Manifest{Name: "student", Version: "2.0", License: "MIT"}, map[string]string{ModelFile: weights}, PrivateKey{})
	if err == nil || !strings.Contains(err.Error(), "exists already") {
		t.Errorf("error = %v, want that it exists already", err)
	}
	_, err = (Policy{AllowUnsigned: true}).Verify(dir)
	must(t, err)
}
