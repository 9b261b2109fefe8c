package uplink

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settling is how long several files have to be replaced together.
const settling = time.Second

// watchFiles calls changed when the files of b hold something else that can be
// used, until ctx ends. It watches their directories: a file that is replaced by
// a rename, or behind a link that is switched, is not the one that was opened.
func watchFiles(ctx context.Context, b Broker, changed func(), log *slog.Logger) {
	files := b.files()
	if len(files) == 0 {
		return
	}
	w, err := fsnotify.NewWatcher()
	if err != nil {
		log.Warn("the broker's files are not watched; a change counts from the next connection on", "err", err)
		return
	}
	defer w.Close()
	for _, path := range files {
		if err := w.Add(filepath.Dir(path)); err != nil {
			log.Warn("a file of the broker is not watched; a change counts from the next connection on", "file", path, "err", err)
		}
	}
	follow(ctx, w, b, changed, log)
}

func follow(ctx context.Context, w *fsnotify.Watcher, b Broker, changed func(), log *slog.Logger) {
	seen := digest(b.files())
	look := time.After(0) // there may have been a change before the watch began
	for {
		select {
		case <-w.Events:
			look = soon(look)
			continue
		case <-w.Errors: // events were lost
			look = soon(look)
			continue
		case <-ctx.Done():
			return
		case <-look:
			look = nil
		}
		now := digest(b.files())
		if now == seen {
			continue
		}
		seen = now
		if _, err := b.ClientOptions(); err != nil {
			log.Warn("the broker's files have changed and cannot be used; the connection stays as it is", "err", err)
			continue
		}
		changed()
	}
}

// soon is look, or one if there is none: what changes all the time is looked at too.
func soon(look <-chan time.Time) <-chan time.Time {
	if look != nil {
		return look
	}
	return time.After(settling)
}

// digest is of the contents; a file that cannot be read has none.
func digest(files []string) (sum [sha256.Size]byte) {
	h := sha256.New()
	for _, path := range files {
		text, _ := os.ReadFile(path)
		one := sha256.Sum256(text)
		h.Write(one[:])
	}
	return [sha256.Size]byte(h.Sum(nil))
}
