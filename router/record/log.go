// Package record keeps what happened to every question: append-only files of
// JSON lines, one entry a line, each with a checksum.
//
// Promises: an entry whose Append returned survives the death of the process
// at once, and the loss of power after at most Options.SyncEvery. A line that
// a crash left half written is cut off at the next Open; a line damaged later
// is skipped with a
// warning and costs no other. Of private questions only the
// receipt is kept. The files together stay within Options.MaxBytes; the
// oldest go first.
package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/a472be26/cusp/router"
)

// Options of [Open]. Zero values take the defaults named here.
type Options struct {
	MaxBytes     int64         // of all files, 64 MiB
	SegmentBytes int64         // of one file, an eighth of MaxBytes
	SyncEvery    time.Duration // longest wait until an entry is synced, 1 s; negative syncs within every Append
	WithoutText  bool          // keep receipts only
	ReadOnly     bool          // for looking at the records of a running daemon
	Log          *slog.Logger
}

// Log is an open set of records. Safe for concurrent use.
type Log struct {
	dir    string
	o      Options
	locked *os.File // held open while this is the one that writes

	mu      sync.Mutex // guards the fields below and the order of writes
	file    *os.File   // the newest segment; nil if read-only or closed
	current segment
	timer   *time.Timer // pending sync, nil without one
	syncErr error       // of the last timed sync, reported by the next Append
}

// Errors of the methods of [Log].
var (
	ErrClosed   = errors.New("records are closed")
	ErrTooLarge = errors.New("record is too large")
	ErrLocked   = errors.New("another process writes these records")
)

// Open opens the records in dir, which it creates, and cuts off what a crash
// left of a last line.
func Open(dir string, o Options) (*Log, error) {
	if o.MaxBytes <= 0 {
		o.MaxBytes = 64 << 20
	}
	if o.SegmentBytes <= 0 {
		o.SegmentBytes = max(o.MaxBytes/8, 1)
	}
	if o.SyncEvery == 0 {
		o.SyncEvery = time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	l := &Log{dir: dir, o: o}
	if o.ReadOnly {
		_, err := segments(dir)
		return l, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open records: %w", err)
	}
	var err error
	if l.locked, err = lock(dir); err == nil {
		err = errors.Join(removeUnfinished(dir), l.resume())
	}
	if err != nil {
		l.locked.Close() // of nil it is nothing but an error
		return nil, fmt.Errorf("open records %s: %w", dir, err)
	}
	return l, nil
}

// resume opens the newest segment for appending, or starts the first.
func (l *Log) resume() error {
	all, err := segments(l.dir)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return l.start(1)
	}
	last := all[len(all)-1]
	end, err := soundEnd(last.path, last.size)
	if err != nil {
		return err
	}
	if end < last.size {
		l.o.Log.Warn("cut off the torn end of the records", "file", last.path, "bytes", last.size-end)
	}
	f, err := os.OpenFile(last.path, os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Truncate(end), f.Sync()); err != nil {
		f.Close()
		return err
	}
	last.size = end
	l.file, l.current = f, last
	return nil
}

// start makes segment number the newest.
func (l *Log) start(number int) error {
	path := segmentPath(l.dir, number)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(own(f, l.dir), syncDir(l.dir)); err != nil {
		f.Close()
		return err
	}
	l.file, l.current = f, segment{number: number, path: path}
	return nil
}

// Append adds e. An error means that e is not in the records, or, when it
// names an earlier sync, that earlier entries may not survive a loss of power.
func (l *Log) Append(e Entry) error {
	if l.o.WithoutText || e.Question.Privacy != router.Public {
		e = e.WithoutText()
	}
	text, err := encode(e)
	if err != nil {
		return fmt.Errorf("append record %s: %w", e.id(), err)
	}
	if int64(len(text)) > min(maxLine, l.o.SegmentBytes) {
		return fmt.Errorf("append record %s: %w: %d bytes, at most %d", e.id(), ErrTooLarge, len(text), min(maxLine, l.o.SegmentBytes))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return ErrClosed
	}
	if l.current.size+int64(len(text)) > l.o.SegmentBytes && l.current.size > 0 {
		if err := l.rotate(); err != nil {
			return fmt.Errorf("append record %s: rotate: %w", e.id(), err)
		}
	}
	if err := l.write(text); err != nil {
		return fmt.Errorf("append record %s: %w", e.id(), err)
	}
	return l.scheduleSync()
}

