package uplink

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/disk"
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

// Buckets: entries under their question's id. The first one is of before values
// had a checksum.
var (
	bucketPlain = []byte("questions-1")
	bucket      = []byte("questions-2")
)

// outbox keeps accepted questions on disk until their answers are handed over.
// Every method that changes it returns after the change was synced. Safe for
// concurrent use; concurrent changes share one sync.
type outbox struct {
	db       *bolt.DB
	maxCount int
	maxBytes int64
	changes  *disk.Changes

	mu    sync.Mutex     // guards the fields below
	sizes map[string]int // bytes by question id, reserved ones included
	bytes int64
}

// openOutbox opens the file at path, or makes it. One that is damaged is set
// aside, and what can be read of it goes into a new one: see salvage.
func openOutbox(path string, maxCount int, maxBytes int64, log *slog.Logger) (*outbox, []entry, error) {
	limit := disk.Limit(path, maxBytes)
	if err := mend(path, limit, log); err != nil {
		return nil, nil, fmt.Errorf("open outbox %s: %w", path, err)
	}
	db, err := disk.Open(path, limit)
	if err != nil {
		return nil, nil, fmt.Errorf("open outbox %s: %w", path, err)
	}
	o := &outbox{db: db, maxCount: maxCount, maxBytes: maxBytes, sizes: map[string]int{}}
	entries, err := o.load()
	if err != nil {
		db.Close()
		return nil, nil, fmt.Errorf("open outbox %s: %w", path, err)
	}
	o.changes = disk.NewChanges(db, bucket)
	return o, entries, nil
}

// load reads all entries, oldest first.
func (o *outbox) load() (entries []entry, err error) {
	err = o.db.Update(func(tx *bolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists(bucket)
		if err != nil {
			return err
		}
		if err := addSums(tx, b); err != nil {
			return err
		}
		return b.ForEach(func(k, v []byte) error {
			e, err := decodeEntry(k, v)
			if err != nil {
				return err
			}
			o.sizes[string(k)] = len(v)
			o.bytes += int64(len(v))
			entries = append(entries, e)
			return nil
		})
	})
	oldestFirst(entries)
	return entries, err
}

func oldestFirst(entries []entry) {
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(a.Enqueued.Compare(b.Enqueued), cmp.Compare(a.Question.ID, b.Question.ID))
	})
}

// addSums moves entries of before checksums into b.
func addSums(tx *bolt.Tx, b *bolt.Bucket) error {
	plain := tx.Bucket(bucketPlain)
	if plain == nil {
		return nil
	}
	err := plain.ForEach(func(k, v []byte) error { return b.Put(k, disk.Sum(k, v)) })
	return errors.Join(err, tx.DeleteBucket(bucketPlain))
}

// add accepts e, or returns ErrOutboxFull.
func (o *outbox) add(e entry) error {
	value, err := encodeEntry(e)
	if err != nil {
		return err
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
	value, err := encodeEntry(e)
	if err != nil {
		return err
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
	return o.changes.Make(func(b *bolt.Bucket) error { return b.Put([]byte(id), value) })
}

func (o *outbox) remove(id string) error {
	if err := o.changes.Make(func(b *bolt.Bucket) error { return b.Delete([]byte(id)) }); err != nil {
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

func (o *outbox) close() error {
	o.changes.Close()
	return o.db.Close()
}
