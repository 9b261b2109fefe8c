package grammar

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// jsonPieces are what random vocabularies for JSON are made of: parts of
// characters, and tokens that reach over several parts of a text.
var jsonPieces = []string{
	"{", "}", "[", "]", ",", ":", `"`, `\`, "u", "0", "1", "9", "-", ".", "e", "E", "+", " ", "\n", "\t", "a", "b", "n", "t", "x", "Z", "T",
	"true", "false", "null", `":`, `","`, `"}`, `{"`, "ä", "\xc3", "\xa4", "😀", "\xf0\x9f", "\x98", "\x80", "00", "d8", "dc", "-0", "19", "@", "/", "\x00", "\x7f", "\xff",
}

func jsonVocabulary(r *rand.Rand) *Vocabulary {
	tokens := [][]byte{nil}
	for b := range 256 {
		tokens = append(tokens, []byte{byte(b)})
	}
	for range 150 {
		var text []byte
		for range 2 + r.IntN(4) {
			text = append(text, jsonPieces[r.IntN(len(jsonPieces))]...)
		}
		tokens = append(tokens, text)
	}
	return NewVocabulary(tokens, []int32{0})
}

// write follows masks at random until the text ends. Towards the end it likes
// tokens that close something. It gives up on texts that get too long.
func write(t *testing.T, r *rand.Rand, s *State) (string, bool) {
	t.Helper()
	v := s.machine.vocabulary
	mask := make([]uint64, v.Words())
	var b bytes.Buffer
	for step := range 300 {
		s.Mask(mask)
		var allowed, closing []int32
		for id := range v.tokens {
			if mask[id/64]>>(id%64)&1 != 0 {
				allowed = append(allowed, int32(id))
				if id == 0 || len(v.tokens[id]) == 1 && strings.IndexByte("\"}]0", v.tokens[id][0]) >= 0 {
					closing = append(closing, int32(id))
				}
			}
		}
		if len(allowed) == 0 {
			t.Fatalf("no way on after %q", b.String())
		}
		if len(closing) > 0 && (step > 25 || r.IntN(8) == 0) {
			allowed = closing
		}
		id := allowed[r.IntN(len(allowed))]
		if err := s.Accept(id); err != nil {
			t.Fatalf("after %q: %v", b.String(), err)
		}
		if id == 0 {
			return b.String(), true
		}
		b.Write(v.tokens[id])
	}
	return b.String(), false
}

// validator is the independent one.
func validator(t *testing.T, schema string, draft *jsonschema.Draft) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(draft)
	c.AssertFormat()
	if err := c.AddResource("http://schema.invalid/root.json", doc); err != nil {
		t.Fatalf("%s: %v", schema, err)
	}
	compiled, err := c.Compile("http://schema.invalid/root.json")
	if err != nil {
		t.Fatalf("%s: %v", schema, err)
	}
	return compiled
}

// checkWalks writes texts of a schema's grammar and validates them. It returns
// how many came to an end.
func checkWalks(t *testing.T, r *rand.Rand, g *Grammar, schema string, draft *jsonschema.Draft, walks int) (ended int) {
	t.Helper()
	valid := validator(t, schema, draft)
	m := jsonVocabulary(r).Compile(g)
	for range walks {
		text, ok := write(t, r, m.Start())
		if !ok {
			continue
		}
		ended++
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err == nil {
			err = valid.Validate(doc)
		}
		if err != nil {
			t.Fatalf("schema %s\nlets %q through: %v", schema, text, err)
		}
	}
	return ended
}

