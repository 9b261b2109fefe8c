package uplink

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/a472be26/cusp/router/disk"
)

// filled is the file of an outbox with n entries of some size, and the entries.
func filled(t *testing.T, n int) ([]byte, map[string]entry) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "outbox.db")
	o, _, err := openOutbox(path, n, 1<<22, quietLog)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]entry{}
	for i := range n {
		e := testEntry(fmt.Sprint("q", i))
		e.Question.Messages[0].Content = strings.Repeat(fmt.Sprint(i), 200+i)
		if err := o.add(e); err != nil {
			t.Fatal(err)
		}
		all[e.Question.ID] = e
	}
	if err := o.close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data, all
}

// reopened opens an outbox on data, which must work whatever data is, and sorts
// what it holds: whole, or told as lost. Nothing else may come out.
func reopened(t *testing.T, data []byte, all map[string]entry) (whole, lost int, log string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "outbox.db")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	o, entries, err := openOutbox(path, 1000, 1<<22, slog.New(slog.NewTextHandler(&said, nil)))
	if err != nil {
		t.Fatalf("the outbox cannot be opened: %v", err)
	}
	checkBox(t, o)
	for _, e := range entries {
		switch want, known := all[e.Question.ID]; {
		case known && reflect.DeepEqual(e, want):
			whole++
		case e.Failure == lostText && e.State == stateFailed:
			lost++
		default:
			t.Errorf("an entry came out that was never put in: %.300v", e)
		}
	}
	if err := errors.Join(o.add(testEntry("after")), o.close()); err != nil {
		t.Errorf("the outbox cannot be used: %v", err)
	}
	asides, _ := filepath.Glob(path + ".damaged-*")
	if kept, err := os.ReadFile(strings.Join(asides, "")); len(asides) > 0 && (err != nil || !bytes.Equal(kept, data)) {
		t.Errorf("set aside as %v, not as it was: %v", asides, err)
	}
	if (len(asides) > 0) != strings.Contains(said.String(), "set aside") {
		t.Errorf("%d files set aside, the log says %q", len(asides), said.String())
	}
	return whole, lost, said.String()
}

// A damaged file must neither take the daemon down nor take the questions with it
// that can still be read.
func TestDamagedOutboxIsSetAside(t *testing.T) {
	t.Parallel()
	data, all := filled(t, 30)
	size := os.Getpagesize()
	leaves := leafPages(data, size)
	for _, c := range []struct {
		name   string
		whole  int // at least
		damage func(d []byte) []byte
	}{
		{"nothing", 30, func(d []byte) []byte { return d }},
		{"not an outbox", 0, func(d []byte) []byte { return bytes.Repeat([]byte("x"), len(d)) }},
		{"too short", 0, func(d []byte) []byte { return d[:100] }},
		{"cut off in the middle", 0, func(d []byte) []byte { return d[:len(d)/2] }},
		{"first root gone", 29, func(d []byte) []byte { clear(d[:size]); return d }},
		{"second root gone", 29, func(d []byte) []byte { clear(d[size : 2*size]); return d }},
		{"a leaf gone", 15, func(d []byte) []byte { clear(d[leaves[0]*size : leaves[0]*size+size]); return d }},
		{"all leaves gone", 0, func(d []byte) []byte {
			for _, l := range leaves {
				clear(d[l*size : l*size+size])
			}
			return d
		}},
		{"a changed letter", 29, func(d []byte) []byte {
			at := bytes.LastIndex(d, bytes.Repeat([]byte("7"), 150))
			d[at+20] = '8'
			return d
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			whole, lost, log := reopened(t, c.damage(bytes.Clone(data)), all)
			if whole < c.whole || whole+lost > 30 {
				t.Errorf("%d questions are whole and %d told as lost, want at least %d\n%s", whole, lost, c.whole, log)
			}
		})
	}
}

// leafPages are the numbers of pages that say they are leaves, free ones included.
func leafPages(data []byte, size int) (all []int) {
	for i := 2; (i+1)*size <= len(data); i++ {
		if data[i*size+8] == 0x02 && data[i*size+9] == 0 && data[i*size+10] > 2 {
			all = append(all, i)
		}
	}
	return all
}

// Whatever single bit flips: no question comes back altered, and no more than
// those of one page are told as lost.
func TestBitFlips(t *testing.T) {
	t.Parallel()
	data, all := filled(t, 30)
	random := rand.New(rand.NewPCG(1, 2))
	flips := 300
	if testing.Short() {
		flips = 50
	}
	for range flips {
		at, bit := random.IntN(len(data)), byte(1)<<random.IntN(8)
		damaged := bytes.Clone(data)
		damaged[at] ^= bit
		whole, lost, log := reopened(t, damaged, all)
		if whole+lost < 15 {
			t.Errorf("bit %#x of byte %d: %d questions are whole, %d told as lost, of 30\n%s", bit, at, whole, lost, log)
		}
	}
}

func TestOutboxOfBeforeChecksums(t *testing.T) {
	t.Parallel()
	path := filepath.Join("testdata", "outbox-1.db")
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}
	_, entries := openBox(t, copyFile(t, path), 10, 1<<20)
	if len(entries) != 2 || entries[0].Question.ID != "old-1" || entries[1].Question.Messages[0].Content != "what is 二?" {
		t.Errorf("entries %+v", entries)
	}
}

func FuzzDecodeEntry(f *testing.F) {
	value, err := encodeEntry(testEntry("q"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte("q"), value)
	f.Fuzz(func(t *testing.T, key, value []byte) {
		e, err := decodeEntry(key, value)
		if err == nil && e.Question.ID != string(key) {
			t.Fatalf("the entry of %q came out for %q", e.Question.ID, key)
		}
		if e, err := decodeEntry(key, disk.Sum(key, value)); err == nil { // what a checksum cannot refuse
			newCall(e).look().entry.outcome()
		}
	})
}

// Whatever the file holds, every entry that comes out of it is whole or told as lost.
func FuzzReadEntries(f *testing.F) {
	text, err := os.ReadFile(filepath.Join("testdata", "outbox-1.db"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text[:16<<10])
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, damage := readEntries(data)
		if damage == nil && entries != nil {
			t.Fatal("entries of a file that needs no mending")
		}
		seen := map[string]bool{}
		for _, e := range entries {
			if seen[e.Question.ID] || e.Failure == lostText && e.State != stateFailed {
				t.Fatalf("entry %+v", e)
			}
			seen[e.Question.ID] = true
		}
	})
}
