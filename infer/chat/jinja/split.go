package jinja

import "strings"

// splitMethod is split or, from the right, rsplit.
func splitMethod(right bool) textMethod {
	return func(r *run, t *Text, a callArgs) Value {
		b := a.bind(r, "split", 0, "sep", "maxsplit")
		sep, most := b.text(0), b.integer(1, -1)
		switch {
		case sep == nil && right:
			return list(r.fieldsRight(t, most))
		case sep == nil:
			return list(r.fields(t, most))
		case sep.s == "":
			fail("split: the separator is empty")
		case right:
			return list(r.splitRight(t, sep, most))
		}
		return list(r.split(t, sep, most))
	}
}

// split cuts t at the first most separators, at all if most is negative.
func (r *run) split(t, sep *Text, most int64) (parts []*Text) {
	r.scan(len(t.s))
	from := 0
	for ; most != 0; most-- {
		at := strings.Index(t.s[from:], sep.s)
		if at < 0 {
			break
		}
		r.slots(2)
		parts = append(parts, r.cut(t, from, from+at))
		from += at + len(sep.s)
	}
	return append(parts, r.cut(t, from, len(t.s)))
}

func (r *run) splitRight(t, sep *Text, most int64) (parts []*Text) {
	r.scan(len(t.s))
	to := len(t.s)
	for ; most != 0; most-- {
		at := strings.LastIndex(t.s[:to], sep.s)
		if at < 0 {
			break
		}
		r.slots(2)
		parts = append(parts, r.cut(t, at+len(sep.s), to))
		to = at
	}
	return turned(append(parts, r.cut(t, 0, to)))
}

func turned(parts []*Text) []*Text {
	for i, j := 0, len(parts)-1; i < j; i, j = i+1, j-1 {
		parts[i], parts[j] = parts[j], parts[i]
	}
	return parts
}

// fields cuts t at white space; what is left after most cuts is one part.
func (r *run) fields(t *Text, most int64) (parts []*Text) {
	r.scan(8 * len(t.s))
	at := 0
	for {
		at = len(t.s) - len(strings.TrimLeftFunc(t.s[at:], isSpace))
		if at == len(t.s) {
			return parts
		}
		end := strings.IndexFunc(t.s[at:], isSpace)
		if end < 0 || most == 0 {
			return append(parts, r.cut(t, at, len(t.s)))
		}
		r.slots(2)
		parts = append(parts, r.cut(t, at, at+end))
		at += end
		most--
	}
}

func (r *run) fieldsRight(t *Text, most int64) (parts []*Text) {
	r.scan(8 * len(t.s))
	end := len(t.s)
	for {
		end = len(strings.TrimRightFunc(t.s[:end], isSpace))
		if end == 0 {
			return turned(parts)
		}
		at := strings.LastIndexFunc(t.s[:end], isSpace)
		if at < 0 || most == 0 {
			return turned(append(parts, r.cut(t, 0, end)))
		}
		at += len(firstRune(t.s[at:]))
		r.slots(2)
		parts = append(parts, r.cut(t, at, end))
		end = at
		most--
	}
}
