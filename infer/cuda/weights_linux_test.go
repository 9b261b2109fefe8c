//go:build cuda

package cuda_test

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/infer/model"
	"github.com/a472be26/cusp/infer/quant"
)

// Where weights have to be copied within the same memory, they are not kept twice.
func TestCopiedWeightsAreDropped(t *testing.T) {
	t.Parallel()
	s := shape()
	s.Dim, s.FFN = 256, 2048
	path := filepath.Join(t.TempDir(), "model.gguf")
	data := s.Bytes(t)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := gguf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	m := loadFile(t, f)
	for _, c := range []struct {
		settings    string
		least, most int
	}{
		{"integrated=0", len(data) / 2, len(data) + os.Getpagesize()},
		{"integrated=1,registers=0", 0, len(data) / 10},
	} {
		g, _ := onGPU(t, m, c.settings)
		if n := resident(t, path); n < c.least || n > c.most {
			t.Errorf("%s: %d bytes of the file's %d are in memory", c.settings, n, len(data))
		}
		limits := model.Limits{Threads: 1, Sequences: 1, Rows: 8, Context: 32}
		want := newRun(t, m, quant.F16, limits).chunks(3, long(4))
		for i, got := range newRun(t, g, quant.F16, limits).chunks(3, long(4)) {
			checkClose(t, fmt.Sprintf("%s: chunk %d", c.settings, i), got, want[i])
		}
	}
}

// resident is how many bytes of a file that is mapped are in this process's memory.
func resident(t *testing.T, path string) (bytesOf int) {
	t.Helper()
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	ours := false
	for lines := bufio.NewScanner(bytes.NewReader(smaps)); lines.Scan(); {
		switch line := lines.Text(); {
		case strings.HasSuffix(line, " "+path):
			ours = true
		case ours && strings.HasPrefix(line, "Rss:"):
			var kilobytes int
			if _, err := fmt.Sscan(strings.TrimPrefix(line, "Rss:"), &kilobytes); err != nil {
				t.Fatal(err)
			}
			ours, bytesOf = false, bytesOf+kilobytes<<10
		}
	}
	return bytesOf
}
