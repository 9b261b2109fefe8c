package kernel

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func TestFastCores(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		capacities []string
		want       int
	}{
		"not stated":     {nil, 0},
		"all alike":      {[]string{"1024\n", "1024\n", "1024\n", "1024\n"}, 4},
		"big and little": {[]string{"446\n", "446\n", "446\n", "446\n", "1024\n", "1024\n"}, 2},
		"three kinds":    {[]string{"250\n", "250\n", "744\n", "1024\n"}, 2},
		"nonsense":       {[]string{"x\n", "-1\n", "0\n", ""}, 0},
		"partly":         {[]string{"x\n", "1024\n"}, 1},
	} {
		dir := t.TempDir()
		for i, text := range c.capacities {
			cpu := filepath.Join(dir, fmt.Sprint("cpu", i))
			if err := os.Mkdir(cpu, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(cpu, "cpu_capacity"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got := fastCores(dir); got != c.want {
			t.Errorf("%s: %d fast cores, want %d", name, got, c.want)
		}
	}
	if n := DefaultThreads(); n < 1 || n > runtime.GOMAXPROCS(0) {
		t.Errorf("DefaultThreads is %d with GOMAXPROCS %d", n, runtime.GOMAXPROCS(0))
	}
}
