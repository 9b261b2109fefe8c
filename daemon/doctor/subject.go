package doctor

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/a472be26/cusp/daemon"
)

// subject is what is looked at: a configuration, and who would run with it where.
type subject struct {
	Host
	version string

	path    string // of the configuration; empty: there is none, and the defaults hold
	cfg     daemon.Config
	loadErr error
	system  bool // it is that of the packaged service

	unit unit    // of the service; zero where there is none
	as   account // that the daemon runs as

	mu     sync.Mutex // guards the fields below
	dated  time.Time  // the latest date that cannot lie in the future
	source string     // what has it
}

func newSubject(ctx context.Context, o Options) *subject {
	s := &subject{Host: o.Host, version: o.Version}
	s.load(o.Config)
	if o.Socket != "" {
		s.cfg.API.Socket = o.Socket
	}
	s.as = s.Self
	if !s.system {
		return s
	}
	ctx, cancel := context.WithTimeout(ctx, quick)
	defer cancel()
	s.unit, _ = s.Unit(ctx, serviceUnit) // the check of the service says what is wrong
	if a, err := s.Account(s.unit["User"]); err == nil && s.unit.installed() {
		s.as = a
	}
	return s
}

// load takes the named file; the user's own; that of the packaged service; or the
// defaults. What a broken file says is kept as far as it could be read.
func (s *subject) load(named string) {
	own, system := daemon.DefaultConfigPath(), daemon.SystemConfigPath()
	switch {
	case named != "":
		s.path = named
	case exists(own):
		s.path = own
	case exists(system):
		s.path = system
	}
	s.system = s.path == system || s.path == "" && own == system
	switch s.path {
	case "":
		s.cfg = daemon.DefaultConfig()
	case system:
		s.cfg, s.loadErr = daemon.LoadSystemConfig()
	default:
		s.cfg, s.loadErr = daemon.LoadConfig(s.path)
	}
}

// exists is also true where it cannot be told.
func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// saw notes a date that must have passed.
func (s *subject) saw(t time.Time, source string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.After(s.dated) {
		s.dated, s.source = t, source
	}
}

// latest is the latest date that was noted.
func (s *subject) latest() (time.Time, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dated, s.source
}
