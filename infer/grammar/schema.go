package grammar

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// SchemaOptions says how to read a JSON Schema.
type SchemaOptions struct {
	// Draft is that of schemas without "$schema".
	Draft Draft
	// Exact takes the schema by its letter: what is not refused is allowed. A
	// schema without "type" then allows any type of value, and an object any
	// members besides its properties.
	//
	// Without Exact, the default, the schema is read as people write schemas for
	// models, and fewer values are allowed, never others:
	//   - without "type", the keywords tell it; a root that says nothing is an
	//     object
	//   - where properties are listed, if only as {}, and nothing is said about
	//     others, there are no others
	//   - where prefixItems (or a list of items) come without minItems, all have to
	//     be there, and where nothing is said about further items, there are none
	//   - numbers have at most 16 digits before and after the point, unless the
	//     schema's own bounds have more
	Exact bool
}

// FromSchema makes a grammar of the JSON texts that fulfil a JSON Schema, of
// draft 2020-12 or draft-07. The package comment has the keywords. What is not
// supported is an error that names its place with a JSON pointer.
func FromSchema(schema []byte, o SchemaOptions) (*Grammar, error) {
	root, err := parseDocument(schema)
	if err != nil {
		return nil, err
	}
	b, err := newBuilder(root, o)
	if err != nil {
		return nil, err
	}
	shapes, err := b.shapes([]*value{root})
	if err != nil {
		return nil, err
	}
	if !o.Exact && len(shapes) == 1 && shapes[0].free() {
		shapes[0].types = isObject
	}
	return b.grammar(shapes)
}

// JSONObject is the grammar of all JSON objects, for "response_format":
// {"type": "json_object"}.
func JSONObject() *Grammar {
	g, err := FromSchema([]byte(`{"type": "object"}`), SchemaOptions{})
	if err != nil {
		panic(err) // the schema is fixed
	}
	return g
}

// builder turns schemas into rules.
type builder struct {
	SchemaOptions
	references *references
	root       *value
	rules      []rule
	memo       map[string]int      // rules by what they are for
	known      map[*value][]*shape // of schemas
	active     map[*value]bool     // schemas whose shapes are being found
	pending    []*value            // schemas of parts of values, to be looked at even if no value has them
	nothing    *value              // the schema false
	table      map[string]keyword
	exact      *builder // see exactly
	work       int
}

// Bounds on what schemas combine to.
const (
	maxShapes   = 256   // alternatives of one schema
	maxCombined = 20000 // combinations of two alternatives in all
)

func newBuilder(root *value, o SchemaOptions) (*builder, error) {
	b := &builder{SchemaOptions: o, root: root, memo: map[string]int{}, known: map[*value][]*shape{}, active: map[*value]bool{}, table: keywordTable()}
	var err error
	if s := root.get("$schema"); s != nil {
		if b.Draft, err = draftOf(s); err != nil {
			return nil, err
		}
	}
	b.references, err = newReferences(root, b.Draft)
	return b, err
}

