package cloud

import (
	"time"

	"github.com/a472be26/cusp/router/uplink"
)

// resume sends a device what it missed of an answer, and goes on with one that is
// still being made. A run that this worker does not have, the device has to ask
// for anew.
func (w *Worker) resume(device string, q uplink.Resume) {
	w.mu.Lock()
	r, ok := w.window.find(device, q, time.Now())
	w.mu.Unlock()
	if !ok {
		m := uplink.Answer{ID: q.ID, Run: uplink.RandomID(), Done: true, Error: &uplink.Failed{
			Code: uplink.CodeUnknownRun, Message: "the worker does not have this answer", Retryable: true,
		}}
		if err := w.letters.write(device, m); err != nil {
			w.o.Log.Debug("a device was not told", "device", device, "id", q.ID, "err", err)
		}
		return
	}
	if done := r.sendAgain(q); !done {
		r.alive()
	}
}

// sendAgain publishes what q asks for of what there is; done is whether that is
// all there will be. Messages that the connection does not take now are asked
// for again.
func (r *run) sendAgain(q uplink.Resume) (done bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.messages {
		if q.Wants(m.Seq) && r.publish(m) != nil {
			r.sent = min(r.sent, m.Seq)
			return r.done
		}
	}
	r.sent = len(r.messages)
	return r.done
}
