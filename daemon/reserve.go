package daemon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/a472be26/cusp/router"
)

// ErrMemory says that the device is short of memory: a question refused now is
// better than the kernel's choice of a process to kill a moment later.
var ErrMemory = errors.New("the device is short of memory")

// reserve watches how much memory there is, when a question comes and at most once
// in a period.
type reserve struct {
	root  fs.FS        // "/"
	least func() int64 // bytes that must be left; 0: not watched
	now   func() time.Time
	free  func() // gives back to the system what can be
	log   *slog.Logger

	mu     sync.Mutex // guards the fields below
	looked time.Time
	err    error // of the last look
}

const memoryPeriod = 100 * time.Millisecond

func newReserve(root fs.FS, least func() int64, log *slog.Logger) *reserve {
	return &reserve{root: root, least: least, now: time.Now, free: debug.FreeOSMemory, log: log}
}

// check returns ErrMemory, with numbers, where less than the reserve is left.
func (m *reserve) check() error {
	reserve := float64(m.least())
	if reserve == 0 {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if now := m.now(); now.Sub(m.looked).Abs() >= memoryPeriod { // clocks jump
		m.look(now, reserve)
	}
	return m.err
}

// look measures, once more if it must after giving back what is not needed; mu is
// held.
func (m *reserve) look(now time.Time, reserve float64) {
	before := m.err
	left := available(m.root)
	if left < reserve && before == nil {
		m.free()
		left = available(m.root)
	}
	m.looked, m.err = now, nil
	if left < reserve {
		m.err = fmt.Errorf("%w: %.0f MB are left, of which service.memory_reserve keeps %.0f", ErrMemory, left/1e6, reserve/1e6)
	}
	switch {
	case before == nil && m.err != nil:
		m.log.Warn("no question is answered here until there is memory again", "error", m.err)
	case before != nil && m.err == nil:
		m.log.Info("there is memory again", "bytes", int64(left))
	}
}

// available is how many bytes can be had before something has to be killed: of the
// machine (proc(5), MemAvailable) and of the control groups around this process
// (cgroups(7)), what is used there counted without the file pages that nobody has
// looked at for long. Infinite where nothing is known.
func available(root fs.FS) float64 {
	left := math.Inf(1)
	if kibibytes, ok := field(root, "proc/meminfo", "MemAvailable:"); ok {
		left = 1024 * kibibytes
	}
	groups, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return left
	}
	for line := range strings.Lines(string(groups)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		files, ok := groupFiles[parts[1]]
		if !ok {
			continue
		}
		for group := path.Clean("/" + parts[2]); ; group = path.Dir(group) {
			left = min(left, files.available(root, group))
			if group == "/" {
				break
			}
		}
	}
	return left
}

// memoryFiles are where a control group of one version says what its memory is.
type memoryFiles struct{ mount, limit, used, stale string }

// groupFiles has them by the controllers of a line in /proc/self/cgroup.
var groupFiles = map[string]memoryFiles{
	"":       {"sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"},
	"memory": {"sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"},
}

func (f memoryFiles) available(root fs.FS, group string) float64 {
	limit, bound := field(root, path.Join(f.mount, group, f.limit), "")
	used, known := field(root, path.Join(f.mount, group, f.used), "")
	if !bound || !known {
		return math.Inf(1)
	}
	stale, _ := field(root, path.Join(f.mount, group, "memory.stat"), f.stale)
	return limit - used + stale
}

// field reads the number behind a name at the beginning of a line.
func field(root fs.FS, file, name string) (float64, bool) {
	text, err := fs.ReadFile(root, file)
	if err != nil {
		return 0, false
	}
	for line := range bytes.Lines(text) {
		words := strings.Fields(string(line))
		if name != "" && (len(words) < 2 || words[0] != name) {
			continue
		}
		if name != "" {
			words = words[1:]
		}
		if len(words) > 0 {
			n, err := strconv.ParseUint(words[0], 10, 63)
			return float64(n), err == nil // else it is "max"
		}
	}
	return 0, false
}

// spared is a local model that answers only while there is memory.
type spared struct {
	router.Local
	memory *reserve
}

func (s spared) Answer(ctx context.Context, q router.Question, emit func(router.Delta) error) (router.LocalAnswer, error) {
	if err := s.memory.check(); err != nil {
		return router.LocalAnswer{}, err
	}
	return s.Local.Answer(ctx, q, emit)
}