// shapes are those of values that fulfil all of some schemas.
func (b *builder) shapes(schemas []*value) ([]*shape, error) {
	all := []*shape{anyShape()}
	for _, v := range schemas {
		shapes, err := b.schema(v)
		if err != nil {
			return nil, err
		}
		if all, err = b.and(v, all, shapes); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// and combines each of some shapes with each of others.
func (b *builder) and(v *value, a, c []*shape) ([]*shape, error) {
	var all []*shape
	for _, s := range a {
		for _, t := range c {
			if b.work++; b.work > maxCombined {
				return nil, v.errorf("the alternatives of the schema have more than %d combinations", maxCombined)
			}
			both, err := s.and(t)
			if err != nil {
				return nil, v.wrap(err)
			}
			if both != nil {
				all = append(all, both)
			}
		}
	}
	if len(all) > maxShapes {
		return nil, v.errorf("it has more than %d alternatives", maxShapes)
	}
	return all, nil
}

// schema are the shapes of one schema.
func (b *builder) schema(v *value) ([]*shape, error) {
	if all, ok := b.known[v]; ok {
		return all, nil
	}
	if b.active[v] {
		return nil, v.errorf("it refers to itself for the same value")
	}
	b.active[v] = true
	defer delete(b.active, v)
	all, err := b.find(v)
	if err == nil {
		b.known[v] = all
	}
	return all, err
}

func (b *builder) find(v *value) ([]*shape, error) {
	switch data := v.data.(type) {
	case bool:
		if data {
			return []*shape{anyShape()}, nil
		}
		return nil, nil
	case *object:
		k := &keywords{b: b, schema: v, shape: anyShape()}
		return k.shapes(data)
	}
	return nil, v.errorf("a schema is an object, true or false")
}

// keywords reads those of one schema.
type keywords struct {
	b      *builder
	schema *value
	shape  *shape // of the keywords about single types
	alone  types  // types that keywords of theirs are there for
	more   [][]*shape
	typed  bool // something besides them tells the types

	restGiven  bool // something was said about items after a tuple
	dependents int  // properties that others depend on
}

// keyword reads one.
type keyword func(k *keywords, v *value) error

func (k *keywords) shapes(o *object) ([]*shape, error) {
	if ref := o.member["$ref"]; ref != nil && k.b.Draft == Draft7 {
		o = &object{names: []string{"$ref"}, member: o.member} // its neighbours say nothing
	}
	for _, name := range o.names {
		v := o.member[name]
		read, ok := k.b.table[name]
		if !ok && !strings.HasPrefix(name, "x-") {
			return nil, v.errorf("keyword %q is not supported", name)
		}
		if read != nil {
			if err := read(k, v); err != nil {
				return nil, err
			}
		}
	}
	if err := k.members(); err != nil {
		return nil, err
	}
	if !k.b.Exact && !k.typed && k.alone != 0 {
		k.shape.types &= k.alone
	}
	all := []*shape{k.shape}
	var err error
	if k.shape.impossible() {
		return nil, nil
	}
	for _, shapes := range k.more {
		if all, err = k.b.and(k.schema, all, shapes); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// impossible drops the types of which no value can be, and reports whether none
// is left.
func (s *shape) impossible() bool {
	s.drop(isNumber, s.number.none())
	s.drop(isString, s.string.none())
	s.drop(isArray, s.array.none())
	s.drop(isObject, s.object.none())
	return s.types == 0
}

// free reports whether a shape lets everything through.
func (s *shape) free() bool {
	return s.types == isAny && s.number.free() && s.string.free() && s.array.free() && s.object.free()
}

func (n *numbers) free() bool {
	return !n.integer && n.min == nil && n.max == nil && n.multiple == nil && n.values == nil
}

func (s *strings_) free() bool { return s.min == 0 && s.max < 0 && s.dfa == nil }

func (a *arrays) free() bool {
	return len(a.prefix)+len(a.rest)+a.min == 0 && a.max < 0 && a.unique == nil
}

func (o *objects) free() bool {
	return len(o.layers)+len(o.required)+len(o.names)+o.min == 0 && o.max < 0
}

// grammar makes a grammar of shapes and of what they need.
func (b *builder) grammar(shapes []*shape) (*Grammar, error) {
	b.rules = []rule{{name: rootName}}
	body, err := b.alternatives(shapes)
	if err != nil {
		return nil, err
	}
	b.rules[0].body = body
	for len(b.pending) > 0 {
		v := b.pending[len(b.pending)-1]
		b.pending = b.pending[:len(b.pending)-1]
		if _, err := b.schema(v); err != nil {
			return nil, err
		}
	}
	return compile(b.rules)
}

// rule is a rule that is made once for each key. make may need the rule itself.
func (b *builder) rule(key string, make func() (expr, error)) (ref, error) {
	if i, ok := b.memo[key]; ok {
		return ref(i), nil
	}
	i := len(b.rules)
	if i >= MaxRules {
		return 0, fmt.Errorf("grammar: the schema needs more than %d rules", MaxRules)
	}
	b.memo[key] = i
	b.rules = append(b.rules, rule{name: key})
	body, err := make()
	b.rules[i].body = body
	return ref(i), err
}

// value is the rule of values that fulfil all of some schemas.
func (b *builder) value(schemas []*value) (expr, error) {
	sorted := slices.Clone(schemas)
	slices.SortFunc(sorted, func(x, y *value) int { return x.id - y.id })
	var key strings.Builder
	key.WriteString("value")
	for _, v := range slices.Compact(sorted) {
		if v.data != true {
			fmt.Fprintf(&key, " %d", v.id)
		}
	}
	if key.Len() == len("value") {
		return b.anyValue()
	}
	return b.rule(key.String(), func() (expr, error) {
		shapes, err := b.shapes(schemas)
		if err != nil {
			return nil, err
		}
		return b.alternatives(shapes)
	})
}

var errOptional = errors.New("grammar: an object has more than 400 optional properties in a row")
