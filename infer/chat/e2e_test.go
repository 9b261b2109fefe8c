//go:build e2e

package chat

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// golden is a template with what Python's jinja2 made of it.
type golden struct {
	TemplateFile string `json:"template_file"`
	BOS          string `json:"bos_token"`
	EOS          string `json:"eos_token"`
	Cases        map[string]struct {
		Input  map[string]json.RawMessage
		Output string
		Error  string
	}
}

// common are the templates of which every conversation of plain text turns,
// with and without tools, comes out as Python renders it.
var common = []string{
	"Apriel-1.6-15b-Thinker-fixed",
	"CohereForAI-c4ai-command-r7b-12-2024-tool_use",
	"GLM-4.7-Flash",
	"HuggingFaceTB-SmolLM3-3B",
	"Qwen-QwQ-32B",
	"Qwen-Qwen2.5-7B-Instruct",
	"Qwen-Qwen3-0.6B",
	"Qwen3.5-4B",
	"StepFun3.5-Flash",
	"deepseek-ai-DeepSeek-R1-Distill-Llama-8B",
	"deepseek-ai-DeepSeek-R1-Distill-Qwen-32B",
	"deepseek-ai-DeepSeek-V3.1",
	"deepseek-ai-DeepSeek-V3.2",
	"deepseek-ai-DeepSeek-V4",
	"google-gemma-2-2b-it",
	"ibm-granite-granite-3.3-2B-Instruct",
	"meetkai-functionary-medium-v3.2",
	"meta-llama-Llama-3.1-8B-Instruct",
	"mistralai-Ministral-3-14B-Reasoning-2512",
	"moonshotai-Kimi-K2",
}

// TestCommonTemplatesMatchJinja2 renders the conversations of plain text turns.
func TestCommonTemplatesMatchJinja2(t *testing.T) {
	dir := os.Getenv("CUSP_DATA")
	if dir == "" {
		t.Fatal("CUSP_DATA must name the folder with the third-party test data")
	}
	for _, name := range common {
		t.Run(name, func(t *testing.T) {
			var g golden
			unmarshal(t, read(t, filepath.Join(dir, "chat_templates", "goldens", name+".json")), &g)
			source := read(t, filepath.Join(dir, "chat_templates", "templates", name+".jinja"))
			tmpl, err := Parse(string(source))
			if err != nil {
				t.Fatal(err)
			}
			tmpl.now = func() time.Time { return time.Date(2024, 7, 26, 0, 0, 0, 0, time.UTC) }
			ran := 0
			for name, c := range g.Cases {
				messages, plain := turns(t, c.Input["messages"])
				if !plain {
					continue
				}
				ran++
				extra := map[string]any{"bos_token": g.BOS, "eos_token": g.EOS}
				prompt := false
				for key, raw := range c.Input {
					switch key {
					case "messages":
					case "add_generation_prompt":
						unmarshal(t, raw, &prompt)
					default:
						extra[key] = raw
					}
				}
				got, err := tmpl.Render(messages, prompt, extra)
				if (err != nil) != (c.Error != "") || got != c.Output {
					t.Errorf("%s:\n got %q, error %v\nwant %q, error %q", name, got, err, c.Output, c.Error)
				}
			}
			if ran == 0 {
				t.Fatal("no case has only plain text turns")
			}
			t.Logf("%d of %d cases are plain text turns", ran, len(g.Cases))
		})
	}
}

// turns returns the messages, and whether they have nothing but role and content.
func turns(t *testing.T, raw json.RawMessage) (messages []Message, plain bool) {
	var all []map[string]any
	unmarshal(t, raw, &all)
	for _, m := range all {
		role, ok1 := m["role"].(string)
		content, ok2 := m["content"].(string)
		if !ok1 || !ok2 || len(m) != 2 {
			return nil, false
		}
		messages = append(messages, Message{role, content})
	}
	return messages, true
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
