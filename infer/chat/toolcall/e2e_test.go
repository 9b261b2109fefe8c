//go:build e2e

package toolcall

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// silent are templates whose golden of a tool call has none that this package
// reads.
var silent = map[string]string{
	"GigaChat3.1-10B-A1.8B":                    "a format of its own",
	"HuggingFaceTB-SmolLM3-3B":                 "the template leaves the calls out",
	"LFM2-8B-A1B":                              "the template leaves the calls out",
	"LFM2.5-Instruct":                          "the template leaves the calls out",
	"deepseek-ai-DeepSeek-R1-Distill-Llama-8B": "the template leaves the calls out",
	"deepseek-ai-DeepSeek-V3.2":                "DSML",
	"deepseek-ai-DeepSeek-V4":                  "DSML",
	"fireworks-ai-llama-3-firefunction-v2":     "the template fails",
	"google-gemma-2-2b-it":                     "the template refuses tools",
	"google-gemma-4-31B-it":                    "a format of its own",
	"ibm-granite-granite-3.3-2B-Instruct":      "the template leaves the calls out",
	"llama-cpp-deepseek-r1":                    "the template fails",
	"meetkai-functionary-medium-v3.2":          "the template fails",
}

// TestTemplatesAreReadBack reads the call that a template wrote with the format
// that its text tells.
func TestTemplatesAreReadBack(t *testing.T) {
	dir := filepath.Join(os.Getenv("CUSP_DATA"), "chat_templates")
	files, err := filepath.Glob(filepath.Join(dir, "goldens", "*.json"))
	if err != nil || len(files) < 30 {
		t.Fatalf("%d files of goldens in %s, error %v", len(files), dir, err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var golden struct {
			Cases map[string]struct{ Output string }
		}
		if err := json.Unmarshal(raw, &golden); err != nil {
			t.Fatal(err)
		}
		source, err := os.ReadFile(filepath.Join(dir, "templates", name+".jinja"))
		if err != nil {
			t.Fatal(err)
		}
		format := Detect(string(source))
		text := golden.Cases["toolcall"].Output
		text = text[strings.LastIndex(text, "Weather in Paris?")+1:]
		if format.Name == "llama-3" { // its calls begin the answer
			text = text[strings.Index(text, `{"name"`):]
		}
		p := New(format, Options{})
		var a Answer
		for _, e := range append(p.Push(text), p.Finish()...) {
			a.Add(e)
		}
		want := 1
		if silent[name] != "" {
			want = 0
		}
		if len(a.Calls) != want || want == 1 && (a.Calls[0].Name != "get_weather" || a.Calls[0].Arguments != `{"city": "Paris"}`) {
			t.Errorf("%s (%s): calls %q, notes %q\n%s", name, format.Name, a.Calls, a.Notes, text)
		}
	}
}
