package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/a472be26/cusp/router"
)

func entryFor(id string, route router.Route, answer string) Entry {
	return Entry{
		Question:    router.Question{ID: id, Messages: []router.Message{{Role: "user", Content: "question <" + id + "> 灯"}}},
		Answer:      answer,
		Receipt:     router.Receipt{ID: id, Route: route, Reason: "test"},
		LocalAnswer: "local " + id,
	}
}

func mustOpen(t *testing.T, dir string, o Options) *Log {
	t.Helper()
	l, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func mustAppend(t *testing.T, l *Log, entries ...Entry) {
	t.Helper()
	for _, e := range entries {
		if err := l.Append(e); err != nil {
			t.Fatal(err)
		}
	}
}

func ids(t *testing.T, l *Log) string {
	t.Helper()
	var all []string
	if err := l.Each(func(e Entry) error { all = append(all, e.id()); return nil }); err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, " ")
}

func TestGetReturnsTheLatestEntry(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := mustOpen(t, dir, Options{})
	mustAppend(t, l, entryFor("a", router.RouteProvisional, "first"), entryFor("b", router.RouteLocal, "b"), entryFor("a", router.RouteCloud, "second"))
	for _, view := range []*Log{l, mustOpen(t, dir, Options{ReadOnly: true})} {
		e, ok, err := view.Get("a")
		if err != nil || !ok || e.Answer != "second" || e.Question.Messages[0].Content != "question <a> 灯" {
			t.Errorf("Get(a) = %+v, %v, %v", e, ok, err)
		}
		if _, ok, err := view.Get("c"); ok || err != nil {
			t.Errorf("Get(c) = %v, %v", ok, err)
		}
	}
	if err := mustOpen(t, dir, Options{ReadOnly: true}).Append(Entry{}); !errors.Is(err, ErrClosed) {
		t.Errorf("append to a read-only log: %v", err)
	}
}

func TestPrivateQuestionsLeaveNoText(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := mustOpen(t, dir, Options{})
	e := entryFor("secret-id", router.RouteLocal, "confidential answer")
	e.Question.Privacy = router.Private
	e.Question.Options.Tools = json.RawMessage(`["confidential tool"]`)
	mustAppend(t, l, e)
	text, err := os.ReadFile(segmentPath(dir, 1))
	if err != nil {
		t.Fatal(err)
	}
	for _, leak := range []string{"question <", "confidential", "local secret-id"} {
		if bytes.Contains(text, []byte(leak)) {
			t.Errorf("file contains %q: %s", leak, text)
		}
	}
	if got, ok, _ := l.Get("secret-id"); !ok || got.Receipt.Reason != "test" || got.Question.Privacy != router.Private {
		t.Errorf("the receipt is gone: %+v", got)
	}
}

func TestTornTailIsCutAndNothingElse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := mustOpen(t, dir, Options{})
	mustAppend(t, l, entryFor("a", router.RouteLocal, "1"), entryFor("b", router.RouteLocal, "2"))
	l.Close()
	whole, err := os.ReadFile(segmentPath(dir, 1))
	if err != nil {
		t.Fatal(err)
	}
	first := bytes.IndexByte(whole, '\n') + 1
	for cut := first; cut < len(whole); cut += 7 {
		fresh := t.TempDir()
		if err := os.WriteFile(segmentPath(fresh, 1), whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		again := mustOpen(t, fresh, Options{})
		mustAppend(t, again, entryFor("c", router.RouteLocal, "3"))
		if got := ids(t, again); got != "a c" {
			t.Errorf("after a cut at %d of %d: %q, want \"a c\"", cut, len(whole), got)
		}
	}
}

