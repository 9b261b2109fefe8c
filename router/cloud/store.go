package cloud

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/disk"
	"github.com/a472be26/cusp/router/uplink"
)

// store keeps finished answers on disk, so that a question that is asked again
// after a restart of the worker costs nothing either. An answer is synced before
// its last message is sent. The file holds the texts of answers, no questions.
type store struct {
	db      *bolt.DB
	changes *disk.Changes
	log     *slog.Logger
	leaving sync.WaitGroup // one per key that is being forgotten
}

// storedRun is a finished answer under its window key, as JSON behind a checksum.
type storedRun struct {
	Asked    time.Time       `json:"asked"`
	Messages []uplink.Answer `json:"messages"`
}

var (
	answersBucket = []byte("answers-1")
	workerBucket  = []byte("worker-1")
	nameKey       = []byte("name")
)

// openStore opens the answers in a directory and calls each for every one, the
// oldest first. Name is the worker's, the same at every start. A damaged file is
// set aside: what it held costs another call of the provider, no more.
func openStore(dir string, bytes int64, each func(key string, s storedRun), log *slog.Logger) (_ *store, name string, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, "", fmt.Errorf("worker's state: %w", err)
	}
	path := filepath.Join(dir, "answers.db")
	if err := setAside(path, log); err != nil {
		return nil, "", fmt.Errorf("worker's answers %s: %w", path, err)
	}
	db, err := disk.Open(path, disk.Limit(path, bytes))
	if err != nil {
		return nil, "", fmt.Errorf("worker's answers %s: %w", path, err)
	}
	s := &store{db: db, log: log}
	if name, err = s.load(each); err != nil {
		db.Close()
		return nil, "", fmt.Errorf("worker's answers %s: %w", path, err)
	}
	s.changes = disk.NewChanges(db, answersBucket)
	return s, name, nil
}

func setAside(path string, log *slog.Logger) error {
	data, err := disk.Read(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(data) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	_, _, damage := disk.Records(data)
	if damage == nil {
		return nil
	}
	aside := disk.Aside(path)
	log.Error("the worker's answers were damaged and have been set aside; questions that are asked again go to the model again. The file may be deleted",
		"file", aside, "err", damage)
	return os.Rename(path, aside)
}

func (s *store) load(each func(string, storedRun)) (name string, err error) {
	type kept struct {
		key string
		run storedRun
	}
	var all []kept
	err = s.db.Update(func(tx *bolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists(answersBucket)
		if err != nil {
			return err
		}
		err = b.ForEach(func(k, v []byte) error {
			r, err := decodeRun(k, v)
			if err != nil {
				s.log.Warn("an answer on disk cannot be read; its question goes to the model again", "key", string(k), "err", err)
				return nil
			}
			all = append(all, kept{string(k), r})
			return nil
		})
		if err != nil {
			return err
		}
		name, err = workerName(tx)
		return err
	})
	slices.SortFunc(all, func(a, b kept) int { return cmp.Or(a.run.Asked.Compare(b.run.Asked), cmp.Compare(a.key, b.key)) })
	for _, k := range all {
		each(k.key, k.run)
	}
	return name, err
}

func workerName(tx *bolt.Tx) (string, error) {
	b, err := tx.CreateBucketIfNotExists(workerBucket)
	if err != nil {
		return "", err
	}
	if name := string(b.Get(nameKey)); router.CheckID(name) == nil {
		return name, nil
	}
	name := uplink.RandomID()
	return name, b.Put(nameKey, []byte(name))
}

// decodeRun reads a value, as strictly as a device would.
func decodeRun(key, value []byte) (r storedRun, err error) {
	text, err := disk.Check(key, value)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, err
	}
	parts := strings.Split(string(key), "/")
	if len(parts) != 3 || len(r.Messages) == 0 {
		return r, fmt.Errorf("%d messages under %d names", len(r.Messages), len(parts))
	}
	for i, m := range r.Messages {
		if m.Seq != i || m.ID != parts[1] || m.Run == "" || m.Run != r.Messages[0].Run || m.Done != (i == len(r.Messages)-1) {
			return r, fmt.Errorf("message %d is not the one that belongs there", i)
		}
	}
	return r, nil
}

// keep stores an answer; without it, asking again costs another call.
func (s *store) keep(key string, r storedRun) {
	text, err := json.Marshal(r)
	if err == nil {
		value := disk.Sum([]byte(key), text)
		err = s.changes.Make(func(b *bolt.Bucket) error { return b.Put([]byte(key), value) })
	}
	if err != nil {
		s.log.Error("an answer was not stored; if it is asked for again after a restart, it costs again", "err", err)
	}
}

// forget removes an answer soon; nothing depends on when.
func (s *store) forget(key string) {
	s.leaving.Go(func() {
		if err := s.changes.Make(func(b *bolt.Bucket) error { return b.Delete([]byte(key)) }); err != nil {
			s.log.Warn("an old answer stays on disk", "err", err)
		}
	})
}

func (s *store) close() error {
	s.leaving.Wait()
	s.changes.Close()
	return s.db.Close()
}
