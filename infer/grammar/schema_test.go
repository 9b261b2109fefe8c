package grammar

import (
	"strings"
	"testing"
)

// schemaCase is a schema with texts that its grammar has and has not, one a line.
type schemaCase struct {
	name, schema string
	yes, no      string
}

func (c schemaCase) run(t *testing.T, exact bool) {
	t.Helper()
	g, err := FromSchema([]byte(c.schema), SchemaOptions{Exact: exact})
	if err != nil {
		t.Errorf("%s: %v", c.name, err)
		return
	}
	for text := range strings.SplitSeq(c.yes, "\n") {
		if !accepts(g, text) {
			t.Errorf("%s: %q is refused", c.name, text)
		}
	}
	for text := range strings.SplitSeq(c.no, "\n") {
		if accepts(g, text) {
			t.Errorf("%s: %q is accepted", c.name, text)
		}
	}
}

func TestSchemas(t *testing.T) {
	t.Parallel()
	for _, c := range []schemaCase{
		{"anything", `{"type": "array", "items": true}`, "[1,null,{\"a\":[1,{}]},\"\"]", "\n[{]\n[01]\n[1,]"},
		{"drafts within", `{"type": "array", "prefixItems": [{"$schema": "http://json-schema.org/draft-07/schema#", "type": "null"}, {"$schema": "https://json-schema.org/draft/2020-12/schema", "const": 1}]}`, "[null,1]", "[1,1]"},
		{"types", `{"type": ["boolean", "null"]}`, "true\nfalse\nnull", "0\n\"null\"\n[]"},
		{"strings", `{"type": "string"}`, `""` + "\n" + `"aä😀\n\u00e4\ud83d\ude00\/"`, `"` + "\n" + `"\ud83d"` + "\n" + `"\x"` + "\n\"\t\"\n\"\xff\""},
		{"lengths", `{"type": "string", "minLength": 2, "maxLength": 3}`, `"ab"` + "\n" + `"ä\u00e4😀"` + "\n" + `"\ud83d\ude00\n"`, `"a"` + "\n" + `"abcd"` + "\n" + `""`},
		{"pattern", `{"type": "string", "pattern": "a\"$"}`, `"a\""` + "\n" + `"\\xa\""`, `"a"` + "\n" + `"a\"b"`},
		{"pattern that goes on", `{"type": "string", "pattern": "^ab"}`, `"ab"` + "\n" + `"ab\u00e4\n"`, `"xab"`},
		{"pattern and length", `{"type": "string", "pattern": "^[ab]*$", "minLength": 2, "maxLength": 3}`, `"ab"` + "\n" + `"bbb"`, `"a"` + "\n" + `"abab"` + "\n" + `"ac"`},
		{"control characters", `{"const": "\u0001\n\u001F\u007f"}`, `"\u0001\n\u001f` + "\x7f" + `"` + "\n" + `"\u0001\n\u001F` + "\x7f" + `"`, `""`},
		{"enum", `{"enum": ["a", 1, 2.50, null, {"a": [1]}, [], false]}`, "\"a\"\n1\n2.5\nnull\n{\"a\": [1]}\n[]\nfalse", "\"b\"\n2\ntrue\n{}\n[1]\n{\"a\":[1],\"b\":1}"},
		{"integers", `{"type": "integer"}`, "0\n-1\n123456789", "1.0\n1e2\n-0\n01\n--1"},
		{"range", `{"type": "integer", "minimum": -12, "exclusiveMaximum": 207}`, "-12\n0\n9\n206\n-9", "-13\n207\n1000\n-100"},
		{"numbers", `{"type": "number"}`, "0\n-0.5\n1e5\n12.50E-7", ".5\n1.\n1e\n1e500\n+1"},
		{"range of numbers", `{"type": "number", "minimum": -0.25, "exclusiveMaximum": 10.5}`, "-0.25\n-0.2\n0\n-0.0\n10.49999\n10\n9.9\n-0.2500", "-0.26\n-0.251\n10.5\n10.50\n11\n100\n-1\n1e1"},
		{"multiples", `{"type": "number", "multipleOf": 0.25}`, "0.25\n-1.5\n3\n0.750", "0.3\n0.125\n1.1"},
		{"multiples of integers", `{"type": "integer", "multipleOf": 15, "minimum": 1}`, "15\n30\n1500", "0\n1\n25"},
		{"array", `{"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 3}`, "[1]\n[1, 2,3]\n[ 1 ]", "[]\n[1,2,3,4]\n[\"a\"]\n[1,]\n[,1]\n[1 ,2]"},
		{"no items", `{"type": "array", "maxItems": 0}`, "[]", "[1]"},
		{"many items", `{"type": "array", "items": {"type": "null"}, "minItems": 300, "maxItems": 400}`, "[" + strings.Repeat("null,", 299) + "null]\n[" + strings.Repeat("null,", 399) + "null]", "[" + strings.Repeat("null,", 298) + "null]\n[" + strings.Repeat("null,", 400) + "null]"},
		{"tuple", `{"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "items": {"type": "null"}}`, `[1,"a",null,null]` + "\n" + `[1,"a"]`, `["a"]` + "\n" + `[1,2]` + "\n" + `[1,"a",1]`},
		{"properties", `{"type": "object", "properties": {"a": {"type": "integer"}, "b": {}, "c": {"type": "null"}}, "required": ["b"], "additionalProperties": false}`,
			`{"a":1,"b":[],"c":null}` + "\n" + `{"b":1}` + "\n" + `{ "b": "x", "c": null }`, `{}` + "\n" + `{"a":1}` + "\n" + `{"b":1,"a":1}` + "\n" + `{"b":1,"x":1}` + "\n" + `{"b":1,}`},
		{"others", `{"type": "object", "properties": {"a": {"type": "integer"}, "ab": {"type": "null"}}, "additionalProperties": {"type": "string"}}`,
			`{"a":1,"x":"y","aa":""}` + "\n" + `{"abc":""}` + "\n" + `{"":""}`, `{"a":""}` + "\n" + `{"x":1}` + "\n" + `{"ab":""}` + "\n" + `{"\u0061":""}` + "\n" + `{"x":"","ab":""}`},
		{"patterns", `{"type": "object", "properties": {"n1": {"minimum": 5}}, "patternProperties": {"^n": {"type": "integer"}, "1$": {"maximum": 9}}, "additionalProperties": false}`,
			`{"n1":7,"n":100,"n21":9}`, `{"n1":4}` + "\n" + `{"n1":10}` + "\n" + `{"n21":10}` + "\n" + `{"x":1}` + "\n" + `{"n":"a"}`},
		{"counts", `{"type": "object", "properties": {"a": {}, "b": {}, "c": {}}, "additionalProperties": false, "minProperties": 1, "maxProperties": 2}`,
			`{"a":1}` + "\n" + `{"b":1,"c":2}`, `{}` + "\n" + `{"a":1,"b":1,"c":1}`},
		{"names", `{"type": "object", "propertyNames": {"maxLength": 2, "pattern": "^a"}, "properties": {"b": {}, "ab": {"type": "null"}}, "additionalProperties": {"type": "null"}}`, `{"ab":null,"a":null}` + "\n{}", `{"b":null}` + "\n" + `{"abc":null}`},
		{"dependent", `{"type": "object", "properties": {"a": {"type": "null"}, "b": {"type": "null"}}, "dependentRequired": {"a": ["b"]}, "additionalProperties": false}`, `{}` + "\n" + `{"b":null}` + "\n" + `{"a":null,"b":null}`, `{"a":null}`},
		{"dependent schemas", `{"type": "object", "properties": {"a": {"type": "null"}, "b": {}}, "dependentSchemas": {"a": {"properties": {"b": {"const": 1}}}}}`, `{}` + "\n" + `{"b":null}` + "\n" + `{"a":null,"b":1}`, `{"a":null,"b":2}`},
		{"any of", `{"anyOf": [{"type": "integer"}, {"type": "string", "maxLength": 1}]}`, "1\n\"a\"", "null\n\"ab\""},
		{"one of", `{"oneOf": [{"type": "object", "properties": {"t": {"const": "a"}, "x": {}}, "required": ["t"]}, {"type": "object", "properties": {"t": {"const": "b"}}, "required": ["t"]}]}`, `{"t":"a","x":1}` + "\n" + `{"t":"b"}`, `{"t":"b","x":1}` + "\n{}"},
		{"all of", `{"allOf": [{"type": "object", "properties": {"a": {"type": "integer"}}}, {"properties": {"a": {"minimum": 3}, "b": {"type": "null"}}}], "required": ["a"]}`, `{"a":3,"b":null}`, `{"a":2}` + "\n" + `{"b":null}`},
		{"all of strings", `{"allOf": [{"type": "string", "pattern": "a"}, {"pattern": "b", "maxLength": 3}]}`, `"ab"` + "\n" + `"bca"`, `"a"` + "\n" + `"abcd"`},
		{"references", `{"$ref": "#/$defs/list", "$defs": {"list": {"type": "object", "properties": {"v": {"type": "integer"}, "next": {"anyOf": [{"$ref": "#list"}, {"type": "null"}]}}, "required": ["v", "next"], "$anchor": "list"}}}`,
			`{"v":1,"next":{"v":2,"next":null}}`, `{"v":1,"next":{}}` + "\n" + `{"v":1}`},
		{"ids", `{"$id": "http://a.b/c", "type": "array", "items": {"$ref": "d#/$defs/x"}, "$defs": {"q": {"$id": "d", "$defs": {"x": {"type": "null"}}}}}`, "[null]\n[]", "[1]"},
		{"dates", `{"type": "string", "format": "date"}`, "\"2024-02-29\"\n\"2000-02-29\"\n\"1999-12-31\"", "\"2023-02-29\"\n\"1900-02-29\"\n\"2024-04-31\"\n\"2024-13-01\"\n\"x2024-01-01\""},
		{"nothing in it", `{"type": "object", "properties": {"a": false}}`, "{}", `{"a":1}`},
		{"never true beside it", `{"anyOf": [{"type": "null"}, {"type": "array", "items": false, "minItems": 1}]}`, "null", "[]\n[1]"},
		{"annotations", `{"type": "null", "title": "t", "description": "d", "default": 1, "examples": [], "$comment": "c", "x-order": 4, "readOnly": true}`, "null", "1"},
	} {
		c.run(t, false)
		if c.name != "others" { // where Exact allows more, the cases would differ
			exact := c
			if strings.Contains("properties|nothing in it|dependent schemas|all of|one of", c.name) || strings.HasPrefix(c.name, "tuple") {
				continue
			}
			exact.run(t, true)
		}
	}
}

