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
// is not there cannot be watched. seldom is how often it is looked whether it is
// there: of a directory that is also mounted elsewhere, as in a unit's sandbox,
// the deletion is no event.
const (
	missing = 2 * time.Second
	seldom  = time.Minute
)

// watcher reports changes of MODELS and MODELS/NAME. It watches directories,
// because a watched file that is replaced by rename is lost from sight.
type watcher struct {
	dir    string // MODELS
	sub    string // MODELS/NAME
	events *fsnotify.Watcher
	seen   os.FileInfo // MODELS as it was last seen; nil: it was not there
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
// again after every event and now and then, since the directories may have been
// made anew. there is false without MODELS; anew is true for another one than
// before, or for none where one was.
func (w *watcher) follow() (there, anew bool) {
	for _, dir := range []string{w.dir, w.sub} {
		if err := w.events.Add(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			w.log.Warn("model directory cannot be watched", "dir", dir, "error", err)
		}
	}
	info, err := os.Stat(w.dir)
	if err != nil {
		anew = w.seen != nil
		w.seen = nil
		return false, anew
	}
	anew = w.seen == nil || !os.SameFile(w.seen, info)
	w.seen = info
	return true, anew
}

// run calls changed once after every burst of events, until ctx ends.
func (w *watcher) run(ctx context.Context, changed func()) {
	quiet, again := time.NewTimer(settle), time.NewTimer(seldom)
	quiet.Stop()
	for {
		news := false
		select {
		case <-ctx.Done():
			return
		case <-w.events.Events:
			news = true
		case err := <-w.events.Errors:
			// Events may have been lost: look for ourselves.
			w.log.Warn("watching models", "error", err)
			news = true
		case <-again.C:
		case <-quiet.C:
			changed()
		}
		there, anew := w.follow()
		if news || anew {
			quiet.Reset(settle)
		}
		again.Reset(seldom)
		if !there {
			again.Reset(missing)
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
