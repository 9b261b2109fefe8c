package grammar

import (
	"net/url"
	"strconv"
	"strings"
)

// Draft is a version of JSON Schema.
type Draft int

// The drafts that are supported. DraftAny is for schemas without "$schema": it
// reads the keywords of both, and lets "$ref" have neighbours.
const (
	DraftAny Draft = iota
	Draft7
	Draft2020
)

var drafts = map[string]Draft{
	"http://json-schema.org/draft-07/schema":       Draft7,
	"https://json-schema.org/draft-07/schema":      Draft7,
	"https://json-schema.org/draft/2020-12/schema": Draft2020,
}

// draftOf reads the value of "$schema".
func draftOf(v *value) (Draft, error) {
	text, _ := v.data.(string)
	draft, ok := drafts[strings.TrimSuffix(text, "#")]
	if !ok {
		return 0, v.errorf("%v is not supported; it is https://json-schema.org/draft/2020-12/schema or http://json-schema.org/draft-07/schema#", v.data)
	}
	return draft, nil
}

// references finds what "$ref" refers to, within one document.
type references struct {
	draft Draft
	named map[string]*value   // by absolute URI, with the fragment of an anchor
	base  map[*value]*url.URL // of each schema
}

// Where schemas stand in schemas.
var (
	schemaMembers = []string{"properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies"}
	schemaLists   = []string{"allOf", "anyOf", "oneOf", "prefixItems", "items"}
	schemaValues  = []string{
		"items", "additionalItems", "additionalProperties", "propertyNames", "contains", "not", "if", "then", "else",
		"unevaluatedItems", "unevaluatedProperties", "contentSchema",
	}
)

func newReferences(root *value, draft Draft) (*references, error) {
	r := &references{draft: draft, named: map[string]*value{"": root}, base: map[*value]*url.URL{}}
	return r, r.index(root, &url.URL{})
}

// index notes a schema and those in it.
func (r *references) index(v *value, base *url.URL) error {
	o, ok := v.data.(*object)
	if !ok {
		r.base[v] = base
		return nil
	}
	if !(r.draft == Draft7 && v.get("$ref") != nil) {
		var err error
		if base, err = r.name(v, base); err != nil {
			return err
		}
	}
	r.base[v] = base
	for _, name := range schemaMembers {
		if list, ok := v.get(name).object(); ok {
			for _, n := range list.names {
				if err := r.index(list.member[n], base); err != nil {
					return err
				}
			}
		}
	}
	for _, name := range schemaLists {
		if m := o.member[name]; m != nil {
			items, _ := m.data.([]*value)
			for _, item := range items {
				if err := r.index(item, base); err != nil {
					return err
				}
			}
		}
	}
	for _, name := range schemaValues {
		if m := o.member[name]; m != nil {
			if err := r.index(m, base); err != nil {
				return err
			}
		}
	}
	return nil
}

func (v *value) object() (*object, bool) {
	if v == nil {
		return nil, false
	}
	o, ok := v.data.(*object)
	return o, ok
}

// name notes the names that a schema gives itself, and returns its base.
func (r *references) name(v *value, base *url.URL) (*url.URL, error) {
	if id := v.get("$id"); id != nil {
		u, err := r.parse(id, base)
		if err != nil {
			return nil, err
		}
		fragment := u.Fragment
		if fragment != "" && r.draft != Draft7 {
			return nil, id.errorf("it has a fragment")
		}
		if err := r.note(u.String(), v, id); err != nil {
			return nil, err
		}
		if fragment == "" {
			base = u
		}
	}
	if anchor := v.get("$anchor"); anchor != nil && r.draft != Draft7 {
		text, ok := anchor.data.(string)
		if !ok {
			return nil, anchor.errorf("a string is expected")
		}
		u := *base
		u.Fragment = text
		if err := r.note(u.String(), v, anchor); err != nil {
			return nil, err
		}
	}
	return base, nil
}

func (r *references) note(uri string, v, at *value) error {
	if other := r.named[uri]; other != nil && other != v {
		return at.errorf("%q already has this name", "#"+other.pointer())
	}
	r.named[uri] = v
	return nil
}

// parse reads a reference relative to a base.
func (r *references) parse(v *value, base *url.URL) (*url.URL, error) {
	text, ok := v.data.(string)
	if !ok {
		return nil, v.errorf("a string is expected")
	}
	u, err := base.Parse(text)
	if err != nil {
		return nil, v.wrap(err)
	}
	if u.Fragment == "" {
		u.RawFragment = ""
	}
	return u, nil
}

// resolve finds the schema that a "$ref" of a schema means.
func (r *references) resolve(schema, ref *value) (*value, error) {
	u, err := r.parse(ref, r.base[schema])
	if err != nil {
		return nil, err
	}
	fragment := u.Fragment
	if fragment != "" && !strings.HasPrefix(fragment, "/") {
		if v := r.named[u.String()]; v != nil {
			return v, nil
		}
		return nil, ref.errorf("%q is not in this schema; references to other documents are not supported", ref.data)
	}
	u.Fragment, u.RawFragment = "", ""
	v := r.named[u.String()]
	if v == nil {
		return nil, ref.errorf("%q is not in this schema; references to other documents are not supported", ref.data)
	}
	if fragment != "" {
		v = v.find(fragment[1:])
	}
	if _, indexed := r.base[v]; v == nil || !indexed {
		return nil, ref.errorf("%q leads to no schema", ref.data)
	}
	return v, nil
}

// find follows a JSON pointer, without its first slash.
func (v *value) find(pointer string) *value {
	for token := range strings.SplitSeq(pointer, "/") {
		token = strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
		switch data := v.data.(type) {
		case *object:
			v = data.member[token]
		case []*value:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(data) || strconv.Itoa(i) != token {
				return nil
			}
			v = data[i]
		default:
			return nil
		}
		if v == nil {
			return nil
		}
	}
	return v
}
