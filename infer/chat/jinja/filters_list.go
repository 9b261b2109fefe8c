package jinja

import (
	"slices"
	"strconv"
	"strings"
)

func first(r *run, in Value, a callArgs) Value {
	a.bind(r, "first", 0)
	if t, ok := in.(*Text); ok && t.s != "" {
		return r.cut(t, 0, len(firstRune(t.s)))
	}
	if items := r.items(in); len(items) > 0 {
		return items[0]
	}
	return &undefined{"there is no first item, the sequence is empty"}
}

func last(r *run, in Value, a callArgs) Value {
	a.bind(r, "last", 0)
	if t, ok := in.(*Text); ok && t.s != "" {
		v, _ := r.at(t, -1)
		return v
	}
	r.length(in) // fails for what has no end
	if items := r.items(in); len(items) > 0 {
		return items[len(items)-1]
	}
	return &undefined{"there is no last item, the sequence is empty"}
}

func listFilter(r *run, in Value, a callArgs) Value {
	a.bind(r, "list", 0)
	items := r.items(in)
	copied := r.values(len(items))
	copy(copied, items)
	return &List{items: copied}
}

func itemsFilter(r *run, in Value, a callArgs) Value {
	a.bind(r, "items", 0)
	switch v := in.(type) {
	case *undefined:
		return lazy(nil)
	case *Dict:
		return lazy(r.pairs(v))
	}
	fail("items: '%s' is no mapping", typeName(in))
	return nil
}

func reverse(r *run, in Value, a callArgs) Value {
	a.bind(r, "reverse", 0)
	if t, ok := in.(*Text); ok {
		return r.slice(t, nil, nil, int64(-1))
	}
	items := r.items(in)
	back := r.values(len(items))
	copy(back, items)
	slices.Reverse(back)
	if v, ok := in.(*sequence); ok && v.once {
		return &List{items: back}
	}
	return lazy(back)
}

func joinFilter(r *run, in Value, a callArgs) Value {
	b := a.bind(r, "join", 0, "d", "attribute")
	sep, get := r.str(b.value(0, &Text{})), r.getter(b.values[1])
	out := builder{r: r}
	for i, item := range r.items(in) {
		if i > 0 {
			out.add(sep)
		}
		out.add(r.str(get(item)))
	}
	return out.text()
}

// getter returns the function that finds an attribute such as "a.b.0"; None
// is the value itself.
func (r *run) getter(attr Value) func(Value) Value {
	var path []Value
	if t, ok := attr.(*Text); ok {
		r.scan(8 * len(t.s))
		r.slots(8 * (1 + strings.Count(t.s, ".")))
		for part := range strings.SplitSeq(t.s, ".") {
			if i, err := strconv.ParseInt(part, 10, 64); err == nil && i >= 0 {
				path = append(path, i)
			} else {
				path = append(path, Own(part))
			}
		}
	} else if attr != nil {
		path = []Value{attr}
	}
	return func(v Value) Value {
		for _, key := range path {
			r.step(1)
			v = r.element(v, key)
		}
		return v
	}
}

// folded is what texts are compared by where case does not count.
func (r *run) folded(sensitive bool, get func(Value) Value) func(Value) Value {
	if sensitive {
		return get
	}
	return func(v Value) Value {
		v = get(v)
		if t, ok := v.(*Text); ok {
			return t.mapped(r, func(_ bool, c rune) string { return lower(c) })
		}
		return v
	}
}

// keyed is a value with what it is sorted by.
type keyed struct{ key, value Value }

func (r *run) sorted(items []Value, descending bool, key func(Value) Value) []Value {
	r.slots(3 * len(items))
	all := make([]keyed, len(items))
	for i, item := range items {
		all[i] = keyed{key(item), item}
	}
	slices.SortStableFunc(all, func(a, b keyed) int {
		if descending {
			return r.order("<", b.key, a.key, 0)
		}
		return r.order("<", a.key, b.key, 0)
	})
	out := make([]Value, len(all))
	for i, k := range all {
		out[i] = k.value
	}
	return out
}

func sortFilter(r *run, in Value, a callArgs) Value {
	b := a.bind(r, "sort", 0, "reverse", "case_sensitive", "attribute")
	attrs := []Value{b.values[2]}
	if t, ok := b.values[2].(*Text); ok {
		attrs = nil
		for _, part := range r.split(t, Own(","), -1) {
			attrs = append(attrs, part)
		}
	}
	var keys []func(Value) Value
	for _, attr := range attrs {
		keys = append(keys, r.folded(b.truth(1, false), r.getter(attr)))
	}
	return &List{items: r.sorted(r.items(in), b.truth(0, false), func(v Value) Value {
		all := r.values(len(keys))
		for i, key := range keys {
			all[i] = key(v)
		}
		return NewList(all...)
	})}
}

func dictSort(r *run, in Value, a callArgs) Value {
	b := a.bind(r, "dictsort", 0, "case_sensitive", "by", "reverse")
	d, ok := in.(*Dict)
	if !ok {
		fail("dictsort: '%s' is no dictionary", typeName(in))
	}
	at := int64(0)
	if by := b.text(1); by != nil && by.s == "value" {
		at = 1
	} else if by != nil && by.s != "key" {
		fail("dictsort: by is key or value, not %s", by.s)
	}
	return &List{items: r.sorted(r.pairs(d), b.truth(2, false), r.folded(b.truth(0, false), r.getter(at)))}
}

