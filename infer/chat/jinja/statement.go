package jinja

// flow says how a statement ended.
type flow int

const (
	goesOn flow = iota
	breaks
	continues
)

// statement is a part of a template that writes or sets something.
type statement interface {
	exec(r *run, s *scope) flow
}

type block []statement

func (b block) exec(r *run, s *scope) flow {
	r.enter()
	defer r.leave()
	for _, one := range b {
		if f := one.exec(r, s); f != goesOn {
			return f
		}
	}
	return goesOn
}

// capture returns what f writes.
func (r *run) capture(f func()) *Text {
	around := r.out
	r.out = &builder{r: r}
	f()
	t := r.out.text()
	r.out = around
	return t
}

type output struct {
	line  int
	value expression
}

func (o *output) exec(r *run, s *scope) flow {
	r.line = o.line
	r.out.add(r.str(r.eval(o.value, s)))
	return goesOn
}

// evaluation is a do statement.
type evaluation struct {
	line  int
	value expression
}

func (e *evaluation) exec(r *run, s *scope) flow {
	r.line = e.line
	r.eval(e.value, s)
	return goesOn
}

type jump flow

func (j jump) exec(*run, *scope) flow { return flow(j) }

type ifElse struct {
	line      int
	branches  []branch
	otherwise block
}

type branch struct {
	condition expression
	body      block
}

func (i *ifElse) exec(r *run, s *scope) flow {
	r.line = i.line
	for _, b := range i.branches {
		if truth(r.eval(b.condition, s)) {
			return b.body.exec(r, s)
		}
	}
	return i.otherwise.exec(r, s)
}

type assignment struct {
	line   int
	target target
	value  expression
}

func (a *assignment) exec(r *run, s *scope) flow {
	r.line = a.line
	a.target.assign(r, s, r.eval(a.value, s))
	return goesOn
}

// captured is the name of the text that a filter block or a set block caught;
// no template can write it.
const captured = variable("\x00captured")

// capture is a filter block, or a set block where there is a target.
type capture struct {
	line    int
	body    block
	filters expression // of captured
	target  target     // nil: it is written
}

func (c *capture) exec(r *run, s *scope) flow {
	r.line = c.line
	inner := s.inner()
	end := goesOn
	inner.set(r, string(captured), r.capture(func() { end = c.body.exec(r, inner) }))
	if end != goesOn {
		return end
	}
	v := r.eval(c.filters, inner)
	if c.target == nil {
		r.out.add(r.str(v))
		return goesOn
	}
	c.target.assign(r, s, v)
	return goesOn
}

type with struct {
	line    int
	targets []target
	values  []expression
	body    block
}

func (w *with) exec(r *run, s *scope) flow {
	r.line = w.line
	inner := s.inner()
	for i, t := range w.targets {
		t.assign(r, inner, r.eval(w.values[i], s))
	}
	return w.body.exec(r, inner)
}

// scoped is a block with names of its own and no other effect: generation,
// which marks the text that a training learns from.
type scoped struct {
	line int
	body block
}

func (b *scoped) exec(r *run, s *scope) flow { return b.body.exec(r, s.inner()) }
