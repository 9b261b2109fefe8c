package grammar

import (
	"cmp"
	"encoding/json"
	"math/big"
	"slices"

	"github.com/a472be26/cusp/infer/grammar/regular"
)

// types is a set of kinds of JSON values.
type types uint8

const (
	isNull types = 1 << iota
	isFalse
	isTrue
	isNumber
	isString
	isArray
	isObject
	isAny     = isNull | isFalse | isTrue | isNumber | isString | isArray | isObject
	isBoolean = isFalse | isTrue
)

// shape is what values must be like: of one of the types, and what is said of
// that type. A schema is a list of shapes, of which a value must have one.
type shape struct {
	types  types
	number numbers
	string strings_
	array  arrays
	object objects
}

// strings_ is what a schema wants of a string. Lengths are in characters.
type strings_ struct {
	min, max int          // a negative max is no bound
	dfa      *regular.DFA // nil: any
}

// arrays is what a schema wants of an array. Items have to fulfil lists of
// schemas.
type arrays struct {
	prefix   [][]*value
	rest     []*value
	min, max int    // a negative max is no bound
	tuple    bool   // nothing was said about items after the prefix
	counted  bool   // something was said about the least number of items
	unique   *value // the keyword, or nil
}

// objects is what a schema wants of an object: what each of several layers says.
type objects struct {
	layers   []layer
	required []string
	names    []*value // schemas of names
	min, max int      // members; a negative max is no bound
	counted  *value   // the keyword minProperties, or nil
}

// layer is the keywords of one schema that are about an object's members.
type layer struct {
	listed   bool     // there is a list of properties, though it may be empty
	names    []string // of properties, in order
	property map[string]*value
	patterns []pattern
	others   *value // the schema of all other members; nil: any
}

// pattern is a member of patternProperties.
type pattern struct {
	dfa    regular.DFA
	schema *value
}

// anyShape lets everything through.
func anyShape() *shape {
	return &shape{types: isAny, string: strings_{max: -1}, array: arrays{max: -1}, object: objects{max: -1}}
}

// and is what both want, or nil if it is certain that nothing is like that.
func (s *shape) and(t *shape) (*shape, error) {
	both := &shape{types: s.types & t.types}
	var err error
	if both.types&isNumber != 0 {
		if both.number, err = s.number.and(t.number); err != nil {
			return nil, err
		}
		both.drop(isNumber, both.number.none())
	}
	if both.types&isString != 0 {
		if both.string, err = s.string.and(t.string); err != nil {
			return nil, err
		}
		both.drop(isString, both.string.none())
	}
	if both.types&isArray != 0 {
		both.array = s.array.and(t.array)
		both.drop(isArray, both.array.none())
	}
	if both.types&isObject != 0 {
		both.object = s.object.and(t.object)
		both.drop(isObject, both.object.none())
	}
	if both.types == 0 {
		return nil, nil
	}
	return both, nil
}

func (s *shape) drop(t types, none bool) {
	if none {
		s.types &^= t
	}
}

// tighterMax is the smaller of two bounds, of which a negative one is none.
func tighterMax(a, b int) int {
	if a < 0 || b < 0 {
		return max(a, b)
	}
	return min(a, b)
}

func (s strings_) and(t strings_) (strings_, error) {
	both := strings_{max(s.min, t.min), tighterMax(s.max, t.max), cmp.Or(s.dfa, t.dfa)}
	if s.dfa != nil && t.dfa != nil {
		d, err := s.dfa.And(*t.dfa)
		if err != nil {
			return both, err
		}
		both.dfa = &d
	}
	return both, nil
}

func (s *strings_) none() bool {
	return s.max >= 0 && s.min > s.max || s.dfa != nil && s.dfa.Empty()
}

// all is the strings as an automaton, lengths included.
func (s *strings_) all() (regular.DFA, error) {
	d := regular.Anything()
	if s.dfa != nil {
		d = *s.dfa
	}
	if s.min == 0 && s.max < 0 {
		return d, nil
	}
	length, err := regular.Length(s.min, s.max)
	if err != nil {
		return nil, err
	}
	return d.And(length)
}

