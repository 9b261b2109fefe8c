package uplink

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/a472be26/cusp/router"
)

// ErrOutboxFull means that a question was not accepted because too many are
// waiting already.
var ErrOutboxFull = errors.New("outbox is full")

// state is how far an accepted question has come.
type state string

const (
	stateWaiting  state = "waiting"  // for an answer
	stateAnswered state = "answered" // Answer is there, to be handed over
	stateFailed   state = "failed"   // Failure is final, to be handed over
)

// entry is one accepted question as it lies in the outbox.
type entry struct {
	Question router.Question     `json:"question"`
	Enqueued time.Time           `json:"enqueued"`
	Expires  time.Time           `json:"expires"`
	Attempts int                 `json:"attempts"` // that failed so far
	State    state               `json:"state"`
	Answer   *router.CloudAnswer `json:"answer,omitempty"`
	Expired  bool                `json:"expired,omitempty"` // the failure is ErrExpired, else ErrRefused
	Failure  string              `json:"failure,omitempty"`
}

// outcome is the entry's end as Ask would have returned it.
func (e entry) outcome() (router.CloudAnswer, error) {
	switch {
	case e.State == stateAnswered && e.Answer != nil:
		return *e.Answer, nil
	case e.Expired:
		return router.CloudAnswer{}, fmt.Errorf("%w: %s", router.ErrExpired, e.Failure)
	}
	return router.CloudAnswer{}, fmt.Errorf("%w: %s", router.ErrRefused, e.Failure)
}

var bucket = []byte("questions-1")

// outbox keeps accepted questions on disk until their answers are handed over.
// Every method that changes it returns after the change was synced. Safe for
// concurrent use; concurrent changes share one sync.
type outbox struct {
	db       *bolt.DB
	maxCount int
	maxBytes int64

	mu    sync.Mutex     // guards the fields below
	sizes map[string]int // bytes by question id, reserved ones included
	bytes int64
}

func openOutbox(path string, maxCount int, maxBytes int64) (o *outbox, entries []entry, err error) {
	defer func() {
		if p := recover(); p != nil { // bbolt's answer to a damaged page
			err = damaged(path, fmt.Errorf("%v", p))
		}
	}()
	// The file may hold every entry twice, and pages that are partly used.
	limit := int(4*maxBytes + 1<<20)
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: time.Second, MaxSize: limit})
	var system *fs.PathError
	switch {
	case errors.Is(err, bolt.ErrTimeout):
		return nil, nil, fmt.Errorf("open outbox %s: another process holds it", path)
	case errors.As(err, &system):
		return nil, nil, fmt.Errorf("open outbox: %w", err)
	case err != nil:
		return nil, nil, damaged(path, err)
	}
	db.MaxBatchDelay = time.Millisecond
	o = &outbox{db: db, maxCount: maxCount, maxBytes: maxBytes, sizes: map[string]int{}}
	if entries, err = o.load(); err != nil {
		db.Close()
		return nil, nil, fmt.Errorf("open outbox %s: %w", path, err)
	}
	return o, entries, nil
}

// damaged says what to do about a file that cannot be read.
func damaged(path string, err error) error {
	return fmt.Errorf("open outbox %s: the file is damaged; move it away to start afresh: %w", path, err)
}

// load reads all entries, oldest first.
func (o *outbox) load() ([]entry, error) {
	var entries []entry
	err := o.db.Update(func(tx *bolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists(bucket)
		if err != nil {
			return err
		}
		return b.ForEach(func(k, v []byte) error {
			var e entry
			if err := json.Unmarshal(v, &e); err != nil {
				return fmt.Errorf("question %s: %w; move the file away to start afresh", k, err)
			}
			o.sizes[string(k)] = len(v)
			o.bytes += int64(len(v))
			entries = append(entries, e)
			return nil
		})
	})
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(a.Enqueued.Compare(b.Enqueued), cmp.Compare(a.Question.ID, b.Question.ID))
	})
	return entries, err
}

// add accepts e, or returns ErrOutboxFull.
func (o *outbox) add(e entry) error {
	value, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode question: %w", err)
	}
	if err := o.reserve(e.Question.ID, len(value)); err != nil {
		return err
	}
	if err := o.put(e.Question.ID, value); err != nil {
		o.release(e.Question.ID)
		return fmt.Errorf("store question in the outbox: %w", err)
	}
	return nil
}

// update replaces an entry that was added. It may grow past the bounds: what
// was accepted is finished, full or not.
func (o *outbox) update(e entry) error {
	value, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode question: %w", err)
	}
	if err := o.put(e.Question.ID, value); err != nil {
		return fmt.Errorf("update question %s in the outbox: %w", e.Question.ID, err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.bytes += int64(len(value) - o.sizes[e.Question.ID])
	o.sizes[e.Question.ID] = len(value)
	return nil
}

func (o *outbox) put(id string, value []byte) error {
	return o.db.Batch(func(tx *bolt.Tx) error { return tx.Bucket(bucket).Put([]byte(id), value) })
}

func (o *outbox) remove(id string) error {
	err := o.db.Batch(func(tx *bolt.Tx) error { return tx.Bucket(bucket).Delete([]byte(id)) })
	if err != nil {
		return fmt.Errorf("remove question %s from the outbox: %w", id, err)
	}
	o.release(id)
	return nil
}

func (o *outbox) reserve(id string, size int) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.sizes) >= o.maxCount {
		return fmt.Errorf("%w: %d questions wait, at most %d may", ErrOutboxFull, len(o.sizes), o.maxCount)
	}
	if o.bytes+int64(size) > o.maxBytes {
		return fmt.Errorf("%w: %d bytes wait and the question has %d, at most %d may wait", ErrOutboxFull, o.bytes, size, o.maxBytes)
	}
	o.sizes[id] = size
	o.bytes += int64(size)
	return nil
}

func (o *outbox) release(id string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.bytes -= int64(o.sizes[id])
	delete(o.sizes, id)
}

func (o *outbox) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.sizes)
}

func (o *outbox) close() error { return o.db.Close() }
