package uplink

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// sector is what a disk writes whole or not at all, at best.
const sector = 512

// cut is a file as a power cut may leave it in the middle of one change, of which
// before and after are the file when all was synced. bbolt writes pages, syncs,
// writes one root, syncs. So either some sectors of the pages are there and the
// root is the old one, or all pages are there and the root is torn; and of a file
// that grew, the end may be missing or zero.
func cut(random *rand.Rand, before, after []byte) (file []byte, rootTouched bool) {
	roots := 2 * os.Getpagesize()
	file = append([]byte(nil), after...)
	if random.IntN(2) == 0 { // in the first sync
		copy(file[:roots], before[:roots])
		for at := roots; at < len(file); at += sector {
			end := min(at+sector, len(file))
			switch {
			case random.IntN(2) == 0: // it was written
			case at < len(before):
				copy(file[at:end], before[at:min(end, len(before))])
			default:
				clear(file[at:end])
			}
		}
		if len(after) > len(before) && random.IntN(3) == 0 {
			file = file[:len(before)]
		}
		return file, false
	}
	at := random.IntN(roots) // the new root is there up to a byte: worse than a sector
	copy(file[at:roots], before[at:roots])
	return file, true
}

// world is an outbox with what must be in it.
type world struct {
	t    *testing.T
	path string
	box  *outbox
	want map[string]entry // all that was acknowledged and not removed
}

func (w *world) file() []byte {
	w.t.Helper()
	data, err := os.ReadFile(w.path)
	if err != nil {
		w.t.Fatal(err)
	}
	return data
}

// change makes one random change.
func (w *world) change(random *rand.Rand, n int) {
	w.t.Helper()
	var some entry
	if ids := slices.Sorted(maps.Keys(w.want)); len(ids) > 0 {
		some = w.want[ids[random.IntN(len(ids))]]
	}
	var err error
	switch k := random.IntN(10); {
	case k < 5 || len(w.want) == 0:
		e := testEntry(fmt.Sprint("q", n))
		e.Question.Messages[0].Content = strings.Repeat("x", random.IntN(9000))
		if err = w.box.add(e); err == nil {
			w.want[e.Question.ID] = e
		}
	case k < 7:
		some.Attempts++
		if err = w.box.update(some); err == nil {
			w.want[some.Question.ID] = some
		}
	default:
		if err = w.box.remove(some.Question.ID); err == nil {
			delete(w.want, some.Question.ID)
		}
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// Whenever the power fails, everything that was acknowledged is there after the
// next start, everything that was finished is not, and the one change under way
// has happened whole or not at all. No file is taken for damaged.
func TestPowerCuts(t *testing.T) {
	t.Parallel()
	steps, cuts := 60, 6
	if testing.Short() {
		steps = 20
	}
	random := rand.New(rand.NewPCG(3, 4))
	w := &world{t: t, path: filepath.Join(t.TempDir(), "outbox.db"), want: map[string]entry{}}
	w.box, _ = openBox(t, w.path, 1000, 1<<22)
	rolledBack, done := 0, 0
	for n := range steps {
		before, wantBefore := w.file(), maps.Clone(w.want)
		w.change(random, n)
		after := w.file()
		for range cuts {
			file, rootTouched := cut(random, before, after)
			got := survivors(t, file)
			switch {
			case reflect.DeepEqual(got, wantBefore):
				rolledBack++
			case rootTouched && reflect.DeepEqual(got, w.want):
				done++
			default:
				t.Fatalf("step %d, root touched %v: %d questions are there, want %d or %d", n, rootTouched, len(got), len(wantBefore), len(w.want))
			}
		}
	}
	if rolledBack < steps || done < steps/2 {
		t.Errorf("%d changes were undone and %d done: the cuts are not in the middle", rolledBack, done)
	}
}

// survivors are the entries in a file after a power cut.
func survivors(t *testing.T, file []byte) map[string]entry {
	t.Helper()
	path := filepath.Join(t.TempDir(), "outbox.db")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	o, entries, err := openOutbox(path, 1000, 1<<22, quietLog)
	if err != nil {
		t.Fatal(err)
	}
	defer o.close()
	checkBox(t, o)
	if asides, _ := filepath.Glob(path + ".damaged-*"); len(asides) > 0 {
		t.Fatal("a power cut is taken for damage")
	}
	got := map[string]entry{}
	for _, e := range entries {
		got[e.Question.ID] = e
	}
	return got
}

// outcomes counts what reaches the application, by question.
type outcomes map[string]int

// The process may die at any moment of many questions' lives. What was accepted
// and not handed over before is handed over after the next start, once; what was
// handed over may come again only if the outbox could not note it any more.
func TestCrashAtAnyMoment(t *testing.T) {
	for seed := range uint64(12) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 5))
			path := filepath.Join(t.TempDir(), "outbox.db")
			first := newRig(t, true, path, nil)
			go first.answerAll(random.Uint64())
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			handed, asked := outcomes{}, map[string]*asking{}
			for i := range 20 {
				id := fmt.Sprint("q", i)
				patience, leave := context.WithTimeout(ctx, time.Duration(random.IntN(9000))*time.Millisecond)
				defer leave()
				asked[id] = first.ask(patience, id)
				time.Sleep(time.Duration(random.IntN(300)) * time.Millisecond)
			}

			// The crash: what is on disk now, and what the application has.
			crashed := copyFile(t, path)
			_, left := openBox(t, copyFile(t, crashed), 100, 1<<20)
			for id, a := range asked {
				if a.ended() && a.err == nil {
					handed[id]++
				}
			}
			for len(first.late) > 0 {
				handed[(<-first.late).id]++
			}
			for id, n := range handed {
				if n > 1 {
					t.Errorf("%s was handed over %d times by one process", id, n)
				}
			}

			second := newRig(t, true, crashed, nil)
			go second.answerAll(random.Uint64())
			for range left {
				l := <-second.late
				if l.err != nil || l.answer.Text != "because "+l.id {
					t.Errorf("late %+v", l)
				}
				handed[l.id]++
			}
			second.wantNothingElse()
			for id := range asked {
				again := slices.ContainsFunc(left, func(e entry) bool { return e.Question.ID == id })
				if n := handed[id]; n == 0 || n > 1 && !again || n > 2 {
					t.Errorf("seed %d: %s was handed over %d times; still in the outbox: %v", seed, id, n, again)
				}
			}
			cancel()
			for _, a := range asked {
				<-a.done
			}
			first.drain()
			first.stopAnswering()
			second.stopAnswering()
		})
	}
}

// ended reports whether the Ask has returned.
func (a *asking) ended() bool {
	select {
	case <-a.done:
		return true
	default:
		return false
	}
}

// answerAll is a worker that takes its time, until stopAnswering.
func (r *rig) answerAll(seed uint64) {
	random := rand.New(rand.NewPCG(seed, 6))
	for q := range r.link.sent {
		time.Sleep(time.Duration(random.IntN(400)) * time.Millisecond)
		r.reply(delta(q.ID, "r", 0, "because "), delta(q.ID, "r", 1, q.ID), done(q.ID, "r", 2))
	}
}

func (r *rig) stopAnswering() { close(r.link.sent) }

func (r *rig) wantNothingElse() {
	r.t.Helper()
	for r.Depth() > 0 {
		time.Sleep(time.Second)
	}
	if n := len(r.late); n > 0 {
		r.t.Errorf("%d more late answers", n)
	}
}

// drain waits until the outbox is empty.
func (r *rig) drain() {
	for r.Depth() > 0 {
		time.Sleep(time.Second)
	}
}
