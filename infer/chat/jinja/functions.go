package jinja

import (
	"strings"
)

// globals are the functions that a template finds without being given them.
var globals = map[string]*function{
	"cycler":          {"cycler", newCycler},
	"dict":            {"dict", newDict},
	"joiner":          {"joiner", newJoiner},
	"namespace":       {"namespace", newNamespace},
	"raise_exception": {"raise_exception", raiseException},
	"range":           {"range", newRange},
	"strftime_now":    {"strftime_now", strftimeNow},
}

// raiseException ends a rendering; templates use it to refuse conversations.
func raiseException(r *run, a callArgs) Value {
	b := a.bind(r, "raise_exception", 1, "message")
	fail("the template refuses: %s", r.str(b.values[0]).s)
	return nil
}

func newRange(r *run, a callArgs) Value {
	b := a.bind(r, "range", 1, "start", "stop", "step")
	for i, v := range b.values {
		if u, ok := v.(*undefined); ok {
			fail("%s", u.reason)
		}
		if b.given[i] && v == nil {
			fail("range: argument %d is None, not an integer", i+1)
		}
	}
	start, stop, step := b.integer(0, 0), b.integer(1, 0), b.integer(2, 1)
	if !b.given[1] {
		start, stop = 0, start
	}
	if step == 0 {
		fail("range: the step is 0")
	}
	if v := newInterval(start, stop, step); v.length >= 0 && v.length <= MaxRange && (stop >= start) == (stop-start >= 0) {
		return v
	}
	fail("range: it is longer than %d", MaxRange)
	return nil
}

func newNamespace(r *run, a callArgs) Value { return &namespace{newDict(r, a).(*Dict)} }

// newDict is dict(mapping or pairs, name=value).
func newDict(r *run, a callArgs) Value {
	d := NewDict()
	for _, v := range a.plain {
		if from, ok := v.(*Dict); ok {
			for i, key := range from.keys {
				r.put(d, key, from.values[i])
			}
			continue
		}
		for _, pair := range r.items(v) {
			two := r.items(pair)
			if len(two) != 2 {
				fail("dict: a pair has %d values", len(two))
			}
			r.put(d, two[0], two[1])
		}
	}
	for _, n := range a.named {
		r.put(d, Own(n.name), n.value)
	}
	return d
}

// newJoiner returns a function that gives nothing the first time and then sep.
func newJoiner(r *run, a callArgs) Value {
	sep := a.bind(r, "joiner", 0, "sep").value(0, Own(", "))
	used := false
	return &function{"joiner", func(*run, callArgs) Value {
		if !used {
			used = true
			return Own("")
		}
		return sep
	}}
}

// cycler gives its items in turn.
type cycler struct {
	items []Value
	at    int
}

func newCycler(_ *run, a callArgs) Value {
	if len(a.plain) == 0 {
		fail("cycler: no items")
	}
	return &cycler{items: a.plain}
}

func (c *cycler) attribute(name string) (Value, bool) {
	switch name {
	case "current":
		return c.items[c.at], true
	case "next":
		return &function{"next", func(*run, callArgs) Value {
			v := c.items[c.at]
			c.at = (c.at + 1) % len(c.items)
			return v
		}}, true
	case "reset":
		return &function{"reset", func(*run, callArgs) Value { c.at = 0; return nil }}, true
	}
	return nil, false
}

// strftimeNow formats the current time as C's strftime does.
func strftimeNow(r *run, a callArgs) Value {
	format := a.bind(r, "strftime_now", 1, "format").text(0)
	if format == nil {
		fail("strftime_now: the format is None")
	}
	r.scan(8 * len(format.s))
	now := r.now()
	b := builder{r: r}
	for i := 0; i < len(format.s); i++ {
		if format.s[i] != '%' || i+1 == len(format.s) {
			b.own(format.s[i : i+1])
			continue
		}
		i++
		switch layout, ok := layouts[format.s[i]]; {
		case ok:
			b.own(strings.TrimPrefix(now.Format(layout), trimmed))
		case format.s[i] == '%':
			b.own("%")
		default:
			fail("strftime_now: %%%c is not supported", format.s[i])
		}
	}
	return b.text()
}

// trimmed begins layouts that Go would not take alone.
const trimmed = "."

// layouts are Go's layouts for the directives of strftime.
var layouts = map[byte]string{
	'a': "Mon", 'A': "Monday", 'b': "Jan", 'B': "January", 'c': "Mon Jan _2 15:04:05 2006", 'd': "02", 'D': "01/02/06",
	'e': "_2", 'f': ".000000", 'F': "2006-01-02", 'h': "Jan", 'H': "15", 'I': "03", 'j': "002", 'm': "01", 'M': "04",
	'n': "\n", 'p': "PM", 'R': "15:04", 'S': "05", 't': "\t", 'T': "15:04:05", 'x': "01/02/06", 'X': "15:04:05",
	'y': "06", 'Y': "2006", 'z': "-0700", 'Z': "MST",
}
