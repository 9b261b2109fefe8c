package prefix

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// newStore is a store and its log.
func newStore(t *testing.T, dir string, maxBytes int64) (*Store, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	s, err := Open(dir, maxBytes, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return s, &log
}

func loads(s *Store, k Key) bool { return s.Load(k, func(int, []byte) error { return nil }) }

func TestStore(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state", "prefixes[1]")
	s, log := newStore(t, dir, 1<<20)
	if loads(s, key) {
		t.Error("an empty store has the file")
	}
	if err := s.Save(key, fill); err != nil {
		t.Fatal(err)
	}
	again, _ := newStore(t, dir, 1<<20)
	var got []byte
	if !again.Load(key, func(_ int, src []byte) error { got = append(got, src...); return nil }) || string(got) != "firstsecndthird" {
		t.Errorf("got %q", got)
	}
	other := key
	other.Identity[5]++
	if loads(again, other) {
		t.Error("another model uses the file")
	}
	if log.Len() > 0 {
		t.Errorf("the log has %s", log)
	}
	info, err := os.Stat(s.path(key))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file's mode is %v, error %v", info.Mode(), err)
	}
}

// A file that is damaged, or about something else, or none at all, is ignored
// with one line, and can be replaced.
func TestBadFilesAreIgnored(t *testing.T) {
	t.Parallel()
	other := key
	other.Tokens = []int32{1, 2, 3, 4, 5, 6}
	cases := map[string]func(path string) error{
		"truncated": func(path string) error { return os.Truncate(path, 70) },
		"empty":     func(path string) error { return os.Truncate(path, 0) },
		"oversize":  func(path string) error { return os.Truncate(path, 1<<33) },
		"damaged": func(path string) error {
			file := encode(t, key)
			file[len(file)-5]++
			return os.WriteFile(path, file, 0o600)
		},
		"foreign":    func(path string) error { return os.WriteFile(path, encode(t, other), 0o600) },
		"directory":  func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) },
		"unreadable": func(path string) error { return errors.Join(os.Remove(path), os.Symlink(path, path)) },
	}
	for name, spoil := range cases {
		s, log := newStore(t, t.TempDir(), 1<<20)
		if err := errors.Join(s.Save(key, fill), spoil(s.path(key))); err != nil {
			t.Fatal(err)
		}
		if loads(s, key) {
			t.Errorf("%s: the file was used", name)
		}
		if lines := strings.Count(log.String(), "\n"); lines != 1 || !strings.Contains(log.String(), "ignored") {
			t.Errorf("%s: the log has %q", name, log)
		}
		if name == "directory" {
			continue
		}
		if err := s.Save(key, fill); err != nil || !loads(s, key) {
			t.Errorf("%s: the file was not replaced: %v", name, err)
		}
	}
}

// What was used last stays.
func TestStoreIsBounded(t *testing.T) {
	t.Parallel()
	size := int64(key.size())
	s, _ := newStore(t, t.TempDir(), 3*size)
	numbered := func(n int) Key {
		k := key
		k.Identity[0] = byte(n)
		return k
	}
	old := time.Now().Add(-time.Hour)
	for n := range 3 {
		if err := s.Save(numbered(n), fill); err != nil {
			t.Fatal(err)
		}
		at := old.Add(time.Duration(n) * time.Minute)
		if err := os.Chtimes(s.path(numbered(n)), at, at); err != nil {
			t.Fatal(err)
		}
	}
	if !loads(s, numbered(0)) { // used now
		t.Fatal("the first file is gone already")
	}
	if err := s.Save(numbered(3), fill); err != nil {
		t.Fatal(err)
	}
	for n, want := range []bool{true, false, true, true} {
		if loads(s, numbered(n)) != want {
			t.Errorf("file %d is there: %v", n, !want)
		}
	}
	tight, _ := newStore(t, s.dir, size-1) // opened with less, it keeps to that
	if err := tight.Save(key, fill); err == nil || len(tight.glob("*")) != 0 {
		t.Errorf("a file larger than the store: error %v, files %v", err, tight.glob("*"))
	}
	many, _ := newStore(t, t.TempDir(), 1<<30)
	for n := range MaxFiles + 3 {
		if err := many.Save(numbered(n), fill); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(many.glob("*.kv")); n != MaxFiles {
		t.Errorf("%d files", n)
	}
}

// A file that could not be written leaves nothing behind.
func TestFailedSave(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t, t.TempDir(), 1<<20)
	gone := errors.New("the engine is closed")
	if err := s.Save(key, func(int, []byte) error { return gone }); !errors.Is(err, gone) {
		t.Errorf("error %v", err)
	}
	if left := s.glob("*"); len(left) != 0 {
		t.Errorf("files %v", left)
	}
	if err := os.WriteFile(filepath.Join(s.dir, "1.new"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if s, _ = newStore(t, s.dir, 1<<20); len(s.glob("*")) != 0 {
		t.Error("what a killed process left behind stays")
	}
}