// write adds one line whole or not at all. The caller holds mu.
func (l *Log) write(text []byte) error {
	if _, err := l.file.Write(text); err != nil {
		return errors.Join(err, l.file.Truncate(l.current.size)) // a full disk must not leave half a line
	}
	l.current.size += int64(len(text))
	return nil
}

// scheduleSync syncs now or soon. The caller holds mu.
func (l *Log) scheduleSync() error {
	if l.o.SyncEvery < 0 {
		return l.file.Sync()
	}
	if l.timer == nil {
		l.timer = time.AfterFunc(l.o.SyncEvery, l.timedSync)
	}
	err := l.syncErr
	l.syncErr = nil
	return err
}

// Sync returns once all that was appended survives a loss of power.
func (l *Log) Sync() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return ErrClosed
	}
	if err := l.file.Sync(); err != nil {
		return fmt.Errorf("sync records: %w", err)
	}
	return nil
}

func (l *Log) timedSync() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.timer = nil
	if l.file == nil {
		return
	}
	if err := l.file.Sync(); err != nil {
		l.syncErr = fmt.Errorf("earlier records were not synced: %w", err)
	}
}

// rotate starts the next segment and deletes the oldest ones. The caller holds mu.
func (l *Log) rotate() error {
	old := l.file
	if err := old.Sync(); err != nil {
		return err
	}
	if err := l.start(l.current.number + 1); err != nil {
		return err
	}
	old.Close() // synced above
	return l.prune()
}

// prune makes room for one full segment within MaxBytes.
func (l *Log) prune() error {
	all, err := segments(l.dir)
	if err != nil {
		return err
	}
	total := l.o.SegmentBytes
	for _, s := range all {
		total += s.size
	}
	for _, s := range all {
		if total <= l.o.MaxBytes || s.number == l.current.number {
			break
		}
		if err := os.Remove(s.path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		total -= s.size
	}
	return nil
}

// Get returns the latest entry for a question's id.
func (l *Log) Get(id string) (Entry, bool, error) {
	needle, err := json.Marshal(id)
	if err != nil {
		return Entry{}, false, err
	}
	all, err := segments(l.dir)
	if err != nil {
		return Entry{}, false, err
	}
	for i := len(all) - 1; i >= 0; i-- {
		var latest Entry
		found := false
		err := l.entries(all[i].path, needle, func(e Entry) error {
			if e.id() == id {
				latest, found = e, true
			}
			return nil
		})
		if err != nil || found {
			return latest, found, err
		}
	}
	return Entry{}, false, nil
}

// Each calls visit for every entry, oldest first, until visit returns an
// error, which Each returns. Broken lines are skipped.
func (l *Log) Each(visit func(Entry) error) error {
	all, err := segments(l.dir)
	if err != nil {
		return err
	}
	for _, s := range all {
		if err := l.entries(s.path, nil, visit); err != nil {
			return err
		}
	}
	return nil
}

// entries visits the sound lines of one file that contain needle.
func (l *Log) entries(path string, needle []byte, visit func(Entry) error) error {
	return scan(path, needle, func(text []byte, end int64) error {
		e, err := decode(text)
		if err == nil {
			return visit(e)
		}
		if text[len(text)-1] == '\n' { // else it is just being written
			l.o.Log.Warn("skipped a broken record", "file", path, "before_byte", end, "err", err)
		}
		return nil
	})
}

// Close syncs and closes.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	if l.timer != nil {
		l.timer.Stop()
	}
	err := errors.Join(l.file.Sync(), l.file.Close())
	l.file = nil
	l.locked.Close() // where there are no locks, of nil
	return err
}

// syncDir makes new names in dir durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
