package grammar

import (
	"encoding/json"
	"math/big"
	"slices"

	"github.com/a472be26/cusp/infer/grammar/regular"
)

// keywordTable says how to read the keywords. Those without a function say
// nothing about a value, or are read together with others. It is made by a
// function because the functions in it come back to it.
func keywordTable() map[string]keyword {
	return map[string]keyword{
		"$schema": (*keywords).sameDraft, "$id": nil, "$anchor": nil, "$defs": nil, "definitions": nil, "$comment": nil,
		"title": nil, "description": nil, "default": nil, "examples": nil, "deprecated": nil, "readOnly": nil, "writeOnly": nil,
		"contentEncoding": (*keywords).content, "contentMediaType": (*keywords).content, "contentSchema": nil,

		"$ref": (*keywords).ref, "allOf": (*keywords).allOf, "anyOf": (*keywords).anyOf, "oneOf": (*keywords).oneOf,
		"type": (*keywords).types, "enum": (*keywords).enum, "const": (*keywords).constant,

		"minimum":          func(k *keywords, v *value) error { return k.bound(v, &k.shape.number.min, 1, false) },
		"maximum":          func(k *keywords, v *value) error { return k.bound(v, &k.shape.number.max, -1, false) },
		"exclusiveMinimum": func(k *keywords, v *value) error { return k.bound(v, &k.shape.number.min, 1, true) },
		"exclusiveMaximum": func(k *keywords, v *value) error { return k.bound(v, &k.shape.number.max, -1, true) },
		"multipleOf":       (*keywords).multipleOf,

		"minLength": func(k *keywords, v *value) error { return k.least(v, isString, &k.shape.string.min) },
		"maxLength": func(k *keywords, v *value) error { return k.most(v, isString, &k.shape.string.max) },
		"pattern":   (*keywords).pattern, "format": (*keywords).format,

		"items": (*keywords).items, "prefixItems": (*keywords).prefixItems, "additionalItems": (*keywords).additionalItems,
		"minItems": (*keywords).minItems,
		"maxItems": func(k *keywords, v *value) error { return k.most(v, isArray, &k.shape.array.max) },

		"uniqueItems": (*keywords).uniqueItems, "unevaluatedItems": (*keywords).unevaluated,

		"properties": nil, "patternProperties": nil, "additionalProperties": nil, // by members
		"required": (*keywords).required, "propertyNames": (*keywords).propertyNames,
		"minProperties": (*keywords).minProperties,
		"maxProperties": func(k *keywords, v *value) error { return k.most(v, isObject, &k.shape.object.max) },

		"dependentRequired": (*keywords).dependentRequired, "dependentSchemas": (*keywords).dependentSchemas,
		"dependencies": (*keywords).dependencies, "unevaluatedProperties": (*keywords).unevaluated,
		"not": (*keywords).not,
	}
}

// sameDraft refuses a schema of another draft within one. Where the whole names no
// draft, the keywords of both are read in it.
func (k *keywords) sameDraft(v *value) error {
	whole := k.b.root.get("$schema")
	if whole == nil {
		_, err := draftOf(v)
		return err
	}
	if v.data != whole.data {
		return v.errorf("a schema of another draft within one is not supported")
	}
	return nil
}

// content is keywords that say nothing about a value since draft 2020-12, and
// before may.
func (k *keywords) content(v *value) error {
	if k.b.Draft == Draft7 {
		return v.errorf("keyword %q is not supported in draft-07", v.token)
	}
	return nil
}

// also adds shapes of which a value must have one too.
func (k *keywords) also(shapes []*shape, err error) error {
	k.more = append(k.more, shapes)
	return err
}

func (k *keywords) ref(v *value) error {
	k.typed = true
	target, err := k.b.references.resolve(k.schema, v)
	if err != nil {
		return err
	}
	return k.also(k.b.schema(target))
}

// list reads a list of schemas that is not empty.
func (k *keywords) list(v *value) ([]*value, error) {
	items, ok := v.data.([]*value)
	if !ok || len(items) == 0 {
		return nil, v.errorf("a list of schemas is expected, at least one")
	}
	return items, nil
}

func (k *keywords) allOf(v *value) error {
	k.typed = true
	items, err := k.list(v)
	for _, item := range items {
		if err := k.also(k.b.schema(item)); err != nil {
			return err
		}
	}
	return err
}

