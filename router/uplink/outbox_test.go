package uplink

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/a472be26/cusp/router"
)

var quietLog = slog.New(slog.DiscardHandler)

func testEntry(id string) entry {
	return entry{
		Question: router.Question{ID: id, Messages: []router.Message{{Role: "user", Content: "hi"}}},
		Enqueued: time.Unix(100, 0).UTC(), Expires: time.Unix(200, 0).UTC(), State: stateWaiting,
	}
}

// openBox opens an outbox whose file is checked for consistency at the end.
func openBox(t *testing.T, path string, count int, bytes int64) (*outbox, []entry) {
	t.Helper()
	o, entries, err := openOutbox(path, count, bytes, quietLog)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		checkBox(t, o)
		o.close()
	})
	return o, entries
}

func checkBox(t *testing.T, o *outbox) {
	t.Helper()
	var bytes int64
	err := o.db.View(func(tx *bolt.Tx) error {
		for err := range tx.Check() {
			t.Errorf("outbox is inconsistent: %v", err)
		}
		return tx.Bucket(bucket).ForEach(func(_, v []byte) error { bytes += int64(len(v)); return nil })
	})
	if err != nil && !errors.Is(err, bolt.ErrDatabaseNotOpen) {
		t.Error(err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if err == nil && bytes != o.bytes {
		t.Errorf("outbox counts %d bytes, the file has %d", o.bytes, bytes)
	}
}

// copyFile copies the outbox as a kill would leave it: without any cleanup.
func copyFile(t *testing.T, from string) string {
	t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "copy.db")
	if err := os.WriteFile(to, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return to
}

func TestOutboxSurvivesAKill(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "outbox.db")
	o, _ := openBox(t, path, 10, 1<<20)
	a, b, c := testEntry("a"), testEntry("b"), testEntry("c")
	b.Enqueued = b.Enqueued.Add(-time.Second)
	for _, e := range []entry{a, b, c} {
		if err := o.add(e); err != nil {
			t.Fatal(err)
		}
	}
	a.State, a.Answer, a.Attempts = stateAnswered, &router.CloudAnswer{Text: "yes"}, 2
	if err := errors.Join(o.update(a), o.remove("c")); err != nil {
		t.Fatal(err)
	}
	again, entries := openBox(t, copyFile(t, path), 10, 1<<20)
	if want := []entry{b, a}; !reflect.DeepEqual(entries, want) {
		t.Errorf("entries %+v, want %+v", entries, want)
	}
	if again.count() != 2 {
		t.Errorf("count %d, want 2", again.count())
	}
}

func TestOutboxBounds(t *testing.T) {
	t.Parallel()
	o, _ := openBox(t, filepath.Join(t.TempDir(), "outbox.db"), 3, 1000)
	var wg sync.WaitGroup
	var mu sync.Mutex
	full := 0
	for i := range 20 {
		wg.Go(func() {
			err := o.add(testEntry(fmt.Sprint("q", i)))
			mu.Lock()
			defer mu.Unlock()
			if errors.Is(err, ErrOutboxFull) {
				full++
			} else if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if full != 17 || o.count() != 3 {
		t.Errorf("%d were refused and %d taken, want 17 and 3", full, o.count())
	}
	large := testEntry("large")
	large.Question.Messages[0].Content = strings.Repeat("x", 1000)
	if err := o.remove(firstID(o)); err != nil {
		t.Fatal(err)
	}
	if err := o.add(large); !errors.Is(err, ErrOutboxFull) || !strings.Contains(err.Error(), "bytes") {
		t.Errorf("a question beyond the bytes: %v", err)
	}
}

func firstID(o *outbox) string {
	for id := range o.sizes {
		return id
	}
	return ""
}

func TestOutboxThatCannotGrowLosesNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "outbox.db")
	o, _ := openBox(t, path, 1000, 1<<20)
	o.db.MaxSize = 64 << 10 // the file itself is refused more room
	big := strings.Repeat("x", 5000)
	var accepted []string
	var failed error
	for i := 0; failed == nil && i < 100; i++ {
		e := testEntry(fmt.Sprint("q", i))
		e.Question.Messages[0].Content = big
		if failed = o.add(e); failed == nil {
			accepted = append(accepted, e.Question.ID)
		}
	}
	if failed == nil || errors.Is(failed, ErrOutboxFull) || len(accepted) == 0 {
		t.Fatalf("%d were accepted, then: %v", len(accepted), failed)
	}
	_, entries := openBox(t, copyFile(t, path), 1000, 1<<20)
	if len(entries) != len(accepted) || o.count() != len(accepted) {
		t.Errorf("%d entries in the file and %d counted, want the %d accepted", len(entries), o.count(), len(accepted))
	}
}

func TestOutboxOpenErrorsNameTheFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	held := filepath.Join(dir, "held.db")
	openBox(t, held, 1, 1000)
	for path, part := range map[string]string{held: "another process", filepath.Join(dir, "no", "such"): "no such file"} {
		_, _, err := openOutbox(path, 1, 1000, quietLog)
		checkError(t, err, part)
	}
}