func (a arrays) and(b arrays) arrays {
	both := arrays{
		rest: union(a.rest, b.rest), min: max(a.min, b.min), max: tighterMax(a.max, b.max),
		tuple: (a.tuple || len(a.prefix) == 0) && (b.tuple || len(b.prefix) == 0) && (a.tuple || b.tuple), counted: a.counted || b.counted,
		unique: cmp.Or(a.unique, b.unique),
	}
	both.tuple = both.tuple && len(both.rest) == 0
	for i := range max(len(a.prefix), len(b.prefix)) {
		both.prefix = append(both.prefix, union(a.at(i), b.at(i)))
	}
	return both
}

// at is the schemas of an item.
func (a *arrays) at(i int) []*value {
	if i < len(a.prefix) {
		return a.prefix[i]
	}
	return a.rest
}

func (a *arrays) none() bool { return a.max >= 0 && a.min > a.max }

func (o objects) and(p objects) objects {
	both := objects{
		layers: slices.Concat(o.layers, p.layers), names: union(o.names, p.names),
		required: slices.Clone(o.required),
		min:      max(o.min, p.min), max: tighterMax(o.max, p.max), counted: cmp.Or(o.counted, p.counted),
	}
	for _, name := range p.required {
		if !slices.Contains(both.required, name) {
			both.required = append(both.required, name)
		}
	}
	return both
}

func (o *objects) none() bool {
	return o.max >= 0 && max(o.min, len(o.required)) > o.max
}

// of is the schemas that a member of a name has to fulfil.
func (o *objects) of(name string) []*value {
	var all []*value
	for i := range o.layers {
		all = union(all, o.layers[i].of(name))
	}
	return all
}

func (l *layer) of(name string) []*value {
	var all []*value
	if p := l.property[name]; p != nil {
		all = append(all, p)
	}
	for _, p := range l.patterns {
		if p.dfa.Match(name) {
			all = union(all, []*value{p.schema})
		}
	}
	if len(all) == 0 && l.others != nil {
		all = append(all, l.others)
	}
	return all
}

// union puts lists of schemas together, each once. The result is new.
func union(a, b []*value) []*value {
	all := slices.Clone(a)
	for _, v := range b {
		if !slices.Contains(all, v) {
			all = append(all, v)
		}
	}
	return all
}

// constant is the shape of a value.
func constant(v *value) (*shape, error) {
	s := anyShape()
	switch data := v.data.(type) {
	case nil:
		s.types = isNull
	case bool:
		if s.types = isFalse; data {
			s.types = isTrue
		}
	case json.Number:
		r, err := parseNumber(string(data))
		if err != nil {
			return nil, v.wrap(err)
		}
		s.types, s.number.values = isNumber, []*big.Rat{r}
	case string:
		d, err := regular.Words(data)
		if err != nil {
			return nil, v.wrap(err)
		}
		s.types, s.string.dfa = isString, &d
	case []*value:
		s.types = isArray
		s.array.min, s.array.max = len(data), len(data)
		for _, item := range data {
			s.array.prefix = append(s.array.prefix, []*value{constantSchema(item)})
		}
	case *object:
		s.types = isObject
		l := layer{names: data.names, property: map[string]*value{}, others: made(v, false)}
		for _, name := range data.names {
			l.property[name] = constantSchema(data.member[name])
		}
		s.object.layers, s.object.required = []layer{l}, data.names
	}
	return s, nil
}

// constantSchema is the schema of a value that stands in a constant.
func constantSchema(v *value) *value {
	return &value{id: -1 - v.id, parent: v.parent, token: v.token, data: &object{
		names: []string{"const"}, member: map[string]*value{"const": v},
	}}
}

// enum is the shapes of a list of values: one for all but arrays and objects.
func enum(v *value, items []*value) ([]*shape, error) {
	simple := anyShape()
	simple.types = 0
	simple.number.values = []*big.Rat{}
	var words []string
	var all []*shape
	for _, item := range items {
		s, err := constant(item)
		if err != nil {
			return nil, err
		}
		switch data := item.data.(type) {
		case string:
			words = append(words, data)
		case json.Number:
			simple.number.values = append(simple.number.values, s.number.values...)
		case []*value, *object:
			all = append(all, s)
			continue
		}
		simple.types |= s.types
	}
	d, err := regular.Words(words...)
	if err != nil {
		return nil, v.wrap(err)
	}
	simple.string.dfa = &d
	if simple.types != 0 {
		all = append(all, simple)
	}
	return all, nil
}
