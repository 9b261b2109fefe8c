package tokenizer

import "hash/maphash"

// seed keeps a hostile vocabulary from choosing texts that collide.
var seed = maphash.MakeSeed()

// table finds the index of a text in a list. It is an open-addressing hash
// table that holds indices only: a map would take several times the memory
// and the time to build.
type table struct {
	keys  []string
	slots []uint32 // index + 1; 0 is free
	mask  uint64
	max   int // bytes of the longest key
}

// newTable makes a table of the keys that has lets in. Of equal keys the first
// is found.
func newTable(keys []string, has func(i int) bool) *table {
	t := &table{keys: keys, slots: make([]uint32, slotsFor(len(keys)))}
	t.mask = uint64(len(t.slots) - 1)
	for i, key := range keys {
		if !has(i) {
			continue
		}
		t.max = max(t.max, len(key))
		at := hashText(key) & t.mask
		for t.slots[at] != 0 && keys[t.slots[at]-1] != key {
			at = (at + 1) & t.mask
		}
		if t.slots[at] == 0 {
			t.slots[at] = uint32(i + 1)
		}
	}
	return t
}

// slotsFor returns a power of two, at most three quarters of which n keys fill.
func slotsFor(n int) int {
	size := 2
	for size/4*3 < n {
		size *= 2
	}
	return size
}

func hashText(key string) uint64 { return maphash.String(seed, key) }

func (t *table) find(key string) (int32, bool) {
	if len(key) > t.max {
		return none, false
	}
	return t.findHash(hashText(key), key)
}

// findHash is find for a key whose hash is known.
func (t *table) findHash(hash uint64, key string) (int32, bool) {
	for at := hash & t.mask; t.slots[at] != 0; at = (at + 1) & t.mask {
		if i := t.slots[at] - 1; t.keys[i] == key {
			return int32(i), true
		}
	}
	return none, false
}
