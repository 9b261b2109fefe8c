package disk

import (
	"errors"
	"fmt"
	"sync"

	bolt "go.etcd.io/bbolt"
)

// Changes makes changes to one bucket of a file. Those that come while the disk is
// busy with one wait for it and then share one sync. (bbolt's own Batch would let
// a panic over a damaged page end the program.)
type Changes struct {
	db     *bolt.DB
	bucket []byte
	queue  chan change
	quit   chan struct{} // closed by Close
	ended  sync.WaitGroup
}

type change struct {
	apply func(b *bolt.Bucket) error
	done  chan error
}

// maxBatch is how many changes share a sync at most.
const maxBatch = 256

// NewChanges starts making changes to the bucket, which must be there.
func NewChanges(db *bolt.DB, bucket []byte) *Changes {
	c := &Changes{db: db, bucket: bucket, queue: make(chan change, maxBatch), quit: make(chan struct{})}
	c.ended.Go(c.run)
	return c
}

// Make returns once the change is synced, or has failed and left nothing behind.
func (c *Changes) Make(apply func(b *bolt.Bucket) error) error {
	one := change{apply, make(chan error, 1)}
	select {
	case c.queue <- one:
	case <-c.quit:
		return bolt.ErrDatabaseNotOpen
	}
	select {
	case err := <-one.done:
		return err
	case <-c.quit:
		c.ended.Wait()
		select {
		case err := <-one.done:
			return err
		default:
			return bolt.ErrDatabaseNotOpen
		}
	}
}

func (c *Changes) run() {
	for {
		select {
		case first := <-c.queue:
			c.commit(c.gather(first))
		case <-c.quit:
			return
		}
	}
}

// gather takes what waits already.
func (c *Changes) gather(first change) []change {
	all := []change{first}
	for len(all) < maxBatch {
		select {
		case next := <-c.queue:
			all = append(all, next)
		default:
			return all
		}
	}
	return all
}

// commit makes all changes at once, or, if that fails, each for itself: one that
// cannot be made must not take others with it.
func (c *Changes) commit(all []change) {
	err := c.update(all)
	for _, one := range all {
		if err != nil && len(all) > 1 {
			one.done <- c.update([]change{one})
		} else {
			one.done <- err
		}
	}
}

func (c *Changes) update(all []change) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the file is damaged; it is set aside at the next start: %v", p)
		}
	}()
	return c.db.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket(c.bucket)
		if b == nil {
			return errors.New("the file is damaged; it is set aside at the next start: the bucket is gone")
		}
		for _, one := range all {
			if err := one.apply(b); err != nil {
				return err
			}
		}
		return nil
	})
}

// Close waits for the change that is being made; what waits fails.
func (c *Changes) Close() {
	close(c.quit)
	c.ended.Wait()
}
