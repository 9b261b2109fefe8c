package daemon

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// files are those of a machine.
func files(all map[string]string) fstest.MapFS {
	m := fstest.MapFS{}
	for name, text := range all {
		m[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return m
}

func TestAvailableMemory(t *testing.T) {
	t.Parallel()
	const meminfo = "MemTotal:        8000000 kB\nMemFree:          100000 kB\nMemAvailable:    2000000 kB\n"
	for name, c := range map[string]struct {
		files map[string]string
		want  float64
	}{
		"nothing known": {nil, math.Inf(1)},
		"the machine's": {map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/\n"}, 2000000 * 1024},
		"a limit of the service": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/system.slice/cusp.service\n",
			"sys/fs/cgroup/system.slice/cusp.service/memory.max":     "500000000\n",
			"sys/fs/cgroup/system.slice/cusp.service/memory.current": "450000000\n",
			"sys/fs/cgroup/system.slice/cusp.service/memory.stat":    "anon 5\nfile 70\ninactive_file 20000000\nactive_file 7\n",
		}, 70000000},
		"one around it": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "max\n", "sys/fs/cgroup/a/b/memory.current": "7\n",
			"sys/fs/cgroup/a/memory.max": "1000\n", "sys/fs/cgroup/a/memory.current": "900\n",
		}, 100},
		"version 1": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "5:cpu:/x\n4:memory:/x\n0::/\n",
			"sys/fs/cgroup/memory/x/memory.limit_in_bytes": "1000\n", "sys/fs/cgroup/memory/x/memory.usage_in_bytes": "990\n", "sys/fs/cgroup/memory/x/memory.stat": "total_inactive_file 5\n",
		}, 15},
		"nonsense": {map[string]string{"proc/meminfo": "MemAvailable: lots\nMemAvailable:\n", "proc/self/cgroup": "what\n0::\n", "sys/fs/cgroup/memory.max": "-1"}, math.Inf(1)},
	} {
		if got := available(files(c.files)); got != c.want {
			t.Errorf("%s: %g, want %g", name, got, c.want)
		}
	}
}

// meminfo says that there are so many megabytes.
func meminfo(megabytes int) map[string]string {
	return map[string]string{"proc/meminfo": fmt.Sprintf("MemAvailable: %d kB\n", megabytes*1000)}
}

func TestMemoryIsGivenBackBeforeAnythingIsRefused(t *testing.T) {
	t.Parallel()
	now, freed, reserve := time.Now(), 0, int64(50e6)
	m := newReserve(files(meminfo(100)), func() int64 { return reserve }, slog.New(slog.DiscardHandler))
	m.now, m.free = func() time.Time { return now }, func() { freed++ }
	later := func(megabytes int, by time.Duration) error {
		m.root, now = files(meminfo(megabytes)), now.Add(by)
		return m.check()
	}
	if err := m.check(); err != nil || freed != 0 {
		t.Errorf("with enough: %v, freed %d times", err, freed)
	}
	if err := later(10, time.Millisecond); err != nil {
		t.Errorf("it looks too often: %v", err)
	}
	m.free = func() { freed++; m.root = files(meminfo(60)) }
	if err := later(10, time.Second); err != nil || freed != 1 {
		t.Errorf("giving back is enough: %v, freed %d times", err, freed)
	}
	m.free = func() { freed++ }
	if err := later(10, -time.Hour); !errors.Is(err, ErrMemory) || !strings.Contains(err.Error(), "memory_reserve") { // the clock jumps
		t.Errorf("short: %v", err)
	}
	if err := later(10, time.Second); !errors.Is(err, ErrMemory) || freed != 2 {
		t.Errorf("still short: %v, freed %d times, want none for nothing", err, freed)
	}
	if err := later(60, time.Second); err != nil {
		t.Errorf("enough again: %v", err)
	}
	reserve = 0
	if err := later(0, time.Second); err != nil {
		t.Errorf("not watched: %v", err)
	}
}

// Short of memory, the daemon refuses with 503 and says when to come again.
func TestShortOfMemory(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	c, _ := serve(t, cfg, Options{root: files(meminfo(1))})
	client := socketClient(t, cfg.API.Socket)
	for _, stream := range []bool{false, true} {
		body := fmt.Sprintf(`{"stream":%v,"messages":[{"role":"user","content":"x"}]}`, stream)
		resp, err := client.Post("http://cusp/v1/chat/completions", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" || !strings.Contains(string(text), "memory_pressure") {
			t.Errorf("%s, %v, %s", resp.Status, resp.Header, text)
		}
	}
	if err := c.Health(t.Context()); err != nil {
		t.Errorf("health: %v", err) // it is up, and must not be restarted for that
	}
}
