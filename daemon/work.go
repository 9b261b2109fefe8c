package daemon

import (
	"sync"
	"time"
)

// work is what is being computed for somebody. While there is any, tick is called
// every so often, and once more when the last of it has ended; an idle device does
// nothing.
type work struct {
	every time.Duration
	tick  func()

	mu      sync.Mutex // guards the fields below
	running int
	timer   *time.Timer
}

// begin counts one in; what it returns counts it out.
func (w *work) begin() (end func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running++
	if w.running == 1 {
		w.timer = time.AfterFunc(w.every, w.ring)
	}
	return w.end
}

func (w *work) end() {
	w.mu.Lock()
	w.running--
	last := w.running == 0
	if last {
		w.timer.Stop()
	}
	w.mu.Unlock()
	if last {
		w.tick()
	}
}

// ring ticks, and again as long as there is work.
func (w *work) ring() {
	w.tick()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.running > 0 {
		w.timer.Reset(w.every)
	}
}

// busy tells whether there is any.
func (w *work) busy() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.running > 0
}