// What is read narrowly unless Exact is set.
func TestNarrowAndExact(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, schema, both, exact string
	}{
		{"root", `{}`, `{"a":1}`, "null"},
		{"implied object", `{"properties": {"a": {"type": "null"}}}`, `{"a":null}`, "1"},
		{"implied string", `{"minLength": 1}`, `"a"`, "1"},
		{"implied number", `{"minimum": 1}`, "1", `"a"`},
		{"implied array", `{"items": {"type": "null"}}`, "[null]", "1"},
		{"closed", `{"type": "object", "properties": {"a": {"type": "null"}}}`, `{"a":null}`, `{"b":1}`},
		{"closed and empty", `{"type": "object", "properties": {}}`, "{}", `{"b":1}`},
		{"open", `{"type": "object"}`, `{"b":1}`, `{"b":1}`},
		{"short tuple", `{"type": "array", "prefixItems": [{}, {}]}`, "[1,2]", "[1]"},
		{"long tuple", `{"type": "array", "prefixItems": [{}, {}]}`, "[1,2]", "[1,2,3]"},
		{"digits", `{"type": "integer"}`, "1234567890123456", "12345678901234567"},
		{"digits of bounds", `{"type": "integer", "minimum": 12345678901234567}`, "12345678901234567", "1234567890123456700"},
	} {
		narrow, err1 := FromSchema([]byte(c.schema), SchemaOptions{})
		exact, err2 := FromSchema([]byte(c.schema), SchemaOptions{Exact: true})
		if err1 != nil || err2 != nil {
			t.Errorf("%s: %v, %v", c.name, err1, err2)
			continue
		}
		if !accepts(narrow, c.both) || !accepts(exact, c.both) {
			t.Errorf("%s: %s is refused", c.name, c.both)
		}
		if accepts(narrow, c.exact) != (c.name == "open") || !accepts(exact, c.exact) {
			t.Errorf("%s: %s is accepted or refused wrongly", c.name, c.exact)
		}
	}
}

func TestSchemaErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ schema, want string }{
		{`{`, "no JSON"},
		{`{} 1`, "followed by"},
		{`{"a": 1, "a": 2}`, "twice"},
		{`{"const": "\ud800"}`, "surrogate"},
		{"\"\xff\"", "UTF-8"},
		{`5`, `"#": a schema is`},
		{`{"properties": {"a/b": {"not": {"type": "null"}}}}`, `"#/properties/a~1b/not": keyword "not"`},
		{`{"type": "object", "properties": {"a": {"if": {}}}}`, `"#/properties/a/if"`},
		{`{"type": "array", "maxItems": 0, "items": {"contains": {}}}`, `"#/items/contains"`},
		{`{"typo": 1}`, `"#/typo": keyword "typo"`},
		{`{"type": "kaboom"}`, "kaboom"},
		{`{"type": 123}`, "123"},
		{`{"type": ["string", "text"]}`, `"#/type/1"`},
		{`{"minLength": -1}`, "no count"},
		{`{"minLength": "1"}`, "a count"},
		{`{"pattern": "(?=a)"}`, "look-around"},
		{`{"pattern": 1}`, "a string"},
		{`{"format": "uri"}`, `format "uri"`},
		{`{"minimum": "1"}`, "a number"},
		{`{"minimum": 1e999999999}`, "exponent"},
		{`{"multipleOf": 0}`, "more than 0"},
		{`{"multipleOf": 12345}`, "999"},
		{`{"type": "array", "uniqueItems": true}`, `"#/uniqueItems"`},
		{`{"anyOf": []}`, "at least one"},
		{`{"oneOf": [{"type": "integer"}, {"minimum": 3}]}`, "0 and 1 may both"},
		{`{"oneOf": [{"required": ["a"]}, {"required": ["b"]}]}`, "may both"},
		{`{"$ref": "#"}`, "refers to itself"},
		{`{"allOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}]}}}`, "refers to itself"},
		{`{"$ref": "http://x.y/z"}`, "other documents"},
		{`{"$ref": "#/nowhere"}`, "leads to no schema"},
		{`{"$ref": "#/title", "title": "x"}`, "leads to no schema"},
		{`{"$ref": "#anchor"}`, "is not in this schema"},
		{`{"$schema": "http://json-schema.org/draft-04/schema#"}`, `"#/$schema"`},
		{`{"$schema": "https://json-schema.org/draft/2020-12/schema", "items": [{}]}`, "prefixItems"},
		{`{"$schema": "http://json-schema.org/draft-07/schema#", "prefixItems": [{}]}`, "draft-07"},
		{`{"$schema": "http://json-schema.org/draft-07/schema#", "items": {"$schema": "https://json-schema.org/draft/2020-12/schema"}}`, "another draft"},
		{`{"items": {"$schema": "http://json-schema.org/draft-04/schema#"}}`, `"#/items/$schema"`},
		{`false`, "no finite text"},
		{`{"type": "integer", "minimum": 2, "maximum": 1}`, "no finite text"},
		{`{"allOf": [{"type": "string"}, {"type": "null"}]}`, "no finite text"},
		{`{"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}`, "no finite text"},
		{`{"minProperties": 2}`, `"#/minProperties"`},
		{`{"type": "array", "minItems": 100000}`, "8192 items"},
		{`{"type": "array", "items": {"type": "array"}, "maxItems": 1000000}`, "it needs more than"},
		{`{"unevaluatedProperties": false}`, "unevaluatedProperties"},
		{`{"$dynamicRef": "#a"}`, "$dynamicRef"},
		{strings.Repeat(`{"items":`, 300) + "true" + strings.Repeat("}", 300), "nested more than 256"},
		{`{"anyOf": [` + strings.Repeat(`{"type":"null"},`, 300) + `{}]}`, "more than 256 alternatives"},
		{`{"properties": {` + strings.Repeat(`"a`, 0) + manyProperties(500) + `}}`, "400 optional"},
	} {
		for _, exact := range []bool{false, true} {
			if strings.Contains(c.schema, "minItems\": 100000") && exact {
				continue // any number of them may be left out
			}
			_, err := FromSchema([]byte(c.schema), SchemaOptions{Exact: exact})
			if err == nil && exact && strings.Contains(c.want, "no finite text") {
				continue // other types
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%.90s: %v, want %s", c.schema, err, c.want)
			}
		}
	}
}

func manyProperties(n int) string {
	var all []string
	for i := range n {
		all = append(all, `"property`+strings.Repeat("x", i%7)+string(rune('a'+i%26))+strings.Repeat("y", i/26)+`": {"type": "null"}`)
	}
	return strings.Join(all, ",")
}

func TestManyProperties(t *testing.T) {
	t.Parallel()
	for _, n := range []int{30, 390} {
		g, err := FromSchema([]byte(`{"type": "object", "properties": {`+manyProperties(n)+`}}`), SchemaOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if !accepts(g, `{"propertya": null, "propertyxb": null,"propertyxxc":null}`) || accepts(g, `{"propertyxb":null,"propertya":null}`) {
			t.Errorf("%d properties went wrong", n)
		}
	}
}
