//go:build e2e

package api

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// schemas are the components of OpenAI's published OpenAPI document.
type schemas map[string]map[string]any

func loadSchemas(t *testing.T) schemas {
	t.Helper()
	data := os.Getenv("CUSP_DATA")
	if data == "" {
		t.Fatal("CUSP_DATA is not set; it must name the directory of the shared test data")
	}
	text, err := os.ReadFile(filepath.Join(data, "api", "openai_openapi_subset.json"))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Components struct{ Schemas schemas }
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	return doc.Components.Schemas
}

// check tests v against the part of JSON Schema that the document uses: $ref,
// anyOf, oneOf, allOf, type, enum, required, properties and items. It returns
// what does not fit.
func (s schemas) check(schema map[string]any, v any, at string) (wrong []string) {
	if ref, ok := schema["$ref"].(string); ok {
		name := ref[strings.LastIndexByte(ref, '/')+1:]
		target, known := s[name]
		if !known {
			return []string{at + ": the document lacks " + name}
		}
		return s.check(target, v, at)
	}
	for _, part := range list(schema["allOf"]) {
		wrong = append(wrong, s.check(part.(map[string]any), v, at)...)
	}
	for _, key := range []string{"anyOf", "oneOf"} {
		if choices := list(schema[key]); len(choices) > 0 && !slices.ContainsFunc(choices, func(c any) bool { return len(s.check(c.(map[string]any), v, at)) == 0 }) {
			wrong = append(wrong, fmt.Sprintf("%s: %v fits no choice of %s", at, v, key))
		}
	}
	if !typeFits(schema["type"], v) {
		return append(wrong, fmt.Sprintf("%s: %v is no %v", at, v, schema["type"]))
	}
	if enum := list(schema["enum"]); len(enum) > 0 && !slices.Contains(enum, v) {
		wrong = append(wrong, fmt.Sprintf("%s: %v is none of %v", at, v, enum))
	}
	return append(wrong, s.checkInside(schema, v, at)...)
}

func (s schemas) checkInside(schema map[string]any, v any, at string) (wrong []string) {
	switch v := v.(type) {
	case map[string]any:
		for _, name := range list(schema["required"]) {
			if _, ok := v[name.(string)]; !ok {
				wrong = append(wrong, fmt.Sprintf("%s: %s is missing", at, name))
			}
		}
		properties, _ := schema["properties"].(map[string]any)
		for name, sub := range properties {
			if member, ok := v[name]; ok {
				wrong = append(wrong, s.check(sub.(map[string]any), member, at+"."+name)...)
			}
		}
	case []any:
		if items, ok := schema["items"].(map[string]any); ok {
			for i, item := range v {
				wrong = append(wrong, s.check(items, item, fmt.Sprintf("%s[%d]", at, i))...)
			}
		}
	}
	return wrong
}

func list(v any) []any { l, _ := v.([]any); return l }

func typeFits(want, v any) bool {
	if types := list(want); len(types) > 0 {
		return slices.ContainsFunc(types, func(t any) bool { return typeFits(t, v) })
	}
	switch want {
	case "object":
		_, ok := v.(map[string]any)
		return ok
	case "array":
		_, ok := v.([]any)
		return ok
	case "string":
		_, ok := v.(string)
		return ok
	case "boolean":
		_, ok := v.(bool)
		return ok
	case "number":
		_, ok := v.(float64)
		return ok
	case "integer":
		n, ok := v.(float64)
		return ok && n == float64(int64(n))
	case "null":
		return v == nil
	}
	return true
}

func TestRepliesFitOpenAIsSchemas(t *testing.T) {
	s := loadSchemas(t)
	fits := func(name string, v any) {
		t.Helper()
		if s[name] == nil {
			t.Fatalf("the document lacks %s", name)
		}
		for _, w := range s.check(s[name], v, name) {
			t.Error(w)
		}
	}
	answerer := &script{pieces: []string{"a", "b"}}
	fits("CreateChatCompletionResponse", decode(t, post(answerer, "POST", "/v1/chat/completions", with(`"n":1`)).Body))
	for _, usage := range []string{"false", "true"} {
		body := with(`"stream":true,"stream_options":{"include_usage":` + usage + `}`)
		for _, c := range chunks(t, post(answerer, "POST", "/v1/chat/completions", body).Body) {
			fits("CreateChatCompletionStreamResponse", c)
		}
	}
	most := `"n":2,"logprobs":true,"top_logprobs":2`
	fits("CreateChatCompletionResponse", decode(t, post(&several{}, "POST", "/v1/chat/completions", with(most)).Body))
	for _, c := range chunks(t, post(&several{}, "POST", "/v1/chat/completions", with(most+`,"stream":true`)).Body) {
		fits("CreateChatCompletionStreamResponse", c)
	}
	fits("ListModelsResponse", decode(t, post(answerer, "GET", "/v1/models", "").Body))
	fits("ErrorResponse", decode(t, post(answerer, "GET", "/v1/nothing", "").Body))
	// The check itself must be able to fail.
	if wrong := s.check(s["CreateChatCompletionResponse"], map[string]any{"object": "x"}, ""); len(wrong) < 4 {
		t.Errorf("a wrong object passes: %v", wrong)
	}
}