func (k *keywords) anyOf(v *value) error {
	k.typed = true
	items, err := k.list(v)
	if err != nil {
		return err
	}
	var all []*shape
	for _, item := range items {
		shapes, err := k.b.schema(item)
		if err != nil {
			return err
		}
		if all = append(all, shapes...); len(all) > maxShapes {
			return v.errorf("it has more than %d alternatives", maxShapes)
		}
	}
	return k.also(all, nil)
}

// oneOf is anyOf if no value can be of two of the schemas.
func (k *keywords) oneOf(v *value) error {
	if err := k.anyOf(v); err != nil {
		return err
	}
	exact := k.b.exactly()
	items := v.data.([]*value)
	base, err := exact.bases(k.schema)
	if err != nil {
		return err
	}
	for i, a := range items {
		for j, c := range items[:i] {
			shapes, err := exact.both(v, base, a, c)
			if err != nil {
				return err
			}
			if slices.ContainsFunc(shapes, func(s *shape) bool { return exact.possible(s, possibleDepth) }) {
				return v.errorf("%d and %d may both hold for a value; only alternatives that exclude each other (by type, by a constant, or by a property that is required in both) are supported; use anyOf", j, i)
			}
		}
	}
	return nil
}

// possibleDepth is how deep alternatives are searched for what excludes them.
const possibleDepth = 4

// exactly is a builder that takes the schema by its letter: what excludes what
// must not depend on which values are allowed beyond that.
func (b *builder) exactly() *builder {
	if b.Exact {
		return b
	}
	if b.exact == nil {
		exact := *b
		exact.Exact, exact.known, exact.active = true, map[*value][]*shape{}, map[*value]bool{}
		b.exact = &exact
	}
	return b.exact
}

