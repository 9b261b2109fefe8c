package jinja

import (
	"cmp"
	"math"
	"math/big"
	"strings"
)

// compare is left op right for the operators of a comparison.
func (r *run) compare(op string, left, right Value) bool {
	switch op {
	case "==":
		return r.equal(left, right, 0)
	case "!=":
		return !r.equal(left, right, 0)
	case "in":
		return r.contains(right, left)
	case "not in":
		return !r.contains(right, left)
	}
	c := r.order(op, left, right, 0)
	switch op {
	case "<":
		return c < 0
	case "<=":
		return c <= 0 && c != unordered
	case ">":
		return c > 0 && c != unordered
	default:
		return c >= 0 && c != unordered
	}
}

// unordered is what a comparison with NaN gives.
const unordered = math.MaxInt

// equal is Python's ==. Values of different types differ, but for numbers.
func (r *run) equal(a, b Value, depth int) bool {
	r.step(1)
	nest(depth)
	switch a := a.(type) {
	case nil:
		return b == nil
	case bool, int64, float64:
		x, _ := number(a)
		y, ok := number(b)
		if i, exact := integer(a); exact && ok {
			if j, exact := integer(b); exact {
				return i == j
			}
		}
		return ok && x == y
	case *big.Int:
		b, ok := b.(*big.Int)
		return ok && a.Cmp(b) == 0
	case *Text:
		b, ok := b.(*Text)
		return ok && r.sameText(a, b)
	case *List:
		b, ok := b.(*List)
		return ok && a.tuple == b.tuple && r.equalLists(a, b, depth)
	case *Dict:
		b, ok := b.(*Dict)
		return ok && r.equalDicts(a, b, depth)
	case *undefined:
		_, ok := b.(*undefined)
		return ok
	case interval:
		b, ok := b.(interval)
		return ok && a == b
	}
	return same(a, b)
}

// same is Python's is.
func same(a, b Value) bool {
	switch a.(type) {
	case *Text, *big.Int:
		x, ok1 := a.(*Text)
		y, ok2 := b.(*Text)
		return a == b || ok1 && ok2 && x.s == y.s
	}
	return a == b
}

func (r *run) sameText(a, b *Text) bool {
	if len(a.s) != len(b.s) {
		return false
	}
	r.scan(len(a.s))
	return a.s == b.s
}

func (r *run) equalLists(a, b *List, depth int) bool {
	if len(a.items) != len(b.items) {
		return false
	}
	for i := range a.items {
		if !r.equal(a.items[i], b.items[i], depth+1) {
			return false
		}
	}
	return true
}

func (r *run) equalDicts(a, b *Dict, depth int) bool {
	if a.Len() != b.Len() {
		return false
	}
	for i, key := range a.keys {
		v, ok := r.find(b, key)
		if !ok || !r.equal(a.values[i], v, depth+1) {
			return false
		}
	}
	return true
}

// order is the order of a and b as cmp.Compare has it, or unordered.
func (r *run) order(op string, a, b Value, depth int) int {
	r.step(1)
	nest(depth)
	if i, ok := integer(a); ok {
		if j, ok := integer(b); ok {
			return cmp.Compare(i, j)
		}
	}
	if x, ok := number(a); ok {
		if y, ok := number(b); ok {
			if math.IsNaN(x) || math.IsNaN(y) {
				return unordered
			}
			return cmp.Compare(x, y)
		}
	}
	switch x := a.(type) {
	case *Text:
		if y, ok := b.(*Text); ok {
			r.scan(min(len(x.s), len(y.s)))
			return strings.Compare(x.s, y.s)
		}
	case *List:
		if y, ok := b.(*List); ok && x.tuple == y.tuple {
			return r.orderLists(op, x, y, depth)
		}
	case *undefined:
		fail("%s", x.reason)
	}
	if u, ok := b.(*undefined); ok {
		fail("%s", u.reason)
	}
	fail("'%s' is not supported between '%s' and '%s'", op, typeName(a), typeName(b))
	return 0
}

func (r *run) orderLists(op string, a, b *List, depth int) int {
	for i := range min(len(a.items), len(b.items)) {
		if !r.equal(a.items[i], b.items[i], depth+1) {
			return r.order(op, a.items[i], b.items[i], depth+1)
		}
	}
	return cmp.Compare(len(a.items), len(b.items))
}

// contains is Python's in.
func (r *run) contains(all, v Value) bool {
	switch all := all.(type) {
	case *Text:
		if u, ok := v.(*undefined); ok {
			fail("%s", u.reason)
		}
		r.scan(len(all.s))
		return strings.Contains(all.s, wantText("in", v).s)
	case *Dict:
		_, ok := r.find(all, v)
		return ok
	case interval:
		i, ok := integer(v)
		return ok && all.length > 0 && (i-all.start)%all.step == 0 && (i-all.start)/all.step >= 0 && (i-all.start)/all.step < all.length
	}
	for _, item := range r.items(all) {
		if r.equal(item, v, 0) {
			return true
		}
	}
	return false
}
