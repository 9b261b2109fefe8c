//go:build cuda

package cuda

import (
	"os"
	"path/filepath"
	"testing"
)

func TestAvailableMemory(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "meminfo")
	for text, want := range map[string]int64{
		"MemTotal:  8000 kB\nMemFree:  10 kB\nMemAvailable:   5000 kB\n": 5000 << 10,
		"MemTotal:  8000 kB\n":    0,
		"MemAvailable: many kB\n": 0,
		"MemAvailable: -5 kB\n":   0,
		"":                        0,
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if n := availableMemory(path); n != want {
			t.Errorf("%q: %d, want %d", text, n, want)
		}
	}
	if n := availableMemory(path + "not"); n != 0 {
		t.Errorf("a file that is not there says %d", n)
	}
}
