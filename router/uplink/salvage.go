package uplink

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/disk"
)

// mend looks at the file before bbolt does. One that is damaged gets another
// name, and what can be read of it goes into a new file in its place: what was
// accepted is not lost, and whoever runs the device is told.
func mend(path string, limit int, log *slog.Logger) error {
	data, err := disk.Read(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(data) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	entries, damage := readEntries(data)
	if damage == nil {
		return nil
	}
	aside := disk.Aside(path)
	if err := replace(path, aside, limit, entries); err != nil {
		return fmt.Errorf("the file is damaged (%w) and could not be set aside: %w; move it away to start afresh", damage, err)
	}
	lost := 0
	for _, e := range entries {
		if e.Failure == lostText {
			lost++
		}
	}
	log.Error("the outbox was damaged and has been set aside; what could be read of it is kept. Check the disk; the file set aside may be deleted",
		"file", aside, "kept", len(entries)-lost, "unreadable", lost, "err", damage)
	return nil
}

// lostText is the failure of a question of which only the id can be read.
const lostText = "the outbox was damaged, and the question in it cannot be read any more"

// readEntries reads the entries in a file, and everything that is wrong with it.
// Of an entry that is damaged itself the id is left, as a failure to be told. In
// a damaged file those count too that were there before the last change: better
// asked twice than lost.
func readEntries(data []byte) ([]entry, error) {
	records, older, damage := disk.Records(data, bucket, bucketPlain)
	errs := []error{damage}
	found := map[string]entry{}
	take := func(all map[string][]disk.Record) {
		for _, r := range all[string(bucketPlain)] {
			all[string(bucket)] = append(all[string(bucket)], disk.Record{Key: r.Key, Value: disk.Sum(r.Key, r.Value)})
		}
		for _, r := range all[string(bucket)] {
			e, err := decodeEntry(r.Key, r.Value)
			if err != nil {
				errs = append(errs, err)
			}
			if old, ok := found[string(r.Key)]; err == nil && (!ok || old.Failure == lostText) {
				found[string(r.Key)] = e
			} else if !ok && router.CheckID(string(r.Key)) == nil {
				found[string(r.Key)] = lostEntry(string(r.Key))
			}
		}
	}
	take(records)
	if err := errors.Join(errs...); err == nil {
		return nil, nil
	}
	take(older)
	entries := make([]entry, 0, len(found))
	for _, e := range found {
		entries = append(entries, e)
	}
	oldestFirst(entries)
	return entries, errors.Join(errs[:min(len(errs), 8)]...)
}

func lostEntry(id string) entry {
	now := time.Now()
	return entry{Question: router.Question{ID: id}, Enqueued: now, Expires: now.Add(time.Hour), State: stateFailed, Failure: lostText}
}

// replace gives the file at path the name aside too, then puts a new one with
// entries in its place. At every moment there is a file with the entries.
func replace(path, aside string, limit int, entries []entry) error {
	fresh := path + ".new"
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := writeEntries(fresh, limit, entries); err != nil {
		return errors.Join(err, os.Remove(fresh))
	}
	if err := os.Link(path, aside); err != nil {
		return err
	}
	if err := os.Rename(fresh, path); err != nil {
		return err
	}
	return disk.SyncDir(filepath.Dir(path))
}

func writeEntries(path string, limit int, entries []entry) error {
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: time.Second, MaxSize: limit})
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists(bucket)
		if err != nil {
			return err
		}
		for _, e := range entries {
			value, err := encodeEntry(e)
			if err == nil {
				err = b.Put([]byte(e.Question.ID), value)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	return errors.Join(err, db.Close())
}
