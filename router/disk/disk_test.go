package disk

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	bolt "go.etcd.io/bbolt"
)

var name = []byte("things")

func open(t testing.TB, path string) *bolt.DB {
	t.Helper()
	db, err := Open(path, 64<<20)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	err = db.Update(func(tx *bolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// read closes db and returns the records of its file as Records sees them.
func read(t testing.TB, db *bolt.DB) map[string]string {
	t.Helper()
	path := db.Path()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	records, _, err := Records(data, name)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, r := range records[string(name)] {
		all[string(r.Key)] = string(r.Value)
	}
	return all
}

// Our reader and bbolt agree, with an inline bucket, one page, branches and
// overflow pages, after many changes.
func TestRecordsAreThoseOfBolt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ keys, size int }{{0, 0}, {3, 10}, {50, 100}, {2000, 200}, {300, 9000}} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(uint64(c.keys), 1))
			db := open(t, filepath.Join(t.TempDir(), "f.db"))
			db.NoSync = true
			want := map[string]string{}
			for range 5 {
				err := db.Update(func(tx *bolt.Tx) error {
					b := tx.Bucket(name)
					for i := range c.keys {
						key := fmt.Sprintf("key%05d", i)
						if random.IntN(3) == 0 {
							delete(want, key)
							if err := b.Delete([]byte(key)); err != nil {
								return err
							}
							continue
						}
						want[key] = strings.Repeat("v", random.IntN(c.size))
						if err := b.Put([]byte(key), []byte(want[key])); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			got := read(t, db)
			if len(got) != len(want) {
				t.Errorf("%d records, want %d", len(got), len(want))
			}
			for k, v := range want {
				if got[k] != v {
					t.Errorf("%s has %d bytes, want %d", k, len(got[k]), len(v))
				}
			}
		})
	}
}

func TestReadRefusesAFileThatIsOpen(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "f.db")
	open(t, path)
	if _, err := Read(path); !errors.Is(err, ErrHeld) {
		t.Errorf("error %v, want ErrHeld", err)
	}
	if _, err := Open(path, 1<<20); !errors.Is(err, ErrHeld) {
		t.Errorf("error %v, want ErrHeld", err)
	}
}

func TestSums(t *testing.T) {
	t.Parallel()
	value := Sum([]byte("key"), []byte("text"))
	if text, err := Check([]byte("key"), value); err != nil || string(text) != "text" {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := Check([]byte("other"), value); err == nil {
		t.Error("the value of another key is taken")
	}
	for i := range value {
		altered := bytes.Clone(value)
		altered[i] ^= 1
		if _, err := Check([]byte("key"), altered); err == nil {
			t.Errorf("byte %d can be altered", i)
		}
	}
}

func put(key string) func(*bolt.Bucket) error {
	return func(b *bolt.Bucket) error { return b.Put([]byte(key), []byte("v")) }
}

func TestChanges(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "f.db"))
	c := NewChanges(db, name)
	refused := errors.New("refused")
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			if err := c.Make(put(fmt.Sprint(i))); err != nil {
				t.Error(err)
			}
		})
		if i%50 == 0 {
			all.Go(func() {
				if err := c.Make(func(*bolt.Bucket) error { return refused }); !errors.Is(err, refused) {
					t.Errorf("error %v", err)
				}
			})
			all.Go(func() {
				if err := c.Make(func(*bolt.Bucket) error { panic("a damaged page") }); err == nil || !strings.Contains(err.Error(), "damaged") {
					t.Errorf("error %v", err)
				}
			})
		}
	}
	all.Wait()
	if stats := db.Stats().TxStats; stats.GetWrite() == 0 {
		t.Error("nothing was written")
	}
	c.Close()
	if err := c.Make(put("late")); !errors.Is(err, bolt.ErrDatabaseNotOpen) {
		t.Errorf("after Close: %v", err)
	}
	if got := read(t, db); len(got) != 200 {
		t.Errorf("%d records, want 200: a change that failed took others with it", len(got))
	}
}

// Whatever a file holds, reading it neither panics nor ends the program.
func FuzzRecords(f *testing.F) {
	for i, keys := range []int{0, 3, 30} {
		db, err := bolt.Open(filepath.Join(f.TempDir(), fmt.Sprint(i)), 0o600, &bolt.Options{PageSize: 1024}) // small seeds
		if err != nil {
			f.Fatal(err)
		}
		err = db.Update(func(tx *bolt.Tx) error {
			b, err := tx.CreateBucket(name)
			if err != nil {
				return err
			}
			for k := range keys {
				if err := b.Put([]byte(fmt.Sprint(k)), bytes.Repeat([]byte("v"), 100)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			f.Fatal(err)
		}
		path := db.Path()
		if err := db.Close(); err != nil {
			f.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		records, _, _ := Records(data, name)
		n := 0
		for _, r := range records[string(name)] {
			n += len(r.Key) + len(r.Value)
		}
		if n > len(data) {
			t.Fatalf("%d bytes came out of %d", n, len(data))
		}
	})
}
