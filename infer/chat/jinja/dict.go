package jinja

import (
	"math"
	"math/big"
	"strconv"
	"strings"
)

// Dict is a dictionary whose keys keep the order in which they were set.
type Dict struct {
	keys, values []Value
	index        map[any]int // by hash
}

// NewDict returns an empty dictionary.
func NewDict() *Dict { return &Dict{index: map[any]int{}} }

// Len returns the number of entries.
func (d *Dict) Len() int { return len(d.keys) }

// Put sets the value of a key that counts as the template's own.
func (d *Dict) Put(key string, v Value) { d.set(nil, Own(key), v) }

// Get returns the value of a key.
func (d *Dict) Get(key string) (Value, bool) { return d.find(key) }

func (d *Dict) find(hash any) (Value, bool) {
	i, ok := d.index[hash]
	if !ok {
		return nil, false
	}
	return d.values[i], true
}

// set keeps the first of equal keys, as Python does.
func (d *Dict) set(r *run, key, value Value) {
	h := r.hash(key)
	if i, ok := d.index[h]; ok {
		d.values[i] = value
		return
	}
	d.index[h] = len(d.keys)
	d.keys, d.values = append(d.keys, key), append(d.values, value)
}

// put is set for what a template makes.
func (r *run) put(d *Dict, key, value Value) {
	r.step(1)
	r.alloc(entryBytes)
	if t, ok := key.(*Text); ok {
		r.scan(len(t.s))
	}
	d.set(r, key, value)
}

func (r *run) find(d *Dict, key Value) (Value, bool) {
	if t, ok := key.(*Text); ok {
		r.scan(len(t.s))
		return d.find(t.s)
	}
	return d.find(r.hash(key))
}

func (r *run) pairs(d *Dict) []Value {
	r.alloc(d.Len() * (textBytes + 2*slotBytes))
	all := r.values(d.Len())
	for i := range all {
		all[i] = tuple(d.keys[i], d.values[i])
	}
	return all
}

// bigHash and tupleHash are hashes of values that are no Go map keys.
type (
	bigHash   string
	tupleHash string
	idHash    struct{ v any }
)

// hash returns what is equal, as a Go map key, for keys that Python holds equal.
// Of texts it needs no run.
func (r *run) hash(v Value) any {
	switch v := v.(type) {
	case *Text:
		return v.s
	case bool:
		i, _ := integer(v)
		return i
	case float64:
		if i := int64(v); v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return i
		}
		return v
	case *big.Int:
		return bigHash(v.String())
	case *List:
		if v.tuple {
			return tupleHash(r.hashTuple(v, 0))
		}
		fail("unhashable type: 'list'")
	case *Dict:
		fail("unhashable type: 'dict'")
	case *undefined:
		return idHash{}
	case nil, int64:
		return v
	}
	return idHash{v}
}

func (r *run) hashTuple(v *List, depth int) string {
	nest(depth)
	var b strings.Builder
	for _, item := range v.items {
		if t, ok := item.(*List); ok && t.tuple {
			b.WriteString("(" + r.hashTuple(t, depth+1) + "),")
			continue
		}
		switch h := r.hash(item).(type) {
		case string:
			b.WriteString(strconv.Quote(h))
		case int64:
			b.WriteString(strconv.FormatInt(h, 10))
		case float64:
			b.WriteString(strconv.FormatFloat(h, 'g', -1, 64))
		case bigHash:
			b.WriteString(string(h))
		case nil:
			b.WriteString("None")
		default:
			fail("a tuple with a '%s' is no key", typeName(item))
		}
		b.WriteByte(',')
	}
	r.scan(b.Len())
	r.alloc(b.Len())
	return b.String()
}