func TestAlteredLineIsSkippedWithAWarning(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := mustOpen(t, dir, Options{})
	mustAppend(t, l, entryFor("a", router.RouteLocal, "1"), entryFor("b", router.RouteLocal, "2"), entryFor("c", router.RouteLocal, "3"))
	l.Close()
	path := segmentPath(dir, 1)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.Replace(text, []byte(`"answer":"2"`), []byte(`"answer":"9"`), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	var warnings bytes.Buffer
	l = mustOpen(t, dir, Options{Log: slog.New(slog.NewTextHandler(&warnings, nil))})
	if got := ids(t, l); got != "a c" || strings.Count(warnings.String(), "skipped a broken record") != 1 {
		t.Errorf("entries %q, want \"a c\"; warnings:\n%s", got, warnings.String())
	}
}

func TestRotationStaysWithinTheBound(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	o := Options{MaxBytes: 8 << 10, SegmentBytes: 1 << 10, SyncEvery: -1}
	l := mustOpen(t, dir, o)
	for i := range 100 {
		mustAppend(t, l, entryFor(fmt.Sprint("q", i), router.RouteLocal, "x"))
		total := int64(0)
		files, _ := filepath.Glob(filepath.Join(dir, "*.jsonl"))
		for _, f := range files {
			info, err := os.Stat(f)
			if err != nil {
				t.Fatal(err)
			}
			total += info.Size()
		}
		if total > o.MaxBytes {
			t.Fatalf("%d bytes after %d entries, at most %d may lie there", total, i+1, o.MaxBytes)
		}
	}
	if _, ok, err := l.Get("q99"); !ok || err != nil {
		t.Errorf("the newest entry is gone: %v", err)
	}
	if _, ok, _ := l.Get("q0"); ok {
		t.Error("the oldest entry is still there")
	}
	l.Close()
	if got := ids(t, mustOpen(t, dir, o)); !strings.HasSuffix(got, "q98 q99") {
		t.Errorf("after reopening: %q", got)
	}
	if err := mustOpen(t, t.TempDir(), o).Append(entryFor("big", router.RouteLocal, strings.Repeat("x", 2000))); !errors.Is(err, ErrTooLarge) {
		t.Errorf("an entry beyond a segment: %v", err)
	}
}

func TestExport(t *testing.T) {
	t.Parallel()
	l := mustOpen(t, t.TempDir(), Options{})
	private := entryFor("p", router.RouteCloud, "never")
	private.Question.Privacy = router.Private
	mustAppend(t, l,
		entryFor("easy", router.RouteLocal, "never"), entryFor("hard", router.RouteCloud, "old"), private,
		entryFor("late", router.RouteProvisional, "never"), entryFor("hard", router.RouteCloud, "<new>"), entryFor("late", router.RouteCloud, "good"))
	var out bytes.Buffer
	n, err := l.Export(&out, ExportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"messages":[{"role":"user","content":"question <hard> 灯"},{"role":"assistant","content":"<new>"}]}
{"messages":[{"role":"user","content":"question <late> 灯"},{"role":"assistant","content":"good"}]}
`
	if n != 2 || out.String() != want {
		t.Errorf("exported %d:\n%s\nwant:\n%s", n, out.String(), want)
	}
}

func TestConcurrentAppends(t *testing.T) {
	t.Parallel()
	l := mustOpen(t, t.TempDir(), Options{SegmentBytes: 4 << 10})
	done := make(chan error)
	for i := range 20 {
		go func() {
			var err error
			for j := range 20 {
				err = errors.Join(err, l.Append(entryFor(fmt.Sprintf("q%d-%d", i, j), router.RouteLocal, "x")))
			}
			done <- err
		}()
	}
	for range 20 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if n := len(strings.Fields(ids(t, l))); n != 400 {
		t.Errorf("%d entries, want 400", n)
	}
}

func FuzzDecode(f *testing.F) {
	good, err := encode(entryFor("a", router.RouteCloud, "answer"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add([]byte(`{"crc":"00000000","entry":{}}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, text []byte) {
		e, err := decode(text)
		if err != nil {
			return
		}
		again, err := encode(e)
		if err != nil {
			t.Fatalf("decoded entry cannot be encoded: %v", err)
		}
		if _, err := decode(again); err != nil {
			t.Fatalf("encoded entry cannot be decoded: %v", err)
		}
	})
}
