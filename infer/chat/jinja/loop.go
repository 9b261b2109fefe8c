package jinja

type forLoop struct {
	line      int
	target    target
	over      expression
	test      expression // nil: all
	recursive bool
	body      block
	otherwise block
}

func (f *forLoop) exec(r *run, s *scope) flow {
	r.line = f.line
	f.iterate(r, s, r.eval(f.over, s), 0)
	return goesOn
}

// iterate runs the loop over v; depth counts recursive calls.
func (f *forLoop) iterate(r *run, s *scope, v Value, depth int64) {
	whole := false // an iteration ran to its end
	l := &loop{node: f, scope: s, items: f.selected(r, s, r.items(v)), depth: depth}
	for l.at = range l.items {
		r.step(1)
		inner := s.inner()
		inner.set(r, "loop", l)
		f.target.assign(r, inner, l.items[l.at])
		end := f.body.exec(r, inner)
		if end == breaks {
			break
		}
		whole = whole || end == goesOn
	}
	if !whole { // so does Jinja: else is also for loops that break and continue keep from an end
		f.otherwise.exec(r, s.inner())
	}
}

// selected returns the items that pass the loop's test.
func (f *forLoop) selected(r *run, s *scope, items []Value) []Value {
	if f.test == nil {
		return items
	}
	var kept []Value
	for _, item := range items {
		inner := s.inner()
		f.target.assign(r, inner, item)
		if truth(r.eval(f.test, inner)) {
			r.slots(2)
			kept = append(kept, item)
		}
	}
	return kept
}

// loop is the variable of that name within a loop.
type loop struct {
	node    *forLoop
	scope   *scope
	items   []Value
	at      int
	depth   int64
	changed Value // the last arguments of changed
}

func (l *loop) attribute(name string) (Value, bool) {
	at, n := int64(l.at), int64(len(l.items))
	switch name {
	case "index":
		return at + 1, true
	case "index0":
		return at, true
	case "revindex":
		return n - at, true
	case "revindex0":
		return n - at - 1, true
	case "first":
		return at == 0, true
	case "last":
		return at == n-1, true
	case "length":
		return n, true
	case "depth":
		return l.depth + 1, true
	case "depth0":
		return l.depth, true
	case "previtem":
		return l.item(l.at-1, "there is no previous item"), true
	case "nextitem":
		return l.item(l.at+1, "there is no next item"), true
	case "cycle":
		return &function{"cycle", l.cycle}, true
	case "changed":
		return &function{"changed", l.change}, true
	}
	return nil, false
}

func (l *loop) item(i int, reason string) Value {
	if i < 0 || i >= len(l.items) {
		return &undefined{reason}
	}
	return l.items[i]
}

func (l *loop) cycle(_ *run, a callArgs) Value {
	if len(a.plain) == 0 {
		fail("loop.cycle: no items")
	}
	return a.plain[l.at%len(a.plain)]
}

func (l *loop) change(r *run, a callArgs) Value {
	v := tuple(a.plain...)
	if l.changed != nil && r.equal(l.changed, v, 0) {
		return false
	}
	l.changed = v
	return true
}

// call runs a recursive loop over other items.
func (l *loop) call(r *run, a callArgs) Value {
	if !l.node.recursive {
		fail("loop is called, but is not recursive")
	}
	b := a.bind(r, "loop", 1, "iterable")
	return r.capture(func() { l.node.iterate(r, l.scope, b.values[0], l.depth+1) })
}
