package cloud

import (
	"container/list"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/a472be26/cusp/router/uplink"
)

// window remembers the runs of recent questions, so that a question that is
// asked again costs nothing. It is bounded by count, bytes and age; running
// ones always stay. Not safe for concurrent use.
type window struct {
	maxRuns  int
	maxBytes int
	maxAge   time.Duration
	order    *list.List // of *remembered, the most recently asked first
	byKey    map[string]*list.Element
}

type remembered struct {
	key   string
	run   *run
	asked time.Time
}

func newWindow(maxRuns, maxBytes int, maxAge time.Duration) *window {
	return &window{maxRuns: maxRuns, maxBytes: maxBytes, maxAge: maxAge, order: list.New(), byKey: map[string]*list.Element{}}
}

// keyOf identifies a question by device, id and content: an id that a device
// uses again for something else is another question.
func keyOf(device string, a uplink.Ask) string {
	content, _ := json.Marshal(uplink.Ask{Messages: a.Messages, Options: a.Options}) // was decoded from JSON
	sum := sha256.Sum256(content)
	return device + "/" + a.ID + "/" + hex.EncodeToString(sum[:8])
}

func (w *window) get(key string, now time.Time) (*run, bool) {
	e, ok := w.byKey[key]
	if !ok {
		return nil, false
	}
	r := e.Value.(*remembered)
	r.asked = now
	w.order.MoveToFront(e)
	return r.run, true
}

func (w *window) put(key string, r *run, now time.Time) {
	w.byKey[key] = w.order.PushFront(&remembered{key: key, run: r, asked: now})
}

func (w *window) remove(key string) {
	if e, ok := w.byKey[key]; ok {
		w.order.Remove(e)
		delete(w.byKey, key)
	}
}

func (w *window) runs() []*run {
	all := make([]*run, 0, len(w.byKey))
	for e := w.order.Front(); e != nil; e = e.Next() {
		all = append(all, e.Value.(*remembered).run)
	}
	return all
}

// trim forgets finished runs beyond the bounds, the longest unasked first.
func (w *window) trim(now time.Time) {
	runs, bytes := 0, 0
	var next *list.Element
	for e := w.order.Front(); e != nil; e = next {
		next = e.Next()
		r := e.Value.(*remembered)
		done, size := r.run.finished()
		runs++
		bytes += size
		if done && (runs > w.maxRuns || bytes > w.maxBytes || now.Sub(r.asked) > w.maxAge) {
			runs--
			bytes -= size
			w.remove(r.key)
		}
	}
}
