//go:build e2e

package grammar

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// data reads a file of the third-party test data for grammars.
func data(t *testing.T, path ...string) []byte {
	t.Helper()
	dir := os.Getenv("CUSP_DATA")
	if dir == "" {
		t.Fatal("CUSP_DATA must name the folder with the third-party test data")
	}
	raw, err := os.ReadFile(filepath.Join(append([]string{dir, "grammar"}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func unmarshal(t *testing.T, raw []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(raw, v); err != nil {
		t.Fatal(err)
	}
}

func TestGrammarFiles(t *testing.T) {
	for file, text := range map[string]string{
		"arithmetic": "(a+12) *b=3\n", "c": "int f(){return 1;}", "chess": "1. e4 e5\n2. Nf3 Nc6\n", "english": "It is so.", "japanese": "ひらがな カタカナ",
		"json": `{"a": [1, 2.5e3, "x\n"]}`, "json_arr": "[\n{\"a\":1},\n2]", "list": "- one\n- two\n",
	} {
		g, err := Parse(string(data(t, "gbnf", file+".gbnf")))
		if err != nil {
			t.Errorf("%s: %v", file, err)
		} else if !accepts(g, text) || accepts(g, text+"\x01") {
			t.Errorf("%s: %q is refused, or with a control character accepted", file, text)
		}
	}
}

// uniqueItems cannot be kept by an automaton: the one schema of the suite that
// has it is refused, and tried without it.
const uniqueCase = `"uniqueItems": true`

func TestAcceptReject(t *testing.T) {
	var cases []struct {
		Kind, Name, Source string
		Accept, Reject     []string
	}
	unmarshal(t, data(t, "gbnf_accept_reject.json"), &cases)
	accepted, rejected, refused := 0, 0, 0
	for _, c := range cases {
		g, err := Parse(c.Source)
		if c.Kind == "json_schema" {
			if strings.Contains(c.Source, uniqueCase) {
				if _, err := FromSchema([]byte(c.Source), SchemaOptions{}); err == nil || !strings.Contains(err.Error(), "#/properties/tags/uniqueItems") {
					t.Errorf("%s: %v", c.Name, err)
				}
				refused++
				c.Source = strings.Replace(c.Source, uniqueCase, `"uniqueItems": false`, 1)
			}
			g, err = FromSchema([]byte(c.Source), SchemaOptions{})
		}
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		for _, text := range c.Accept {
			if accepted++; !accepts(g, text) {
				t.Errorf("%s: %q is refused", c.Name, text)
			}
		}
		for _, text := range c.Reject {
			if rejected++; accepts(g, text) {
				t.Errorf("%s: %q is accepted", c.Name, text)
			}
		}
	}
	t.Logf("%d cases: %d texts to accept and %d to reject; %d schema refused as it is", len(cases), accepted, rejected, refused)
}

func TestSchemasOfLlamaCpp(t *testing.T) {
	var cases []struct{ Status, Name, Schema, Expected_gbnf string }
	unmarshal(t, data(t, "schema_to_gbnf.json"), &cases)
	r := rand.New(rand.NewPCG(1, 2))
	compiled, refused, texts := 0, 0, 0
	for _, c := range cases {
		g, err := FromSchema([]byte(c.Schema), SchemaOptions{})
		// prefixItems that is no list is no schema; llama.cpp takes it for items.
		if c.Status != "SUCCESS" || strings.Contains(c.Schema, `"prefixItems": { `) {
			if refused++; err == nil {
				t.Errorf("%s: %s is accepted", c.Name, c.Schema)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		if compiled++; c.Expected_gbnf != "" {
			if _, err := Parse(c.Expected_gbnf); err != nil {
				t.Errorf("%s: the grammar for it: %v", c.Name, err)
			}
		}
		draft := jsonschema.Draft2020
		if strings.Contains(c.Name, "exotic formats") {
			draft = jsonschema.Draft7 // a list of items
		}
		texts += checkWalks(t, r, g, c.Schema, draft, 5)
	}
	t.Logf("%d schemas compiled, %d refused; %d texts validated", compiled, refused, texts)
}

// suiteGroup is a schema of JSON-Schema-Test-Suite with its instances.
type suiteGroup struct {
	Description string
	Schema      json.RawMessage
	Tests       []struct {
		Description string
		Data        json.RawMessage
		Valid       bool
	}
}

// noted reports whether a valid instance is refused on purpose: the package
// comment says so.
func noted(file, test string) bool {
	switch file {
	case "format": // formats are asserted
		return strings.Contains(test, "only an annotation")
	case "optional/format/email", "optional/format/hostname": // only the usual ones
		return true
	case "optional/format/time", "optional/format/date-time": // leap seconds beside UTC
		return strings.Contains(test, "leap second")
	case "optional/float-overflow": // 1e308
		return true
	}
	return false
}

func TestJSONSchemaTestSuite(t *testing.T) {
	for _, c := range []struct {
		dir   string
		draft Draft
		valid *jsonschema.Draft
	}{{"draft7", Draft7, jsonschema.Draft7}, {"draft2020-12", Draft2020, jsonschema.Draft2020}} {
		t.Run(c.dir, func(t *testing.T) {
			dir := filepath.Join(os.Getenv("CUSP_DATA"), "grammar", "JSON-Schema-Test-Suite", "tests", c.dir)
			files, err := filepath.Glob(filepath.Join(dir, "*.json"))
			if err != nil || len(files) == 0 {
				t.Fatalf("no suite in %s: %v", dir, err)
			}
			optional, _ := filepath.Glob(filepath.Join(dir, "optional", "*.json"))
			formats, _ := filepath.Glob(filepath.Join(dir, "optional", "format", "*.json"))
			r := rand.New(rand.NewPCG(1, 2))
			s := suiteCounts{reasons: map[string]int{}}
			for _, file := range slices.Concat(files, optional, formats) {
				var groups []suiteGroup
				raw, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				unmarshal(t, raw, &groups)
				name, _ := filepath.Rel(dir, file)
				for _, g := range groups {
					s.group(t, r, strings.TrimSuffix(name, ".json"), g, c.draft, c.valid)
				}
			}
			t.Logf("%d schemas compiled, %d refused; %d valid instances accepted, %d noted, %d invalid rejected; %d texts of walks validated", s.compiled, s.refused, s.valid, s.noted, s.invalid, s.walks)
			for _, reason := range slices.Sorted(mapsKeys(s.reasons)) {
				t.Logf("refused %d times: %s", s.reasons[reason], reason)
			}
		})
	}
}

func mapsKeys(m map[string]int) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

type suiteCounts struct {
	compiled, refused, valid, noted, invalid, walks int
	reasons                                         map[string]int
}

func (s *suiteCounts) group(t *testing.T, r *rand.Rand, file string, c suiteGroup, draft Draft, valid *jsonschema.Draft) {
	g, err := FromSchema(c.Schema, SchemaOptions{Exact: true, Draft: draft})
	allInvalid := !slices.ContainsFunc(c.Tests, func(x struct {
		Description string
		Data        json.RawMessage
		Valid       bool
	}) bool {
		return x.Valid
	})
	if err != nil && strings.Contains(err.Error(), "no finite text") && allInvalid {
		s.compiled++ // nothing is valid
		s.invalid += len(c.Tests)
		return
	}
	if err != nil {
		s.refused++
		message := err.Error()
		if i := strings.Index(message, `": `); i >= 0 {
			message = message[i+3:]
		}
		s.reasons[message]++
		return
	}
	s.compiled++
	for _, x := range c.Tests {
		doc, err := parseDocument(x.Data)
		if err != nil {
			t.Fatalf("%s, %s, %s: %v", file, c.Description, x.Description, err)
		}
		texts := writings(doc)
		got := slices.ContainsFunc(texts, func(text string) bool { return accepts(g, text) })
		switch {
		case got && x.Valid:
			s.valid++
		case !got && !x.Valid:
			s.invalid++
		case got:
			t.Errorf("%s, %s, %s: %s is accepted", file, c.Description, x.Description, x.Data)
		case noted(file, x.Description):
			s.noted++
		default:
			t.Errorf("%s, %s, %s: %s is refused", file, c.Description, x.Description, x.Data)
		}
	}
	if !strings.HasPrefix(file, "optional") {
		s.walks += checkWalks(t, r, g, string(c.Schema), valid, 2)
	}
}

// writings is a value with the members of objects in all orders, up to a bound.
// Numbers are written without exponent where that is possible.
func writings(v *value) []string {
	switch x := v.data.(type) {
	case []*value:
		all := []string{""}
		for i, item := range x {
			all = combine(all, writings(item), i > 0)
		}
		for i := range all {
			all[i] = "[" + all[i] + "]"
		}
		return all
	case *object:
		var all []string
		for _, order := range orders(len(x.names)) {
			some := []string{""}
			for i, at := range order {
				name := x.names[at]
				members := writings(x.member[name])
				for j := range members {
					members[j] = quote(name) + ":" + members[j]
				}
				some = combine(some, members, i > 0)
			}
			for _, text := range some {
				all = append(all, "{"+text+"}")
			}
			if len(all) > 2000 {
				break
			}
		}
		return all
	case json.Number:
		if r, err := parseNumber(string(x)); err == nil {
			return []string{numberText(r)}
		}
		return []string{string(x)}
	case string:
		return []string{quote(x)}
	case bool:
		if x {
			return []string{"true"}
		}
		return []string{"false"}
	}
	return []string{"null"}
}

func combine(before, after []string, comma bool) (all []string) {
	for _, a := range before {
		for _, b := range after {
			if comma {
				all = append(all, a+","+b)
			} else {
				all = append(all, a+b)
			}
			if len(all) > 2000 {
				return all
			}
		}
	}
	return all
}

// orders are all orders of a few things, and only the first of many.
func orders(n int) [][]int {
	if n > 5 {
		one := make([]int, n)
		for i := range one {
			one[i] = i
		}
		return [][]int{one}
	}
	if n == 0 {
		return [][]int{nil}
	}
	var all [][]int
	for _, o := range orders(n - 1) {
		for i := range n {
			all = append(all, slices.Insert(slices.Clone(o), i, n-1))
		}
	}
	return all
}
