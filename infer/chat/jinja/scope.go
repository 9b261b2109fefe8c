package jinja

// scope holds names. Loops, macros, with, generation and captured blocks have
// scopes of their own: what they set ends with them.
type scope struct {
	vars   map[string]Value
	parent *scope
}

func (s *scope) inner() *scope { return &scope{parent: s} }

func (s *scope) set(r *run, name string, v Value) {
	if s.vars == nil {
		s.vars = map[string]Value{}
	}
	if _, ok := s.vars[name]; !ok {
		r.alloc(entryBytes)
	}
	s.vars[name] = v
}

func (s *scope) find(name string) (Value, bool) {
	for ; s != nil; s = s.parent {
		if v, ok := s.vars[name]; ok {
			return v, true
		}
	}
	return nil, false
}

// target is what a value is assigned to.
type target interface {
	assign(r *run, s *scope, v Value)
}

type (
	nameTarget      string
	attributeTarget struct{ namespace, attr string }
	targets         []target
)

func (t nameTarget) assign(r *run, s *scope, v Value) { s.set(r, string(t), v) }

func (t *attributeTarget) assign(r *run, s *scope, v Value) {
	of, _ := s.find(t.namespace)
	ns, ok := of.(*namespace)
	if !ok {
		fail("%s is no namespace, its attribute %s cannot be set", t.namespace, t.attr)
	}
	r.put(ns.attrs, Own(t.attr), v)
}

func (t targets) assign(r *run, s *scope, v Value) {
	items := r.items(v)
	if len(items) != len(t) {
		fail("%d values where %d are assigned", len(items), len(t))
	}
	for i, one := range t {
		one.assign(r, s, items[i])
	}
}
