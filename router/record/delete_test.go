package record

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/a472be26/cusp/router"
)

// What is deleted is in no file any more; what is left is whole, and recording goes on.
func TestDelete(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	o := Options{MaxBytes: 64 << 10, SegmentBytes: 1 << 10}
	l := mustOpen(t, dir, o)
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 20 {
		e := entryFor(string(rune('a'+i)), router.RouteCloud, "answer of "+string(rune('a'+i)))
		e.Receipt.Time = start.Add(time.Duration(i) * time.Hour)
		mustAppend(t, l, e)
	}
	n, err := l.Delete(Which([]string{"c", "t", "nobody"}, time.Time{}))
	if err != nil || n != 2 {
		t.Errorf("deleted %d, %v", n, err)
	}
	if n, err := l.Delete(Which(nil, start.Add(90*time.Minute))); err != nil || n != 2 {
		t.Errorf("deleted %d by age, %v", n, err)
	}
	mustAppend(t, l, entryFor("new", router.RouteCloud, "x"))
	want := "d e f g h i j k l m n o p q r s new"
	if got := ids(t, l); got != want {
		t.Errorf("left %q, want %q", got, want)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil || bytes.Contains(text, []byte("answer of c")) || bytes.Contains(text, []byte(`u003ct`)) || strings.HasSuffix(f, ".tmp") {
			t.Errorf("%s: %s, %v", f, text, err)
		}
	}
	l.Close()
	if got := ids(t, mustOpen(t, dir, o)); got != want {
		t.Errorf("after reopening %q", got)
	}
}

// A crash in the middle of a deletion leaves files that hold what should be gone.
func TestUnfinishedDeletionIsRemoved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := mustOpen(t, dir, Options{})
	mustAppend(t, l, entryFor("a", router.RouteLocal, "1"))
	l.Close()
	left := filepath.Join(dir, "rewrite-1.tmp")
	if err := os.WriteFile(left, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := ids(t, mustOpen(t, dir, Options{})); got != "a" {
		t.Errorf("entries %q", got)
	}
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there: %v", left, err)
	}
}

func TestOneProcessWrites(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := mustOpen(t, dir, Options{})
	if _, err := Open(dir, Options{}); !errors.Is(err, ErrLocked) {
		t.Errorf("second writer: %v", err)
	}
	l.Close()
	mustOpen(t, dir, Options{})
}

func TestMetadataOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := mustOpen(t, dir, Options{WithoutText: true})
	e := entryFor("a", router.RouteCloud, "answer")
	e.Question.User = "somebody"
	mustAppend(t, l, e)
	text, err := os.ReadFile(segmentPath(dir, 1))
	if err != nil || bytes.Contains(text, []byte("灯")) || bytes.Contains(text, []byte("answer\":\"answer")) || bytes.Contains(text, []byte("somebody")) {
		t.Errorf("%s, %v", text, err)
	}
	if got, ok, _ := l.Get("a"); !ok || got.Receipt.Reason != "test" {
		t.Errorf("the receipt is gone: %+v", got)
	}
}

// Any single bit that flips costs the line that it is in, and with a line feed the
// one beside it, but never another, and never a false entry.
func TestFlippedBits(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := mustOpen(t, dir, Options{})
	mustAppend(t, l, entryFor("a", router.RouteLocal, "1"), entryFor("b", router.RouteLocal, "2"), entryFor("c", router.RouteLocal, "3"), entryFor("d", router.RouteLocal, "4"))
	l.Close()
	whole, err := os.ReadFile(segmentPath(dir, 1))
	if err != nil {
		t.Fatal(err)
	}
	line := len(whole) / 4
	view := &Log{dir: t.TempDir(), o: l.o}
	for i := line; i < 2*line; i++ { // somewhere in b
		for _, bit := range []int{0, 5, 7} {
			broken := bytes.Clone(whole)
			broken[i] ^= 1 << bit
			if err := os.WriteFile(segmentPath(view.dir, 1), broken, 0o600); err != nil {
				t.Fatal(err)
			}
			want := map[string]bool{"a c d": true, "a b c d": true} // a flip in the letter case of the checksum's name would be read
			if whole[i] == '\n' {
				want = map[string]bool{"a d": true}
			}
			got := ids(t, view)
			if !want[got] {
				t.Fatalf("bit %d of byte %d (%q): entries %q", bit, i, whole[i], got)
			}
			if got == "a b c d" {
				if e, _, err := view.Get("b"); err != nil || e.Answer != "2" || e.LocalAnswer != "local b" {
					t.Fatalf("bit %d of byte %d (%q): entry %+v", bit, i, whole[i], e)
				}
			}
		}
	}
}