// randomSchema writes a schema of supported keywords.
func randomSchema(r *rand.Rand, depth int) string {
	sub := func() string { return randomSchema(r, depth-1) }
	kinds := 9
	if depth > 0 {
		kinds = 18
	}
	names := []string{"a", "b", "ab", "ä", "n 1", "", "x\\n"}
	switch r.IntN(kinds) {
	case 0:
		return fmt.Sprintf(`{"type": "integer", "minimum": %d, "exclusiveMaximum": %d}`, r.IntN(200)-150, 60+r.IntN(2000))
	case 1:
		return fmt.Sprintf(`{"type": "number", "exclusiveMinimum": %d.%d, "maximum": %d.%d}`, r.IntN(20)-15, r.IntN(300), 6+r.IntN(200), r.IntN(300))
	case 2:
		return fmt.Sprintf(`{"type": "string", "minLength": %d, "maxLength": %d}`, r.IntN(4), 4+r.IntN(9))
	case 3:
		return fmt.Sprintf(`{"type": "string", "pattern": %q, "maxLength": %d}`, []string{"^a", "[0-9]+$", "a.b", "^(true|x*)$", `\\.`, "^[^a]*$"}[r.IntN(6)], 3+r.IntN(9))
	case 4:
		return fmt.Sprintf(`{"type": "string", "format": %q}`, []string{"date", "time", "date-time", "duration", "uuid", "ipv4", "ipv6", "hostname", "email", "json-pointer"}[r.IntN(10)])
	case 5:
		return []string{`{"enum": ["a", 1, null, "\u00e4\n", {"a": [1, "b"]}, 0.5]}`, `{"const": {"b": 1, "a": "x"}}`, `{"const": -3}`, `{"enum": [true, false]}`}[r.IntN(4)]
	case 6:
		return `{"type": ["boolean", "null", "integer"], "multipleOf": 3}`
	case 7:
		return []string{`{}`, `true`, `{"type": "number"}`, `{"type": "object"}`, `{"type": "array"}`, `{"type": "string"}`, `{"type": "number", "multipleOf": 0.05, "minimum": -1.5}`}[r.IntN(7)]
	case 8:
		return `{"$ref": "#/$defs/tree"}`
	case 9, 10, 11:
		var properties, required []string
		for _, i := range r.Perm(len(names))[:1+r.IntN(4)] {
			properties = append(properties, fmt.Sprintf(`"%s": %s`, names[i], sub()))
			if r.IntN(2) == 0 {
				required = append(required, `"`+names[i]+`"`)
			}
		}
		extra := ""
		switch r.IntN(6) {
		case 0:
			extra = `, "additionalProperties": ` + sub()
		case 1:
			extra = `, "additionalProperties": false, "minProperties": 2`
		case 2:
			extra = `, "additionalProperties": true, "maxProperties": 3`
		case 3:
			extra = `, "patternProperties": {"^a": ` + sub() + `, "b$": true}, "additionalProperties": {"type": "null"}`
		case 4:
			extra = `, "dependentRequired": {"a": ["b"], "ab": ["a"]}, "propertyNames": {"maxLength": 4}`
		}
		return fmt.Sprintf(`{"type": "object", "properties": {%s}, "required": [%s]%s}`, strings.Join(properties, ", "), strings.Join(required, ", "), extra)
	case 12:
		return fmt.Sprintf(`{"type": "array", "items": %s, "minItems": %d, "maxItems": %d}`, sub(), r.IntN(3), 3+r.IntN(3))
	case 13:
		return fmt.Sprintf(`{"type": "array", "prefixItems": [%s, %s], "items": %s}`, sub(), sub(), sub())
	case 14:
		return fmt.Sprintf(`{"anyOf": [%s, %s]}`, sub(), sub())
	case 15:
		return fmt.Sprintf(`{"allOf": [%s, %s]}`, sub(), sub())
	case 16:
		return fmt.Sprintf(`{"oneOf": [{"type": "object", "properties": {"k": {"const": 1}, "v": %s}, "required": ["k"]}, {"type": "object", "properties": {"k": {"enum": [2, "x"]}}, "required": ["k"]}, {"type": "string"}]}`, sub())
	}
	return fmt.Sprintf(`{"type": ["object", "array", "string"], "properties": {"a": %s}, "items": %s, "maxItems": 4, "maxLength": 5}`, sub(), sub())
}

// What the masks let through always validates.
func TestMasksLetOnlyValidTextsThrough(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(7, 8))
	schemas, ended, refused := 0, 0, 0
	for schemas < 250 {
		schema := randomSchema(r, 3)
		if strings.HasPrefix(schema, "{") {
			rest := strings.TrimPrefix(schema, "{")
			if rest != "}" {
				rest = ", " + rest
			}
			schema = `{"$defs": {"tree": {"type": "object", "properties": {"v": {"type": "integer"}, "children": {"type": "array", "items": {"$ref": "#/$defs/tree"}, "maxItems": 2}}, "required": ["v"]}}` + rest
		}
		exact := r.IntN(2) == 0
		g, err := FromSchema([]byte(schema), SchemaOptions{Exact: exact})
		if err != nil {
			if !strings.Contains(err.Error(), "no finite text") && !strings.Contains(err.Error(), "more than one property beyond") {
				t.Fatalf("%s: %v", schema, err)
			}
			refused++
			continue
		}
		schemas++
		ended += checkWalks(t, r, g, schema, jsonschema.Draft2020, 4)
	}
	t.Logf("%d texts of %d schemas validated; %d schemas were refused", ended, schemas, refused)
	if ended < 3*schemas || refused > schemas {
		t.Fatalf("only %d texts of %d schemas came to an end, %d schemas were refused", ended, schemas, refused)
	}
}

// Masks of schemas' machines are what tokens do, as those of GBNF are.
func TestSchemaMasksAreWhatTokensDo(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(9, 10))
	for checked := 0; checked < 25; {
		schema := randomSchema(r, 2)
		g, err := FromSchema([]byte(schema), SchemaOptions{Exact: r.IntN(2) == 0})
		if err != nil {
			continue
		}
		checked++
		m := jsonVocabulary(r).Compile(g)
		mask := make([]uint64, m.vocabulary.Words())
		s := m.Start()
		for range 12 {
			allowed := checkMask(t, s, mask)
			if len(allowed) == 0 {
				break
			}
			if err := s.Accept(allowed[r.IntN(len(allowed))]); err != nil {
				t.Fatal(err)
			}
		}
	}
}
