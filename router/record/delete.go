package record

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Delete removes all entries for which gone is true, and returns how many there
// were. Files that have any are written anew without them, and without broken lines,
// which could hold anything; a crash in between leaves each file as it was or as it
// shall be, so that it can be done again. With an error some may be left.
func (l *Log) Delete(gone func(Entry) bool) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return 0, ErrClosed
	}
	if l.current.size > 0 { // what is appended goes into a file of its own from here on
		if err := l.rotate(); err != nil {
			return 0, fmt.Errorf("delete records: rotate: %w", err)
		}
	}
	all, err := segments(l.dir)
	if err != nil {
		return 0, err
	}
	total := 0
	for _, s := range all {
		if s.number == l.current.number {
			continue
		}
		n, err := l.rewrite(s.path, gone)
		if total += n; err != nil {
			return total, fmt.Errorf("delete records: %w", err)
		}
	}
	return total, syncDir(l.dir)
}

// rewrite replaces a file by one without what is gone, if anything is.
func (l *Log) rewrite(path string, gone func(Entry) bool) (removed int, err error) {
	f, err := os.CreateTemp(l.dir, temporary)
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name()) // after the rename there is nothing left under this name
	defer f.Close()
	out, kept := bufio.NewWriter(f), 0
	err = scan(path, nil, func(text []byte, _ int64) error {
		e, err := decode(text)
		switch {
		case err != nil:
			return nil
		case gone(e):
			removed++
			return nil
		}
		kept++
		_, err = out.Write(text)
		return err
	})
	if err != nil || removed == 0 {
		return 0, err
	}
	if kept == 0 {
		return removed, os.Remove(path)
	}
	if err := errors.Join(own(f, l.dir), out.Flush(), f.Sync()); err != nil {
		return 0, err
	}
	return removed, os.Rename(f.Name(), path)
}

// temporary is the pattern of unfinished files.
const temporary = "rewrite-*.tmp"

// removeUnfinished removes what a crash left of a deletion: it may hold what should
// be gone.
func removeUnfinished(dir string) error {
	files, err := filepath.Glob(filepath.Join(strings.NewReplacer("*", `\*`, "?", `\?`, "[", `\[`).Replace(dir), temporary))
	for _, f := range files {
		err = errors.Join(err, os.Remove(f))
	}
	return err
}

// Which is true for entries with one of the ids, or, if before is not zero, of an
// earlier time.
func Which(ids []string, before time.Time) func(Entry) bool {
	return func(e Entry) bool {
		return slices.Contains(ids, e.id()) || !before.IsZero() && e.Receipt.Time.Before(before)
	}
}
