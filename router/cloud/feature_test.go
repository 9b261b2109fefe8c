//go:build !nocloud

package cloud

import (
	"encoding/json"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/a472be26/cusp/router"
)

// asking is what a question asks with one feature, and how that shows in the
// request of any provider.
var asking = map[Feature]struct {
	o     router.Options
	shows string
}{
	Tools:            {router.Options{Tools: weatherTool}, `"tells it"`},
	ToolChoice:       {router.Options{Tools: weatherTool, ToolChoice: router.ChoiceRequired}, `"required"|"any"|"ANY"`},
	OneToolCall:      {router.Options{Tools: weatherTool, OneCall: true}, `"parallel_tool_calls":false|"disable_parallel_tool_use":true`},
	JSONObject:       {router.Options{ResponseFormat: json.RawMessage(`{"type":"json_object"}`)}, `json_object|"responseMimeType":"application/json"`},
	JSONSchema:       {router.Options{ResponseFormat: json.RawMessage(`{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object","title":"marked"}}}`)}, `"marked"`},
	Stop:             {router.Options{Stop: []string{"HALT"}}, `HALT`},
	Temperature:      {router.Options{Temperature: new(0.125)}, `[tT]emperature\\?":0.125`},
	TopP:             {router.Options{TopP: new(0.375)}, `top_?[pP]\\?":0.375`},
	FrequencyPenalty: {router.Options{Frequency: 0.625}, `frequency_?[pP]enalty\\?":0.625`},
	PresencePenalty:  {router.Options{Presence: 0.875}, `presence_?[pP]enalty\\?":0.875`},
	Seed:             {router.Options{Seed: new(int64(4711))}, `seed\\?":4711`},
	ReasoningEffort:  {router.Options{ReasoningEffort: "low"}, `"low"|"LOW"`},
}

// A feature is in the request, or the question is refused before anything is sent.
func TestEveryFeatureIsSentOrRefused(t *testing.T) {
	t.Parallel()
	start := map[string]func(*testing.T, http.Handler) Provider{
		KindOpenAI:    func(t *testing.T, h http.Handler) Provider { return openAIFor(t, h) },
		KindAnthropic: anthropicFor,
		KindGemini:    geminiFor,
		KindTriton:    func(t *testing.T, h http.Handler) Provider { return tritonFor(t, BackendVLLM, h) },
	}
	for kind := range supported {
		for f, a := range asking {
			r := Request{Messages: []router.Message{{Role: "user", Content: "x"}}, Options: a.o}
			if got := r.features(); !slices.Contains(got, f) {
				t.Errorf("a question with %s asks for %v", f, got)
			}
			if kind == KindLocal {
				continue // gets the options as they are
			}
			if Supports(kind, f) {
				if body := sent(t, start[kind], r); !regexp.MustCompile(a.shows).MatchString(body) {
					t.Errorf("%s: %s is not in the request: %s", kind, f, body)
				}
				continue
			}
			p := start[kind](t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Errorf("%s sent a request with %s", kind, f) }))
			_, err := p.Complete(t.Context(), r, func(string) error { return nil })
			if e := classify(err); e.Code != CodeRefused || e.Retryable || !strings.Contains(e.Error(), string(f)) {
				t.Errorf("%s with %s: error %v", kind, f, err)
			}
			if slices.Contains(Ignorable, f) && r.without([]Feature{f}).check(kind) != nil {
				t.Errorf("%s is not left out for %s", f, kind)
			}
		}
	}
}

// docs/cloud.md has a table of what each kind supports.
func TestDocumentedFeatures(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/cloud.md")
	if err != nil {
		t.Fatal(err)
	}
	kinds := []string{KindOpenAI, KindAnthropic, KindGemini, KindTriton, KindLocal}
	header := "| | `" + strings.Join(kinds, "` | `") + "` |"
	_, table, ok := strings.Cut(string(text), header+"\n")
	if !ok {
		t.Fatalf("docs/cloud.md has no table %s", header)
	}
	documented := map[Feature]bool{}
	for _, line := range strings.Split(table, "\n")[1:] {
		cells := strings.Split(strings.Trim(line, "| "), "|")
		if len(cells) != len(kinds)+1 {
			break
		}
		f := Feature(strings.Trim(strings.Fields(cells[0])[0], "`"))
		documented[f] = true
		for i, kind := range kinds {
			if has := strings.TrimSpace(cells[i+1]) != "refused"; has != Supports(kind, f) {
				t.Errorf("docs/cloud.md says of %s and %s: %v", kind, f, has)
			}
		}
	}
	for f := range asking {
		if !documented[f] {
			t.Errorf("docs/cloud.md says nothing of %s", f)
		}
	}
}
