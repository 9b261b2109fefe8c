package jinja

import "slices"

// attribute is of.name: a method or an attribute first, then an entry of that key.
func (r *run) attribute(of Value, name *Text) Value {
	if u, ok := of.(*undefined); ok {
		fail("%s", u.reason)
	}
	if v, ok := own(of, name.s); ok {
		return v
	}
	if d, ok := of.(*Dict); ok {
		if v, ok := r.find(d, name); ok {
			return v
		}
	}
	return missing(of, name)
}

// element is of[key]: an entry or element first, then an attribute.
func (r *run) element(of, key Value) Value {
	switch of := of.(type) {
	case *undefined:
		fail("%s", of.reason)
	case *Dict:
		if l, ok := key.(*List); ok && !l.tuple {
			break
		}
		if _, ok := key.(*Dict); ok {
			break
		}
		if v, ok := r.find(of, key); ok {
			return v
		}
	default:
		if i, ok := integer(key); ok {
			if v, ok := r.at(of, i); ok {
				return v
			}
		}
	}
	if name, ok := key.(*Text); ok {
		if v, ok := own(of, name.s); ok {
			return v
		}
	}
	return missing(of, key)
}

func missing(of, key Value) Value {
	if name, ok := key.(*Text); ok {
		return &undefined{"'" + typeName(of) + "' object has no attribute '" + name.s + "'"}
	}
	return &undefined{typeName(of) + " object has no such element"}
}

// at returns the element of a sequence; a negative index counts from the end.
func (r *run) at(of Value, i int64) (Value, bool) {
	switch of := of.(type) {
	case *List:
		if i, ok := within(i, int64(len(of.items))); ok {
			return of.items[i], true
		}
	case interval:
		if i, ok := within(i, of.length); ok {
			return of.at(i), true
		}
	case *Text:
		r.scan(len(of.s))
		if i, ok := within(i, int64(of.length())); ok {
			from := of.offset(int(i))
			return r.cut(of, from, from+len(firstRune(of.s[from:]))), true
		}
	}
	return nil, false
}

func within(i, n int64) (int64, bool) {
	if i < 0 {
		i += n
	}
	return i, 0 <= i && i < n
}

func firstRune(s string) string {
	for _, c := range s {
		return string(c)
	}
	return ""
}

// own returns what a value has by its type: methods, and attributes that are
// no entries.
func own(of Value, name string) (Value, bool) {
	switch of := of.(type) {
	case *Text:
		if m, ok := textMethods[name]; ok {
			return &function{name, func(r *run, a callArgs) Value { return m(r, of, a) }}, true
		}
	case *List:
		if i := slices.Index(of.names, name); i >= 0 {
			return of.items[i], true
		}
		if m, ok := listMethods[name]; ok && (!of.tuple || name != "copy") {
			return &function{name, func(r *run, a callArgs) Value { return m(r, of, a) }}, true
		}
		return changing(name, !of.tuple && listChanges[name])
	case interval:
		if m, ok := listMethods[name]; ok && name != "copy" {
			return &function{name, func(r *run, a callArgs) Value { return m(r, &List{items: r.items(of)}, a) }}, true
		}
	case *Dict:
		if m, ok := dictMethods[name]; ok {
			return &function{name, func(r *run, a callArgs) Value { return m(r, of, a) }}, true
		}
		return changing(name, dictChanges[name])
	case *namespace:
		return of.attrs.find(name)
	case *loop:
		return of.attribute(name)
	case *cycler:
		return of.attribute(name)
	case *macro:
		if name == "name" {
			return Own(of.name), true
		}
	}
	return nil, false
}

// listChanges and dictChanges are methods that Python has and the immutable
// sandbox forbids.
var (
	listChanges = map[string]bool{"append": true, "clear": true, "extend": true, "insert": true, "pop": true, "remove": true, "reverse": true, "sort": true}
	dictChanges = map[string]bool{"clear": true, "pop": true, "popitem": true, "setdefault": true, "update": true}
)

func changing(name string, forbidden bool) (Value, bool) {
	if !forbidden {
		return nil, false
	}
	return &undefined{name + " would change a value; a chat template changes namespaces only"}, true
}

// slice is of[from:to:step], each bound None where it is not given.
func (r *run) slice(of, from, to, step Value) Value {
	switch of := of.(type) {
	case *List:
		idx := indices(int64(len(of.items)), from, to, step)
		items := r.values(int(idx.length))
		for i := range items {
			items[i] = of.items[idx.at(int64(i))]
		}
		return &List{items: items, tuple: of.tuple}
	case interval:
		idx := indices(of.length, from, to, step)
		return newInterval(of.at(idx.start), of.at(idx.stop), idx.step*of.step)
	case *Text:
		r.scan(2 * len(of.s))
		return r.sliceText(of, indices(int64(of.length()), from, to, step))
	case *undefined:
		fail("%s", of.reason)
	}
	fail("'%s' object cannot be sliced", typeName(of))
	return nil
}

func (r *run) sliceText(t *Text, idx interval) Value {
	if idx.length == 0 {
		return &Text{safe: t.safe}
	}
	if idx.step == 1 {
		from := t.offset(int(idx.start))
		rest := &Text{s: t.s[from:]}
		return r.cut(t, from, from+rest.offset(int(idx.length)))
	}
	runes := r.runes(t)
	b := builder{r: r}
	for i := range idx.length {
		b.add(runes[idx.at(i)].(*Text))
	}
	return b.text().as(t.safe)
}

// indices are those that a slice of n elements picks.
func indices(n int64, from, to, step Value) interval {
	by := bound64("step", step, 1)
	if by == 0 {
		fail("the step of a slice is 0")
	}
	if by > n || by < -n {
		by = max(min(by, n+1), -n-1)
	}
	low, high := int64(0), n
	first, last := low, high
	if by < 0 {
		low, high = -1, n-1
		first, last = high, low
	}
	start := clamp(bound64("start", from, first), from, n, low, high)
	stop := clamp(bound64("end", to, last), to, n, low, high)
	return newInterval(start, stop, by)
}

// clamp resolves an index from the end, if it was given, and keeps it in bounds.
func clamp(i int64, given Value, n, low, high int64) int64 {
	if i < 0 && given != nil {
		i = max(i, -n-1) + n
	}
	return min(max(i, low), high)
}

func bound64(what string, v Value, otherwise int64) int64 {
	if v == nil {
		return otherwise
	}
	i, ok := integer(v)
	if !ok {
		fail("the %s of a slice is '%s', not an integer", what, typeName(v))
	}
	return i
}

// newInterval returns the range from start up to stop, whose step is not 0.
func newInterval(start, stop, step int64) interval {
	var n int64
	switch {
	case step > 0 && start < stop:
		n = (stop-start-1)/step + 1
	case step < 0 && start > stop:
		n = (start-stop-1)/-step + 1
	}
	return interval{start, stop, step, n}
}
