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

// missing is how often a models directory that was deleted is looked for: what
// is not there cannot be watched.
const missing = 2 * time.Second

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

// follow watches MODELS, and MODELS/NAME from when it is there. It is asked for
// again after every event, since the directories may have been made anew; false
// means that MODELS is not there.
func (w *watcher) follow() bool {
	there := true
	for _, dir := range []string{w.dir, w.sub} {
		err := w.events.Add(dir)
		if dir == w.dir {
			there = err == nil
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			w.log.Warn("model directory cannot be watched", "dir", dir, "error", err)
		}
	}
	return there
}

// run calls changed once after every burst of events, until ctx ends.
func (w *watcher) run(ctx context.Context, changed func()) {
	quiet, gone := time.NewTimer(settle), time.NewTimer(settle)
	quiet.Stop()
	gone.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.events.Events:
			if !w.follow() {
				gone.Reset(missing)
			}
			quiet.Reset(settle)
		case <-gone.C:
			if !w.follow() {
				gone.Reset(missing)
			} else {
				quiet.Reset(settle)
			}
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

// watch is a watcher at work, or nothing.
type watch struct{ stop func() }

// watchModels reloads whenever the models directory changes. A directory that
// cannot be watched costs the hot reload, not the service.
func (d *device) watchModels() {
	w, err := d.newWatch(d.cfg.Model)
	if err != nil {
		d.log.Warn("models are not watched; restart the daemon to load a new one", "error", err)
	}
	d.watch = w
	d.onClose(func() { d.watch.close() })
	// What came between the first look and the watch would go unseen.
	if all, err := candidates(d.cfg.Model); err == nil && !all[0].same(d.tried) {
		d.reloadModel()
	}
}

// newWatch watches the directory of a configuration until it is closed, or the
// daemon stops.
func (d *device) newWatch(c ModelConfig) (watch, error) {
	w, err := newWatcher(c.Dir, c.Name, d.log)
	if err != nil {
		return watch{}, err
	}
	ctx, cancel := context.WithCancel(d.ctx)
	done := make(chan struct{})
	go func() { defer close(done); w.run(ctx, d.reloadModel) }()
	return watch{func() {
		cancel()
		<-done
		if err := w.close(); err != nil {
			d.log.Warn("close failed", "what", "models watcher", "error", err)
		}
	}}, nil
}

func (w watch) close() {
	if w.stop != nil {
		w.stop()
	}
}
