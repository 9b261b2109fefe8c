package grammar

import (
	"fmt"
	"slices"
	"strings"

	"github.com/a472be26/cusp/infer/grammar/regular"
)

// usualDigits bounds the digits before and after the point, without Exact.
const usualDigits = 16

func (b *builder) digits() int {
	if b.Exact {
		return 0
	}
	return usualDigits
}

// shared makes or finds a rule that is the same in every schema.
func (b *builder) shared(name string, body expr) expr {
	r, _ := b.rule(name, func() (expr, error) { return body, nil }) // maxShared rules fit always
	return r
}

// space is what may stand between the parts of a value: nothing, a space, or a
// line end with up to 20 spaces and tabs.
func (b *builder) space() expr {
	space := b.shared("space", alt{text(""), text(" "), seq{text("\n"), repeat{class(regular.Of(" \t")), 0, 20}}})
	b.rules[space.(ref)].called = true
	return space
}

// character is one of a JSON string, in all notations.
func character() expr {
	hex := class(regular.Runes(regular.Range{Lo: '0', Hi: '9'}, regular.Range{Lo: 'a', Hi: 'f'}, regular.Range{Lo: 'A', Hi: 'F'}))
	return alt{
		class(unescaped),
		seq{text(`\`), class(regular.Of(`"\/bfnrt`))},
		seq{text(`\u`), alt{
			seq{class(regular.Of("0123456789abcefABCEF")), hex, hex, hex},
			seq{class(regular.Of("dD")), class(regular.Of("01234567")), hex, hex},
			seq{ // a surrogate pair
				class(regular.Of("dD")), class(regular.Of("89abAB")), hex, hex,
				text(`\u`), class(regular.Of("dD")), class(regular.Of("cdefCDEF")), hex, hex,
			},
		}},
	}
}

// rest is the rest of any string, with its closing quote.
func (b *builder) rest() int {
	return int(b.shared("rest", seq{repeat{character(), 0, -1}, text(`"`)}).(ref))
}

// anyString is any string.
func (b *builder) anyString() expr { return b.shared("string", seq{text(`"`), ref(b.rest())}) }

// anyValue is any JSON value.
func (b *builder) anyValue() (expr, error) {
	return b.rule("any", func() (expr, error) { return b.alternatives([]*shape{anyShape()}) })
}

// alternatives is values of one of some shapes.
func (b *builder) alternatives(shapes []*shape) (expr, error) {
	var all alt
	for _, s := range shapes {
		for _, kind := range []struct {
			types
			emit func(*shape) (expr, error)
		}{
			{isNull, func(*shape) (expr, error) { return text("null"), nil }},
			{isFalse, func(*shape) (expr, error) { return text("false"), nil }},
			{isTrue, func(*shape) (expr, error) { return text("true"), nil }},
			{isNumber, b.number}, {isString, b.string}, {isArray, b.array}, {isObject, b.object},
		} {
			if s.types&kind.types == 0 {
				continue
			}
			x, err := kind.emit(s)
			if err != nil {
				return nil, err
			}
			all = append(all, x)
		}
	}
	return all, nil
}

func (b *builder) number(s *shape) (expr, error) {
	return b.rule("number "+s.number.key(), func() (expr, error) {
		d, err := s.number.dfa(b.digits())
		if err != nil {
			return nil, fmt.Errorf("grammar: schema: %w", err)
		}
		return plain{d}, nil
	})
}

func (b *builder) string(s *shape) (expr, error) {
	switch w := &s.string; {
	case w.free():
		return b.anyString(), nil
	case w.dfa == nil:
		return counted{text(`"`), text(`"`), character(), w.min, w.max}, nil
	default:
		d, err := w.all()
		if err != nil {
			return nil, fmt.Errorf("grammar: schema: %w", err)
		}
		return quoted{d, b.rest()}, nil
	}
}

// maxPlaces bounds the items or members that are told apart.
const maxPlaces = 1 << 13

// array is arrays of a shape. Each item that is told apart has a place.
func (b *builder) array(s *shape) (expr, error) {
	a := s.array
	if !b.Exact && len(a.prefix) > 0 {
		b.closeTuple(&a)
	}
	if a.unique != nil && !(a.max >= 0 && a.max <= 1) {
		return nil, a.unique.errorf("keyword \"uniqueItems\" is not supported, unless there is at most one item")
	}
	space := b.space()
	told := max(len(a.prefix), min(a.min, maxPlaces+1), 1)
	if a.max >= 0 {
		told = min(told, a.max)
	}
	if told > maxPlaces {
		return nil, fmt.Errorf("grammar: schema: more than %d items that have to be there are not supported", maxPlaces)
	}
	g := &graph{}
	at := 0
	for i := range told + 1 {
		if i == 0 && a.min == 0 {
			g.edge(at, 1, text("]"))
		} else if i >= a.min {
			g.edge(at, 1, space, text("]"))
		}
		if i == told {
			break
		}
		item, err := b.item(a.at(i), i > 0)
		if err != nil {
			return nil, err
		}
		next := g.place()
		g.edge(at, next, item)
		at = next
	}
	if a.max < 0 || a.max > told {
		item, err := b.item(a.rest, true)
		if err != nil {
			return nil, err
		}
		g.edge(at, 1, repeat{item, 1, tighterMax(a.max-told, a.max)}, space, text("]"))
	}
	return seq{text("["), space, g}, nil
}

// item is one, with the comma before it.
func (b *builder) item(schemas []*value, comma bool) (expr, error) {
	x, err := b.value(schemas)
	if comma {
		x = seq{text(","), b.space(), x}
	}
	return x, err
}

// closeTuple lets nothing be left out of a tuple, and nothing come after it,
// unless something is said about that.
func (b *builder) closeTuple(a *arrays) {
	if !a.counted && (a.max < 0 || a.max >= len(a.prefix)) {
		a.min = len(a.prefix)
	}
	if a.tuple && a.min <= len(a.prefix) {
		a.max = tighterMax(a.max, len(a.prefix))
	}
}

// quote writes a string as JSON, with no more escapes than it needs.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		letter, short := shortEscapes[r]
		switch {
		case short:
			b.WriteByte('\\')
			b.WriteByte(letter)
		case r < ' ':
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// member is a named member of an object, or one of a set of other names.
type member struct {
	name     string
	required bool
	pair     expr // name, colon and value
}

// object is objects of a shape: the listed properties in their order, then
// others.
func (b *builder) object(s *shape) (expr, error) {
	o := &s.object
	names, err := b.nameDFA(o.names)
	if err != nil {
		return nil, err
	}
	var members []member
	for _, name := range o.listed() {
		if names != nil && !names.Match(name) {
			if slices.Contains(o.required, name) {
				return alt{}, nil
			}
			continue
		}
		m, err := b.member(o, name)
		if err != nil {
			return nil, err
		}
		members = append(members, m)
	}
	others, err := b.others(o, names)
	if err != nil {
		return nil, err
	}
	l := lattice{b: b, o: o, members: members, others: others, space: b.space()}
	body, err := l.body()
	return seq{text("{"), l.space, body}, err
}

// listed are the names that are told apart, in order: properties as they are
// listed, then those that are only required.
func (o *objects) listed() []string {
	var all []string
	seen := map[string]bool{}
	add := func(names []string) {
		for _, name := range names {
			if !seen[name] {
				seen[name] = true
				all = append(all, name)
			}
		}
	}
	for _, l := range o.layers {
		add(l.names)
	}
	add(o.required)
	return all
}

func (b *builder) member(o *objects, name string) (member, error) {
	value, err := b.value(o.of(name))
	return member{
		name: name, required: slices.Contains(o.required, name),
		pair: seq{text(quote(name) + ":"), b.space(), value},
	}, err
}

// nameDFA is the names that fulfil schemas, or nil for all.
func (b *builder) nameDFA(schemas []*value) (*regular.DFA, error) {
	if len(schemas) == 0 {
		return nil, nil
	}
	shapes, err := b.shapes(schemas)
	if err != nil {
		return nil, err
	}
	var all regular.DFA
	for _, s := range shapes {
		if s.types&isString == 0 {
			continue
		}
		d, err := s.string.all()
		if err == nil {
			all, err = all.Or(d)
		}
		if err != nil {
			return nil, schemas[0].wrap(err)
		}
	}
	return &all, nil
}

// maxNameClasses bounds the sets of names that patternProperties make.
const maxNameClasses = 32

// nameClass is other names, which have the same schemas.
type nameClass struct {
	dfa     regular.DFA
	matched []*value
}

// others is a member with a name that is not listed, or nil if there is none.
func (b *builder) others(o *objects, names *regular.DFA) (expr, error) {
	if !b.Exact && o.closed() {
		return nil, nil
	}
	classes, free, err := b.nameClasses(o, names)
	if err != nil {
		return nil, err
	}
	var all alt
	for _, c := range classes {
		schemas := o.besides(c.matched)
		if slices.ContainsFunc(schemas, func(v *value) bool { return v.data == false }) {
			continue
		}
		value, err := b.value(schemas)
		if err != nil {
			return nil, err
		}
		name := b.anyString()
		if !free {
			name = quoted{c.dfa, b.rest()}
		}
		all = append(all, seq{name, text(":"), b.space(), value})
	}
	if all == nil {
		return nil, nil
	}
	return all, nil
}

// closed reports whether properties are listed and nothing is said about others.
func (o *objects) closed() bool {
	listed := false
	for _, l := range o.layers {
		if l.others != nil || len(l.patterns) > 0 {
			return false
		}
		listed = listed || l.listed
	}
	return listed
}

// nameClasses divides the names that are not listed by the patterns that they
// match. free: there is one class, and any name is in it.
func (b *builder) nameClasses(o *objects, names *regular.DFA) (classes []nameClass, free bool, err error) {
	listed := o.listed()
	rest := regular.Anything()
	if names != nil {
		rest = *names
	}
	free = names == nil && len(listed) == 0
	if len(listed) > 0 {
		words, err := regular.Words(listed...)
		if err == nil {
			rest, err = rest.Minus(words)
		}
		if err != nil {
			return nil, false, fmt.Errorf("grammar: schema: the names of an object: %w", err)
		}
	}
	classes = []nameClass{{dfa: rest}}
	for _, l := range o.layers {
		for _, p := range l.patterns {
			free = false
			if classes, err = divide(classes, p); err != nil {
				return nil, false, p.schema.wrap(err)
			}
		}
	}
	return classes, free, nil
}

func divide(classes []nameClass, p pattern) ([]nameClass, error) {
	var all []nameClass
	for _, c := range classes {
		inside, err := c.dfa.And(p.dfa)
		if err != nil {
			return nil, err
		}
		outside, err := c.dfa.Minus(p.dfa)
		if err != nil {
			return nil, err
		}
		if !inside.Empty() {
			all = append(all, nameClass{inside, union(c.matched, []*value{p.schema})})
		}
		if !outside.Empty() {
			all = append(all, nameClass{outside, c.matched})
		}
	}
	if len(all) > maxNameClasses {
		return nil, fmt.Errorf("patternProperties divide the names into more than %d sets", maxNameClasses)
	}
	return all, nil
}

// besides is the schemas of a member that is not listed and matches patterns.
func (o *objects) besides(matched []*value) []*value {
	all := matched
	for _, l := range o.layers {
		hit := slices.ContainsFunc(l.patterns, func(p pattern) bool { return slices.Contains(matched, p.schema) })
		if !hit && l.others != nil {
			all = union(all, []*value{l.others})
		}
	}
	return all
}
