package jinja

import "math/big"

// check is a test: whether something holds of a value, with one argument at most.
type check struct {
	least, most int // arguments
	holds       func(r *run, v, arg Value) bool
}

func plain(f func(v Value) bool) check {
	return check{0, 0, func(_ *run, v, _ Value) bool { return f(v) }}
}

func relation(op string) check {
	return check{1, 1, func(r *run, v, arg Value) bool { return r.compare(op, v, arg) }}
}

// is reports whether a value is of a Go type.
func is[T any](v Value) bool {
	_, ok := v.(T)
	return ok
}

var tests = map[string]check{
	"!=": relation("!="), "ne": relation("!="),
	"<": relation("<"), "lt": relation("<"), "lessthan": relation("<"),
	"<=": relation("<="), "le": relation("<="),
	"==": relation("=="), "eq": relation("=="), "equalto": relation("=="),
	">": relation(">"), "gt": relation(">"), "greaterthan": relation(">"),
	">=": relation(">="), "ge": relation(">="),
	"in":      relation("in"),
	"boolean": plain(is[bool]),
	"callable": plain(func(v Value) bool {
		return is[*function](v) || is[*macro](v) || is[*loop](v) || is[*undefined](v)
	}),
	"defined": plain(func(v Value) bool { return !is[*undefined](v) }),
	"divisibleby": {1, 1, func(r *run, v, arg Value) bool {
		return r.equal(r.operate("%", v, arg), int64(0), 0)
	}},
	"escaped": plain(func(v Value) bool { t, ok := v.(*Text); return ok && t.safe }),
	"even":    {0, 0, func(r *run, v, _ Value) bool { return r.equal(r.operate("%", v, int64(2)), int64(0), 0) }},
	"false":   plain(func(v Value) bool { return v == false }),
	"filter":  {0, 0, func(r *run, v, _ Value) bool { t, ok := v.(*Text); return ok && r.filters[t.s] != nil }},
	"float":   plain(is[float64]),
	"integer": plain(func(v Value) bool { return is[int64](v) || is[*big.Int](v) }),
	"iterable": plain(func(v Value) bool {
		return isSequence(v) || is[*sequence](v)
	}),
	"lower":   {0, 0, func(r *run, v, _ Value) bool { t := r.str(v); return cased(t.s, isLower, isUpper) }},
	"mapping": plain(is[*Dict]),
	"none":    plain(func(v Value) bool { return v == nil }),
	"number": plain(func(v Value) bool {
		return is[int64](v) || is[float64](v) || is[bool](v) || is[*big.Int](v)
	}),
	"odd":       {0, 0, func(r *run, v, _ Value) bool { return r.equal(r.operate("%", v, int64(2)), int64(1), 0) }},
	"sameas":    {1, 1, func(_ *run, v, arg Value) bool { return same(v, arg) }},
	"sequence":  plain(isSequence),
	"string":    plain(is[*Text]),
	"test":      {0, 0, func(r *run, v, _ Value) bool { t, ok := v.(*Text); return ok && r.tests[t.s].holds != nil }},
	"true":      plain(func(v Value) bool { return v == true }),
	"undefined": plain(is[*undefined]),
	"upper":     {0, 0, func(r *run, v, _ Value) bool { t := r.str(v); return cased(t.s, isUpper, isLower) }},
}

// isSequence reports whether a value has a length and elements, or claims so,
// as an undefined one does.
func isSequence(v Value) bool {
	return is[*Text](v) || is[*List](v) || is[*Dict](v) || is[interval](v) || is[*undefined](v)
}
