package jinja

import (
	"math/big"
)

// Value is a value of a template: nil (None), bool, int64, *big.Int (only as it
// came, without arithmetic), float64, *[Text], *[List], *[Dict] or one of the
// package's own types.
type Value = any

// List is a list or a tuple. It does not change once a template can see it.
type List struct {
	items []Value
	tuple bool
	names []string // of the items, for a tuple that has them as attributes
}

// NewList returns a list of values.
func NewList(items ...Value) *List { return &List{items: items} }

func tuple(items ...Value) *List { return &List{items: items, tuple: true} }

// namespace is what a template can change.
type namespace struct{ attrs *Dict }

// undefined is what a name without a value has. It prints as nothing and is
// empty; everything else that is done with it fails with reason.
type undefined struct{ reason string }

// sequence is what can be iterated but is neither list nor dictionary. A
// generator is spent once it was.
type sequence struct {
	kind  string // Python's name of the type
	items []Value
	once  bool
}

// interval is a range.
type interval struct{ start, stop, step, length int64 }

func (v interval) at(i int64) int64 { return v.start + i*v.step }

// typeName returns what Python calls the type of a value.
func typeName(v Value) string {
	switch v := v.(type) {
	case nil:
		return "NoneType"
	case bool:
		return "bool"
	case int64, *big.Int:
		return "int"
	case float64:
		return "float"
	case *Text:
		return "str"
	case *List:
		if v.tuple {
			return "tuple"
		}
		return "list"
	case *Dict:
		return "dict"
	case *namespace:
		return "Namespace"
	case *undefined:
		return "Undefined"
	case *sequence:
		return v.kind
	case interval:
		return "range"
	case *loop:
		return "LoopContext"
	case *macro:
		return "Macro"
	}
	return "function"
}

// truth is Python's bool().
func truth(v Value) bool {
	switch v := v.(type) {
	case nil, *undefined:
		return false
	case bool:
		return v
	case int64:
		return v != 0
	case float64:
		return v != 0
	case *Text:
		return v.s != ""
	case *List:
		return len(v.items) > 0
	case *Dict:
		return v.Len() > 0
	case *sequence:
		return v.kind == generatorKind || len(v.items) > 0
	case interval:
		return v.length > 0
	}
	return true
}

const generatorKind = "generator"

// lazy returns what Python computes as it is asked for: it can be iterated
// once, and has no length and no JSON form.
func lazy(items []Value) *sequence { return &sequence{generatorKind, items, true} }

// items returns what an iteration over v yields.
func (r *run) items(v Value) []Value {
	switch v := v.(type) {
	case *List:
		r.step(len(v.items))
		return v.items
	case *Dict:
		r.step(v.Len())
		return v.keys
	case *undefined:
		return nil
	case *Text:
		return r.runes(v)
	case *sequence:
		all := v.items
		if v.once {
			v.items = nil
		}
		r.step(len(all))
		return all
	case interval:
		all := r.values(int(v.length))
		for i := range all {
			all[i] = v.at(int64(i))
		}
		return all
	}
	fail("'%s' object is not iterable", typeName(v))
	return nil
}

// values returns room for n values.
func (r *run) values(n int) []Value {
	r.slots(n)
	return make([]Value, n)
}

func (r *run) runes(t *Text) []Value {
	n := t.length()
	r.alloc(n * textBytes)
	all := r.values(n)[:0]
	for i, c := range t.s {
		all = append(all, t.Slice(i, i+len(string(c))).as(false))
	}
	return all
}

// length is Python's len().
func (r *run) length(v Value) int64 {
	switch v := v.(type) {
	case *Text:
		r.scan(len(v.s))
		return int64(v.length())
	case *List:
		return int64(len(v.items))
	case *Dict:
		return int64(v.Len())
	case *undefined:
		return 0
	case *sequence:
		if !v.once {
			return int64(len(v.items))
		}
	case interval:
		return v.length
	}
	fail("object of type '%s' has no len()", typeName(v))
	return 0
}

// integer returns v as an integer where Python takes it for an index.
func integer(v Value) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	}
	return 0, false
}

// wantText returns v, which must be a text.
func wantText(what string, v Value) *Text {
	t, ok := v.(*Text)
	if !ok {
		fail("%s: want a string, not '%s'", what, typeName(v))
	}
	return t
}

// Items returns the values of a list, which the caller must not change.
func (l *List) Items() []Value { return l.items }
