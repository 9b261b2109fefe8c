package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settle is how long the directories must be quiet before anything is loaded:
// an installation is many events.
const settle = 300 * time.Millisecond

// watcher reports changes of MODELS and MODELS/NAME. It watches directories,
// because a watched file that is replaced by rename is lost from sight.
type watcher struct {
	dir    string // MODELS
	sub    string // MODELS/NAME
	events *fsnotify.Watcher
	log    *slog.Logger
}

// newWatcher begins to watch; MODELS is created if it can be.
func newWatcher(dir, name string, log *slog.Logger) (*watcher, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("watch models: %w", err)
	}
	events, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watch models: %w", err)
	}
	w := &watcher{dir: dir, sub: filepath.Join(dir, name), events: events, log: log}
	if err := events.Add(dir); err != nil {
		return nil, fmt.Errorf("watch models: %w", errors.Join(err, events.Close()))
	}
	w.follow()
	return w, nil
}

// follow watches MODELS/NAME from when it is there. It is asked for again
// after every event, since the directory may have been made anew.
func (w *watcher) follow() {
	if err := w.events.Add(w.sub); err != nil && !errors.Is(err, fs.ErrNotExist) {
		w.log.Warn("model directory cannot be watched", "dir", w.sub, "error", err)
	}
}

// run calls changed once after every burst of events, until ctx ends.
func (w *watcher) run(ctx context.Context, changed func()) {
	quiet := time.NewTimer(settle)
	quiet.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.events.Events:
			w.follow()
			quiet.Reset(settle)
		case err := <-w.events.Errors:
			// Events may have been lost: look for ourselves.
			w.log.Warn("watching models", "error", err)
			quiet.Reset(settle)
		case <-quiet.C:
			changed()
		}
	}
}

func (w *watcher) close() error { return w.events.Close() }
