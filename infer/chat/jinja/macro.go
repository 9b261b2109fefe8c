package jinja

// definition is the macro statement, or the block of a call statement.
type definition struct {
	line   int
	name   string
	params []param
	body   block
	used   map[string]bool // names in the body
}

type param struct {
	name      string
	otherwise expression // nil: undefined
}

func (d *definition) exec(r *run, s *scope) flow {
	s.set(r, d.name, &macro{d, s})
	return goesOn
}

// callBlock is a call whose caller function is a block.
type callBlock struct {
	line   int
	call   *call
	caller *definition
}

func (c *callBlock) exec(r *run, s *scope) flow {
	r.line = c.line
	of := r.eval(c.call.of, s)
	args := c.call.args.eval(r, s)
	args.named = append(args.named, namedValue{"caller", &macro{c.caller, s}})
	r.out.add(r.str(r.call(of, args)))
	return goesOn
}

// macro is a macro as a value: it sees the names where it was defined.
type macro struct {
	*definition
	scope *scope
}

func (m *macro) call(r *run, a callArgs) Value {
	inner := m.scope.inner()
	line := r.line
	m.bind(r, inner, a)
	t := r.capture(func() { m.body.exec(r, inner) })
	r.line = line
	return t
}

// bind sets the parameters. A default sees those before it.
func (m *macro) bind(r *run, s *scope, a callArgs) {
	named := m.extras(r, s, a)
	for i, p := range m.params {
		v, ok := named[p.name]
		switch {
		case i < len(a.plain):
			s.set(r, p.name, a.plain[i])
		case ok:
			s.set(r, p.name, v)
		case p.otherwise != nil:
			s.set(r, p.name, r.eval(p.otherwise, s))
		default:
			s.set(r, p.name, &undefined{"parameter '" + p.name + "' was not provided"})
		}
	}
}

// extras returns the arguments by name, and sets varargs, kwargs and caller to
// what the parameters do not take. A body that does not use them takes no more.
func (m *macro) extras(r *run, s *scope, a callArgs) map[string]Value {
	rest := a.plain[min(len(a.plain), len(m.params)):]
	if len(rest) > 0 && !m.used["varargs"] {
		fail("macro %s takes at most %d arguments, not %d", m.name, len(m.params), len(a.plain))
	}
	s.set(r, "varargs", tuple(rest...))
	named, extra := map[string]Value{}, NewDict()
	for _, n := range a.named {
		switch at := m.index(n.name); {
		case at >= len(a.plain):
			named[n.name] = n.value
		case at < 0 && n.name == "caller" && m.used["caller"]:
			s.set(r, "caller", n.value)
		case at < 0 && m.used["kwargs"]:
			r.put(extra, Own(n.name), n.value)
		default:
			fail("macro %s takes no argument %s, or has it already", m.name, n.name)
		}
	}
	s.set(r, "kwargs", extra)
	return named
}

func (m *macro) index(param string) int {
	for i, p := range m.params {
		if p.name == param {
			return i
		}
	}
	return -1
}