// both are the shapes of values that fulfil two schemas and have one of some
// shapes.
func (b *builder) both(v *value, base []*shape, schemas ...*value) ([]*shape, error) {
	all := base
	for _, s := range schemas {
		shapes, err := b.schema(s)
		if err != nil {
			return nil, err
		}
		if all, err = b.and(v, all, shapes); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// bases are the shapes of a schema without its oneOf.
func (b *builder) bases(v *value) ([]*shape, error) {
	o := v.data.(*object)
	k := &keywords{b: b, schema: v, shape: anyShape()}
	return k.shapes(&object{
		names:  slices.DeleteFunc(slices.Clone(o.names), func(name string) bool { return name == "oneOf" }),
		member: o.member,
	})
}

// possible reports whether a value may be of a shape. That none is means that it
// is certain.
func (b *builder) possible(s *shape, depth int) bool {
	if s.types&^(isArray|isObject) != 0 || depth == 0 {
		return s.types != 0
	}
	if s.types&isArray != 0 {
		fine := true
		for i := range min(s.array.min, len(s.array.prefix)+1) {
			fine = fine && b.some(s.array.at(i), depth-1)
		}
		if fine {
			return true
		}
	}
	if s.types&isObject != 0 {
		for _, name := range s.object.required {
			if !b.some(s.object.of(name), depth-1) {
				return false
			}
		}
		return true
	}
	return false
}

// some reports whether a value may fulfil all of some schemas.
func (b *builder) some(schemas []*value, depth int) bool {
	shapes, err := b.shapes(schemas)
	return err != nil || slices.ContainsFunc(shapes, func(s *shape) bool { return b.possible(s, depth) })
}

// not is supported where it says nothing or excludes everything.
func (k *keywords) not(v *value) error {
	switch o, _ := v.object(); {
	case v.data == false:
		return nil
	case v.data == true || o != nil && len(o.names) == 0:
		return k.also(nil, nil)
	}
	return v.errorf("keyword \"not\" is not supported")
}

var typeNames = map[string]types{
	"null": isNull, "boolean": isBoolean, "number": isNumber, "integer": isNumber, "string": isString, "array": isArray, "object": isObject,
}

func (k *keywords) types(v *value) error {
	k.typed = true
	names := []*value{v}
	if list, ok := v.data.([]*value); ok {
		names = list
	}
	var all types
	integer := true
	for _, item := range names {
		name, _ := item.data.(string)
		t, ok := typeNames[name]
		if !ok {
			return item.errorf("%v is none of the types null, boolean, number, integer, string, array, object", printable(item.data))
		}
		all |= t
		integer = integer && name != "number"
	}
	k.shape.types &= all
	k.shape.number.integer = k.shape.number.integer || integer && all&isNumber != 0
	return nil
}

func printable(data any) any {
	switch data.(type) {
	case *object:
		return "an object"
	case []*value:
		return "a list"
	}
	return data
}

func (k *keywords) enum(v *value) error {
	k.typed = true
	items, ok := v.data.([]*value)
	if !ok {
		return v.errorf("a list of values is expected")
	}
	return k.also(enum(v, items))
}

func (k *keywords) constant(v *value) error {
	k.typed = true
	s, err := constant(v)
	return k.also([]*shape{s}, err)
}

// bound reads a bound of numbers; the sign is that of limit.allows.
func (k *keywords) bound(v *value, at **limit, sign int, excluded bool) error {
	k.alone |= isNumber
	r, err := v.number()
	if err != nil {
		return err
	}
	*at = (*at).tighter(&limit{r, excluded}, sign)
	return nil
}

func (v *value) number() (*big.Rat, error) {
	n, ok := v.data.(json.Number)
	if !ok {
		return nil, v.errorf("a number is expected")
	}
	r, err := parseNumber(string(n))
	if err != nil {
		return nil, v.wrap(err)
	}
	return r, nil
}

func (k *keywords) multipleOf(v *value) error {
	k.alone |= isNumber
	r, err := v.number()
	if err != nil {
		return err
	}
	if r.Sign() <= 0 {
		return v.errorf("%v is not more than 0", v.data)
	}
	k.shape.number.multiple = r
	if _, err := newComparer(&k.shape.number, 0); err != nil {
		return v.wrap(err)
	}
	return nil
}

// least and most read bounds of counts.
func (k *keywords) least(v *value, t types, at *int) error {
	k.alone |= t
	n, err := v.size()
	*at = max(*at, n)
	return err
}

func (k *keywords) most(v *value, t types, at *int) error {
	k.alone |= t
	n, err := v.size()
	*at = tighterMax(*at, n)
	return err
}

func (k *keywords) pattern(v *value) error {
	text, ok := v.data.(string)
	if !ok {
		return v.errorf("a string is expected")
	}
	d, err := regular.Pattern(text)
	if err != nil {
		return v.wrap(err)
	}
	return k.strings(v, d)
}

func (k *keywords) format(v *value) error {
	name, ok := v.data.(string)
	if !ok {
		return v.errorf("a string is expected")
	}
	d, err := formatDFA(name)
	if err != nil {
		return v.wrap(err)
	}
	return k.strings(v, d)
}

// strings wants strings of an automaton.
func (k *keywords) strings(v *value, d regular.DFA) (err error) {
	k.alone |= isString
	if k.shape.string, err = k.shape.string.and(strings_{max: -1, dfa: &d}); err != nil {
		return v.wrap(err)
	}
	return nil
}

// checked says that a schema is one, before it is needed: also one that is never
// reached must be of supported keywords.
func (k *keywords) checked(v *value) error {
	k.b.pending = append(k.b.pending, v)
	return nil
}

func (k *keywords) items(v *value) error {
	k.alone |= isArray
	if list, ok := v.data.([]*value); ok {
		if k.b.Draft == Draft2020 {
			return v.errorf("a list of items is of older drafts; in 2020-12 it is prefixItems")
		}
		return k.tuple(list)
	}
	k.shape.array.rest, k.shape.array.tuple = append(k.shape.array.rest, v), false
	k.restGiven = true
	return k.checked(v)
}

func (k *keywords) prefixItems(v *value) error {
	k.alone |= isArray
	if k.b.Draft == Draft7 {
		return v.errorf("keyword \"prefixItems\" is not of draft-07; there it is a list of items")
	}
	list, err := k.list(v)
	if err != nil {
		return err
	}
	return k.tuple(list)
}

func (k *keywords) tuple(list []*value) error {
	if k.shape.array.prefix != nil {
		return k.schema.errorf("prefixItems and a list of items at once")
	}
	k.shape.array.prefix = [][]*value{}
	for _, item := range list {
		k.shape.array.prefix = append(k.shape.array.prefix, []*value{item})
		if err := k.checked(item); err != nil {
			return err
		}
	}
	k.shape.array.tuple = !k.restGiven
	return nil
}

// additionalItems is items after a list of items, and nothing otherwise.
func (k *keywords) additionalItems(v *value) error {
	if _, ok := k.schema.get("items").list(); !ok {
		return k.checked(v)
	}
	k.shape.array.rest, k.shape.array.tuple = append(k.shape.array.rest, v), false
	k.restGiven = true
	return k.checked(v)
}

func (v *value) list() ([]*value, bool) {
	if v == nil {
		return nil, false
	}
	list, ok := v.data.([]*value)
	return list, ok
}

func (k *keywords) minItems(v *value) error {
	k.shape.array.counted = true
	return k.least(v, isArray, &k.shape.array.min)
}

func (k *keywords) uniqueItems(v *value) error {
	k.alone |= isArray
	unique, ok := v.data.(bool)
	if !ok {
		return v.errorf("true or false is expected")
	}
	if unique {
		k.shape.array.unique = v
	}
	return nil
}

// unevaluated says nothing if it lets everything through.
func (k *keywords) unevaluated(v *value) error {
	if o, ok := v.object(); v.data == true || ok && len(o.names) == 0 {
		return nil
	}
	return v.errorf("keyword %q is not supported but for true", v.token)
}

func (k *keywords) required(v *value) error {
	k.alone |= isObject
	names, err := v.strings()
	for _, name := range names {
		if !slices.Contains(k.shape.object.required, name) {
			k.shape.object.required = append(k.shape.object.required, name)
		}
	}
	return err
}

func (k *keywords) propertyNames(v *value) error {
	k.alone |= isObject
	k.shape.object.names = append(k.shape.object.names, v)
	return k.checked(v)
}

func (k *keywords) minProperties(v *value) error {
	k.shape.object.counted = v
	return k.least(v, isObject, &k.shape.object.min)
}

// members reads the keywords about an object's members, which need each other.
func (k *keywords) members() error {
	if k.b.Draft == Draft7 && k.schema.get("$ref") != nil {
		return nil
	}
	properties, patterns, others := k.schema.get("properties"), k.schema.get("patternProperties"), k.schema.get("additionalProperties")
	if properties == nil && patterns == nil && others == nil {
		return nil
	}
	k.alone |= isObject
	l := layer{property: map[string]*value{}, others: others}
	if properties != nil {
		o, ok := properties.object()
		if !ok {
			return properties.errorf("an object of schemas is expected")
		}
		l.listed, l.names, l.property = true, o.names, o.member
	}
	if patterns != nil {
		o, ok := patterns.object()
		if !ok {
			return patterns.errorf("an object of schemas is expected")
		}
		for _, source := range o.names {
			d, err := regular.Pattern(source)
			if err != nil {
				return o.member[source].wrap(err)
			}
			l.patterns = append(l.patterns, pattern{d, o.member[source]})
		}
	}
	k.shape.object.layers = append(k.shape.object.layers, l)
	for _, name := range l.names {
		k.checked(l.property[name])
	}
	for _, p := range l.patterns {
		k.checked(p.schema)
	}
	if others != nil {
		k.checked(others)
	}
	return nil
}

// maxDependent bounds the properties that others depend on: each doubles the
// alternatives.
const maxDependent = 5

// dependent adds the alternatives that a property is not there, or is there and
// a condition holds.
func (k *keywords) dependent(v *value, name string, there []*shape) error {
	if k.dependents++; k.dependents > maxDependent {
		return v.errorf("more than %d properties that others depend on are not supported", maxDependent)
	}
	absent, present := anyShape(), anyShape()
	absent.object.layers = []layer{{names: []string{name}, property: map[string]*value{name: k.b.never()}}}
	present.types, present.object.required = isObject, []string{name}
	with, err := k.b.and(v, []*shape{present}, there)
	if err != nil {
		return err
	}
	return k.also(append([]*shape{absent}, with...), nil)
}

// never is the schema that nothing fulfils.
func (b *builder) never() *value {
	if b.nothing == nil {
		b.nothing = &value{id: -1 << 40, data: false}
	}
	return b.nothing
}

func (k *keywords) dependentRequired(v *value) error { return k.eachDependent(v, false, true) }

func (k *keywords) dependentSchemas(v *value) error { return k.eachDependent(v, true, false) }

func (k *keywords) dependencies(v *value) error { return k.eachDependent(v, true, true) }

func (k *keywords) eachDependent(v *value, schemas, lists bool) error {
	k.alone |= isObject
	o, ok := v.object()
	if !ok {
		return v.errorf("an object is expected")
	}
	for _, name := range o.names {
		m := o.member[name]
		there := []*shape{anyShape()}
		var err error
		if _, isList := m.list(); isList && lists {
			there[0].object.required, err = m.strings()
		} else if schemas {
			there, err = k.b.schema(m)
		} else {
			err = m.errorf("a list of names is expected")
		}
		if err != nil {
			return err
		}
		if err := k.dependent(m, name, there); err != nil {
			return err
		}
	}
	return nil
}
