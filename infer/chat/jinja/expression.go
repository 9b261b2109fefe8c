package jinja

// expression is a part of a template that has a value.
type expression interface {
	eval(r *run, s *scope) Value
}

func (r *run) eval(e expression, s *scope) Value {
	r.enter()
	v := e.eval(r, s)
	r.leave()
	return v
}

type literal struct{ value Value }

func (l *literal) eval(*run, *scope) Value { return l.value }

type variable string

func (v variable) eval(_ *run, s *scope) Value {
	if value, ok := s.find(string(v)); ok {
		return value
	}
	return &undefined{"'" + string(v) + "' is undefined"}
}

// sequenceOf is a list or a tuple.
type sequenceOf struct {
	items []expression
	tuple bool
}

func (e *sequenceOf) eval(r *run, s *scope) Value {
	items := r.values(len(e.items))
	for i, item := range e.items {
		items[i] = r.eval(item, s)
	}
	return &List{items: items, tuple: e.tuple}
}

type dictOf struct{ keys, values []expression }

func (e *dictOf) eval(r *run, s *scope) Value {
	d := NewDict()
	for i, key := range e.keys {
		k := r.eval(key, s)
		r.put(d, k, r.eval(e.values[i], s))
	}
	return d
}

type conditional struct {
	condition, value expression
	otherwise        expression // nil: undefined
}

func (c *conditional) eval(r *run, s *scope) Value {
	switch {
	case truth(r.eval(c.condition, s)):
		return r.eval(c.value, s)
	case c.otherwise == nil:
		return &undefined{"the condition of an if without else is false"}
	}
	return r.eval(c.otherwise, s)
}

// logical is and, or or.
type logical struct {
	left, right expression
	or          bool
}

func (l *logical) eval(r *run, s *scope) Value {
	if v := r.eval(l.left, s); truth(v) == l.or {
		return v
	}
	return r.eval(l.right, s)
}

type not struct{ of expression }

func (n *not) eval(r *run, s *scope) Value { return !truth(r.eval(n.of, s)) }

// comparison is a chain: a < b < c.
type comparison struct {
	first expression
	links []link
}

type link struct {
	op    string
	right expression
}

func (c *comparison) eval(r *run, s *scope) Value {
	left := r.eval(c.first, s)
	for _, l := range c.links {
		right := r.eval(l.right, s)
		if !r.compare(l.op, left, right) {
			return false
		}
		left = right
	}
	return true
}

type concat struct{ parts []expression }

func (c *concat) eval(r *run, s *scope) Value {
	b := builder{r: r}
	for _, part := range c.parts {
		b.add(r.str(r.eval(part, s)))
	}
	return b.text()
}

type arithmetic struct {
	op          string
	left, right expression
}

func (a *arithmetic) eval(r *run, s *scope) Value {
	left := r.eval(a.left, s)
	return r.operate(a.op, left, r.eval(a.right, s))
}

type negation struct{ of expression }

func (n *negation) eval(r *run, s *scope) Value {
	return r.operate("-", int64(0), r.eval(n.of, s))
}

type attribute struct {
	of   expression
	name *Text
}

func (a *attribute) eval(r *run, s *scope) Value { return r.attribute(r.eval(a.of, s), a.name) }

type element struct{ of, key expression }

func (e *element) eval(r *run, s *scope) Value {
	of := r.eval(e.of, s)
	return r.element(of, r.eval(e.key, s))
}

type slice struct{ of, from, to, step expression }

func (e *slice) eval(r *run, s *scope) Value {
	of := r.eval(e.of, s)
	var bounds [3]Value
	for i, bound := range []expression{e.from, e.to, e.step} {
		if bound != nil {
			bounds[i] = r.eval(bound, s)
		}
	}
	return r.slice(of, bounds[0], bounds[1], bounds[2])
}

// arguments are those of a call.
type arguments struct {
	plain      []expression
	named      []named
	list, dict expression // behind * and **; nil: none
}

type named struct {
	name  string
	value expression
}

func (a *arguments) eval(r *run, s *scope) callArgs {
	var args callArgs
	for _, e := range a.plain {
		args.plain = append(args.plain, r.eval(e, s))
	}
	if a.list != nil {
		args.plain = append(args.plain, r.items(r.eval(a.list, s))...)
		r.slots(len(args.plain))
	}
	for _, n := range a.named {
		args.named = append(args.named, namedValue{n.name, r.eval(n.value, s)})
	}
	if a.dict == nil {
		return args
	}
	d, ok := r.eval(a.dict, s).(*Dict)
	if !ok {
		fail("the argument behind ** is no dictionary")
	}
	r.slots(2 * d.Len())
	for i, key := range d.keys {
		args.named = append(args.named, namedValue{wantText("**", key).s, d.values[i]})
	}
	return args
}

type call struct {
	of   expression
	args arguments
}

func (c *call) eval(r *run, s *scope) Value {
	of := r.eval(c.of, s)
	return r.call(of, c.args.eval(r, s))
}

type filter struct {
	of   expression
	name string
	args arguments
}

func (f *filter) eval(r *run, s *scope) Value {
	of := r.eval(f.of, s)
	return r.filter(f.name, of, f.args.eval(r, s))
}

func (r *run) filter(name string, of Value, args callArgs) Value {
	f, ok := r.filters[name]
	if !ok {
		fail("there is no filter %q", name)
	}
	return f(r, of, args)
}

type test struct {
	of   expression
	name string
	args arguments
}

func (t *test) eval(r *run, s *scope) Value {
	of := r.eval(t.of, s)
	return r.test(t.name, of, t.args.eval(r, s))
}

func (r *run) test(name string, of Value, args callArgs) bool {
	t, ok := r.tests[name]
	if !ok {
		fail("there is no test %q", name)
	}
	if n := len(args.plain); n < t.least || n > t.most || len(args.named) > 0 {
		fail("test %s: %d arguments, not %d to %d", name, n, t.least, t.most)
	}
	var arg Value
	if len(args.plain) > 0 {
		arg = args.plain[0]
	}
	return t.holds(r, of, arg)
}
