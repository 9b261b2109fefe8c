package daemon

import (
	"testing"
	"testing/synctest"
	"time"
)

// While something is computed there is a tick every so often and one at the end; an
// idle device does nothing, for however long.
func TestTicksOnlyWhileThereIsWork(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := 0
		w := &work{every: time.Second, tick: func() { n++ }}
		pass := func(d time.Duration, want int, when string) {
			t.Helper()
			time.Sleep(d)
			synctest.Wait()
			if n != want {
				t.Errorf("%d ticks %s, want %d", n, when, want)
			}
		}
		pass(time.Hour, 0, "before any work")
		first := w.begin()
		pass(2500*time.Millisecond, 2, "in a long work")
		second := w.begin()
		pass(time.Second, 3, "with a second one")
		if !w.busy() {
			t.Error("not busy")
		}
		first()
		pass(0, 3, "as long as one goes on")
		second()
		pass(0, 4, "at the end")
		if w.busy() {
			t.Error("busy")
		}
		pass(time.Hour, 4, "in an hour of rest")
		w.begin()()
		pass(time.Hour, 5, "after a short work")
	})
}
