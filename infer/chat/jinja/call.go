package jinja

import "slices"

// callArgs are the values of a call's arguments.
type callArgs struct {
	plain []Value
	named []namedValue
}

type namedValue struct {
	name  string
	value Value
}

// function is one of ours that a template can call.
type function struct {
	name string
	call func(r *run, a callArgs) Value
}

func (r *run) call(f Value, a callArgs) Value {
	r.enter()
	defer r.leave()
	switch f := f.(type) {
	case *function:
		return f.call(r, a)
	case *macro:
		return f.call(r, a)
	case *loop:
		return f.call(r, a)
	case *undefined:
		fail("%s", f.reason)
	}
	fail("'%s' object is not callable", typeName(f))
	return nil
}

// bound are arguments by parameter.
type bound struct {
	name   string // of the function
	params []string
	values []Value
	given  []bool
}

// bind puts arguments to their parameters; the first required must be there.
func (a callArgs) bind(_ *run, name string, required int, params ...string) bound {
	if len(a.plain) > len(params) {
		fail("%s takes at most %d arguments, not %d", name, len(params), len(a.plain))
	}
	b := bound{name, params, make([]Value, len(params)), make([]bool, len(params))}
	for i, v := range a.plain {
		b.values[i], b.given[i] = v, true
	}
	for _, n := range a.named {
		i := slices.Index(params, n.name)
		if i < 0 || b.given[i] {
			fail("%s: argument %s is not known or given twice", name, n.name)
		}
		b.values[i], b.given[i] = n.value, true
	}
	for i := range required {
		if !b.given[i] {
			fail("%s: argument %s is missing", name, params[i])
		}
	}
	return b
}

// value returns an argument that may be missing.
func (b bound) value(i int, otherwise Value) Value {
	if !b.given[i] {
		return otherwise
	}
	return b.values[i]
}

// integer returns an integer argument; None counts as missing.
func (b bound) integer(i int, otherwise int64) int64 {
	if b.values[i] == nil {
		return otherwise
	}
	n, ok := integer(b.values[i])
	if !ok {
		fail("%s: argument %s is '%s', not an integer", b.name, b.params[i], typeName(b.values[i]))
	}
	return n
}

func (b bound) truth(i int, otherwise bool) bool { return truth(b.value(i, otherwise)) }

// text returns a string argument; None counts as missing, which is nil.
func (b bound) text(i int) *Text {
	if b.values[i] == nil {
		return nil
	}
	return wantText(b.name+": argument "+b.params[i], b.values[i])
}

// size returns an integer argument that is a size of something to make.
func (b bound) size(i int, otherwise int64) int {
	return int(min(max(b.integer(i, otherwise), 0), MaxOutput+1))
}
