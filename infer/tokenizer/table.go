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

func newTable(keys []string) *table {
	t := &table{keys: keys, slots: newSlots(len(keys))}
	t.mask = uint64(len(t.slots) - 1)
	for i, key := range keys {
		t.max = max(t.max, len(key))
		at := maphash.String(seed, key) & t.mask
		for t.slots[at] != 0 && keys[t.slots[at]-1] != key {
			at = (at + 1) & t.mask
		}
		if t.slots[at] == 0 {
			t.slots[at] = uint32(i + 1)
		}
	}
	return t
}

// newSlots returns a power of two of slots, at most half of which n keys fill.
func newSlots(n int) []uint32 {
	size := 2
	for size < 2*n {
		size *= 2
	}
	return make([]uint32, size)
}

func (t *table) find(key string) (int32, bool) {
	if len(key) > t.max {
		return none, false
	}
	for at := maphash.String(seed, key) & t.mask; t.slots[at] != 0; at = (at + 1) & t.mask {
		if i := t.slots[at] - 1; t.keys[i] == key {
			return int32(i), true
		}
	}
	return none, false
}

// pairTable finds the rank of a merge by its two parts.
type pairTable struct {
	merges []string // "left right", by rank
	slots  []uint32 // rank + 1; 0 is free
	mask   uint64
	max    int // bytes of the longest merge
}

func newPairTable(merges []string) *pairTable {
	t := &pairTable{merges: merges, slots: newSlots(len(merges))}
	t.mask = uint64(len(t.slots) - 1)
	for rank, merge := range merges {
		t.max = max(t.max, len(merge))
		left, right := cutMerge(merge)
		at := hashPair(left, right) & t.mask
		for t.slots[at] != 0 && merges[t.slots[at]-1] != merge {
			at = (at + 1) & t.mask
		}
		if t.slots[at] == 0 {
			t.slots[at] = uint32(rank + 1)
		}
	}
	return t
}

func hashPair(left, right string) uint64 {
	return maphash.String(seed, left)*0x9e3779b97f4a7c15 + maphash.String(seed, right)
}

// rank returns the place of "left right" among the merges.
func (t *pairTable) rank(left, right string) (int32, bool) {
	if len(left)+1+len(right) > t.max {
		return 0, false
	}
	for at := hashPair(left, right) & t.mask; t.slots[at] != 0; at = (at + 1) & t.mask {
		rank := t.slots[at] - 1
		if l, r := cutMerge(t.merges[rank]); l == left && r == right {
			return int32(rank), true
		}
	}
	return 0, false
}

// findBytes is find for a text that is not a string yet.
func (t *table) findBytes(key []byte) (int32, bool) {
	for at := maphash.Bytes(seed, key) & t.mask; t.slots[at] != 0; at = (at + 1) & t.mask {
		if i := t.slots[at] - 1; t.keys[i] == string(key) {
			return int32(i), true
		}
	}
	return none, false
}
