package cloud

import (
	"container/list"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"github.com/a472be26/cusp/router/uplink"
)

// window remembers the runs of recent questions, so that a question that is
// asked again costs nothing. It is bounded by count, bytes and age; running
// ones always stay. With a store, finished ones survive the worker. Not safe for
// concurrent use, but for the keepers.
type window struct {
	maxRuns  int
	maxBytes int
	maxAge   time.Duration
	store    *store     // nil: in memory only
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

// openWindow makes the window with what an earlier process left in o.State, and
// names the worker.
func openWindow(o Options, newRun func(device, id string) *run) (w *window, name string, err error) {
	w = newWindow(o.Window, o.WindowBytes, o.WindowAge)
	if o.State == "" {
		return w, uplink.RandomID(), nil
	}
	restore := func(key string, s storedRun) {
		device, _, _ := strings.Cut(key, "/")
		w.restore(key, newRun(device, s.Messages[0].ID), s)
	}
	w.store, name, err = openStore(o.State, int64(o.WindowBytes), restore, o.Log)
	return w, name, err
}

func (w *window) close() error {
	if w.store == nil {
		return nil
	}
	return w.store.close()
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

// find returns the run that a device wants more of.
func (w *window) find(device string, q uplink.Resume, now time.Time) (*run, bool) {
	prefix := device + "/" + q.ID + "/"
	for e := w.order.Front(); e != nil; e = e.Next() {
		if r := e.Value.(*remembered); r.run.name == q.Run && strings.HasPrefix(r.key, prefix) {
			r.asked = now
			return r.run, true
		}
	}
	return nil, false
}

// put adds a run, whose answer is stored before its end is sent.
func (w *window) put(key string, r *run, now time.Time) {
	if w.store != nil {
		r.keep = func(messages []uplink.Answer) { w.store.keep(key, storedRun{Asked: now, Messages: messages}) }
	}
	w.byKey[key] = w.order.PushFront(&remembered{key: key, run: r, asked: now})
}

// restore adds a finished run of an earlier process.
func (w *window) restore(key string, r *run, s storedRun) {
	r.messages, r.done = s.Messages, true
	r.name, r.sent = s.Messages[0].Run, len(s.Messages)
	for _, m := range s.Messages {
		r.size += m.Bytes() + messageBytes
	}
	w.byKey[key] = w.order.PushFront(&remembered{key: key, run: r, asked: s.Asked})
}

func (w *window) remove(key string) {
	e, ok := w.byKey[key]
	if !ok {
		return
	}
	w.order.Remove(e)
	delete(w.byKey, key)
	if w.store != nil {
		w.store.forget(key)
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
