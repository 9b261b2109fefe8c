//go:build e2e

package chat

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/a472be26/cusp/infer/chat/jinja"
)

// golden is a template with what Python's jinja2 made of it.
type golden struct {
	BOS   string `json:"bos_token"`
	EOS   string `json:"eos_token"`
	Cases map[string]struct {
		Input  map[string]json.RawMessage
		Output string
		Error  string
	}
}

func data(t *testing.T) string {
	dir := os.Getenv("CUSP_DATA")
	if dir == "" {
		t.Fatal("CUSP_DATA must name the folder with the third-party test data")
	}
	return filepath.Join(dir, "chat_templates")
}

// TestGoldens renders every conversation with every template as Python does.
func TestGoldens(t *testing.T) {
	dir := data(t)
	files, err := filepath.Glob(filepath.Join(dir, "goldens", "*.json"))
	if err != nil || len(files) < 30 {
		t.Fatalf("%d files of goldens, error %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			var g golden
			unmarshal(t, read(t, file), &g)
			tmpl := parse(t, string(read(t, filepath.Join(dir, "templates", name+".jinja"))))
			tmpl.now = func() time.Time { return time.Date(2024, 7, 26, 0, 0, 0, 0, time.UTC) }
			if len(g.Cases) == 0 {
				t.Fatal("no cases")
			}
			for name, c := range g.Cases {
				got, err := tmpl.Render(conversationOf(t, g, c.Input))
				switch {
				case c.Error != "" && err == nil:
					t.Errorf("%s: got %q, want error %q", name, got, c.Error)
				case c.Error == "" && (err != nil || got.String() != c.Output):
					t.Errorf("%s:\n got %q, error %v\nwant %q", name, got, err, c.Output)
				}
			}
		})
	}
}

func conversationOf(t *testing.T, g golden, input map[string]json.RawMessage) Conversation {
	c := Conversation{Variables: map[string]json.RawMessage{}, Special: map[string]string{"bos_token": g.BOS, "eos_token": g.EOS}}
	c.Closed = true
	for key, raw := range input {
		switch key {
		case "messages":
			var err error
			if c.Messages, err = ParseMessages(raw); err != nil {
				t.Fatal(err)
			}
		case "add_generation_prompt":
			var prompt bool
			unmarshal(t, raw, &prompt)
			c.Closed = !prompt
		case "tools":
			c.Tools = raw
		default:
			c.Variables[key] = raw
		}
	}
	return c
}

// TestLlamaCppCases renders the conversations of llama.cpp's own test as
// Python does; null is a refusal.
func TestLlamaCppCases(t *testing.T) {
	var cases []struct {
		Name, Template, BOS, EOS string
		Messages                 json.RawMessage
		Prompt                   bool    `json:"add_generation_prompt"`
		Want                     *string `json:"python_jinja2_output"`
	}
	unmarshal(t, read(t, filepath.Join(data(t), "llamacpp_cases.json")), &cases)
	if len(cases) == 0 {
		t.Fatal("no cases")
	}
	for _, c := range cases {
		messages, err := ParseMessages(c.Messages)
		if err != nil {
			t.Fatal(err)
		}
		got, err := parse(t, c.Template).Render(Conversation{
			Messages: messages, Closed: !c.Prompt, Special: map[string]string{"bos_token": c.BOS, "eos_token": c.EOS},
		})
		switch {
		case c.Want == nil && err == nil:
			t.Errorf("%s: got %q, want an error", c.Name, got)
		case c.Want != nil && (err != nil || got.String() != *c.Want):
			t.Errorf("%s:\n got %q, error %v\nwant %q", c.Name, got, err, *c.Want)
		}
	}
}

// changed are cases whose variables were recorded after the template had
// changed them: no rendering of them gives what is expected. A template that
// changes a list is refused, as Hugging Face does.
var changed = map[string]string{
	"array.pop() with index": "pop would change a value",
	"array.append()":         "append would change a value",
}

func TestJinjaUnits(t *testing.T) {
	var cases []struct {
		Name, Template, Expected string
		Vars                     json.RawMessage
	}
	unmarshal(t, read(t, filepath.Join(data(t), "jinja_unit.json")), &cases)
	if len(cases) < 150 {
		t.Fatalf("%d cases", len(cases))
	}
	for _, c := range cases {
		tmpl, err := jinja.Parse(c.Template)
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		vars, err := jinja.FromJSON(c.Vars)
		if err != nil {
			t.Fatal(err)
		}
		got, err := tmpl.Render(vars.(*jinja.Dict), jinja.Options{})
		if reason, ok := changed[c.Name]; ok {
			if err == nil || !strings.Contains(err.Error(), reason) {
				t.Errorf("%s: error %v, want %q", c.Name, err, reason)
			}
			continue
		}
		if err != nil || got.String() != c.Expected {
			t.Errorf("%s: %s\n got %q, error %v\nwant %q", c.Name, c.Template, got, err, c.Expected)
		}
	}
}

func read(t *testing.T, path string) []byte {
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func unmarshal(t *testing.T, raw []byte, v any) {
	if err := json.Unmarshal(raw, v); err != nil {
		t.Fatal(err)
	}
}