func groupBy(r *run, in Value, a callArgs) Value {
	b := a.bind(r, "groupby", 1, "attribute", "default", "case_sensitive")
	get := r.orDefault(r.getter(b.values[0]), b.values[1])
	key := r.folded(b.truth(2, false), get)
	groups := &List{}
	for _, item := range r.sorted(r.items(in), false, key) {
		r.slots(4)
		if n := len(groups.items); n > 0 {
			g := groups.items[n-1].(*List).items
			if members := g[1].(*List); r.equal(key(members.items[0]), key(item), 0) {
				members.items = append(members.items, item)
				continue
			}
		}
		groups.items = append(groups.items, &List{items: []Value{get(item), NewList(item)}, tuple: true, names: []string{"grouper", "list"}})
	}
	return groups
}

// orDefault replaces what is not there, unless the replacement is None.
func (r *run) orDefault(get func(Value) Value, otherwise Value) func(Value) Value {
	if otherwise == nil {
		return get
	}
	return func(v Value) Value {
		if v = get(v); is[*undefined](v) {
			return otherwise
		}
		return v
	}
}

func unique(r *run, in Value, a callArgs) Value {
	b := a.bind(r, "unique", 0, "case_sensitive", "attribute")
	key := r.folded(b.truth(0, false), r.getter(b.values[1]))
	seen, kept := NewDict(), []Value(nil)
	for _, item := range r.items(in) {
		k := key(item)
		if _, ok := r.find(seen, k); ok {
			continue
		}
		r.put(seen, k, nil)
		kept = append(kept, item)
	}
	return lazy(kept)
}

// extreme is min or max: the first value of which nothing is before it in op.
func extreme(op string) filterFunc {
	return func(r *run, in Value, a callArgs) Value {
		b := a.bind(r, "min and max", 0, "case_sensitive", "attribute")
		key := r.folded(b.truth(0, false), r.getter(b.values[1]))
		items := r.items(in)
		if len(items) == 0 {
			return &undefined{"no aggregated item, the sequence is empty"}
		}
		best, bestKey := items[0], key(items[0])
		for _, item := range items[1:] {
			if k := key(item); r.compare(op, k, bestKey) {
				best, bestKey = item, k
			}
		}
		return best
	}
}

func sum(r *run, in Value, a callArgs) Value {
	b := a.bind(r, "sum", 0, "attribute", "start")
	get, total := r.getter(b.values[0]), b.value(1, int64(0))
	if is[*Text](total) {
		fail("sum: the start is a string; join them")
	}
	for _, item := range r.items(in) {
		total = r.operate("+", total, get(item))
	}
	return total
}

func mapFilter(r *run, in Value, a callArgs) Value {
	if !truth(in) {
		return lazy(nil)
	}
	each := r.mapping(a)
	items := r.items(in)
	out := r.values(len(items))
	for i, item := range items {
		out[i] = each(item)
	}
	return lazy(out)
}

// mapping is the function of map: an attribute or a filter.
func (r *run) mapping(a callArgs) func(Value) Value {
	if len(a.plain) == 0 {
		b := a.bind(r, "map", 0, "attribute", "default")
		if !b.given[0] {
			fail("map: a filter or an attribute is wanted")
		}
		return r.orDefault(r.getter(b.values[0]), b.values[1])
	}
	name := wantText("map", a.plain[0]).s
	rest := callArgs{a.plain[1:], a.named}
	return func(v Value) Value {
		r.enter()
		defer r.leave()
		return r.filter(name, v, rest)
	}
}

// choose is select, reject or one of them by attribute.
func choose(byAttr, want bool) filterFunc {
	return func(r *run, in Value, a callArgs) Value {
		if !truth(in) {
			return lazy(nil)
		}
		get, rest := r.getter(nil), a.plain
		if byAttr {
			if len(rest) == 0 {
				fail("selectattr and rejectattr: an attribute is wanted")
			}
			get, rest = r.getter(rest[0]), rest[1:]
		}
		holds := func(v Value) bool { return truth(v) }
		if len(rest) > 0 {
			name := wantText("select and reject: test", rest[0]).s
			holds = func(v Value) bool { return r.test(name, v, callArgs{rest[1:], a.named}) }
		}
		var kept []Value
		for _, item := range r.items(in) {
			if holds(get(item)) == want {
				r.slots(2)
				kept = append(kept, item)
			}
		}
		return lazy(kept)
	}
}

func batch(r *run, in Value, a callArgs) Value {
	b := a.bind(r, "batch", 1, "linecount", "fill_with")
	n := b.size(0, 0)
	if n == 0 {
		fail("batch: the size is 0")
	}
	var out []Value
	items := r.items(in)
	for from := 0; from < len(items); from += n {
		part := slices.Clone(items[from:min(from+n, len(items))])
		r.slots(2 * (len(part) + 2))
		if b.values[1] != nil {
			part = append(part, r.filled(b.values[1], n-len(part))...)
		}
		out = append(out, &List{items: part})
	}
	return lazy(out)
}

func (r *run) filled(with Value, n int) []Value {
	all := r.values(n)
	for i := range all {
		all[i] = with
	}
	return all
}

func sliceFilter(r *run, in Value, a callArgs) Value {
	b := a.bind(r, "slice", 1, "slices", "fill_with")
	n := b.size(0, 0)
	if n == 0 {
		fail("slice: the number of slices is 0")
	}
	items := r.items(in)
	r.slots(2*len(items) + 4*n)
	size, longer := len(items)/n, len(items)%n
	out, from := make([]Value, n), 0
	for i := range out {
		to := from + size
		if i < longer {
			to++
		}
		part := slices.Clone(items[from:to])
		if b.values[1] != nil && i >= longer {
			part = append(part, b.values[1])
		}
		out[i], from = &List{items: part}, to
	}
	return lazy(out)
}
