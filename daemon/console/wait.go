package console

import (
	"fmt"
	"sync"
	"time"
)

// patience is after how long a terminal is told that an answer is waited for.
const patience = time.Second

// waiting counts the seconds at the terminal until the answer begins.
type waiting struct {
	over chan struct{}
	once sync.Once
	done sync.WaitGroup
}

// wait begins to count; without a terminal nothing is shown.
func (c *conversation) wait() *waiting {
	w := &waiting{over: make(chan struct{})}
	if !c.terminal {
		return w
	}
	w.done.Go(func() {
		tick := time.NewTicker(patience)
		defer tick.Stop()
		for seconds := 1; ; seconds++ {
			select {
			case <-w.over:
				if seconds > 1 {
					fmt.Fprint(c.err, "\r\x1b[K")
				}
				return
			case <-tick.C:
				fmt.Fprintf(c.err, "\r%s", c.style.dim(fmt.Sprintf("waiting, %d s", seconds)))
			}
		}
	})
	return w
}

// stop clears what was shown; it may be called more than once.
func (w *waiting) stop() {
	w.once.Do(func() { close(w.over) })
	w.done.Wait()
}
