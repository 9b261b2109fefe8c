package chat

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// meta is the metadata of a model file.
type meta map[string]string

func (meta) Name() string          { return "m.gguf" }
func (m meta) Has(key string) bool { _, ok := m[key]; return ok }
func (m meta) String(key string) (string, error) {
	if m[key] == "no text" {
		return "", fmt.Errorf("m.gguf: %s is no text", key)
	}
	return m[key], nil
}

var (
	anyMessage = []Message{{Role: "user", Content: "Hi"}}
	anyTools   = json.RawMessage(`[{"function": {"name": "f"}}]`)
)

// both are the prompts without and with tools.
func both(t *testing.T, tmpl *Template) string {
	t.Helper()
	plain, err := tmpl.Render(Conversation{Messages: anyMessage})
	if err != nil {
		t.Fatal(err)
	}
	tools, err := tmpl.Render(Conversation{Messages: anyMessage, Tools: anyTools})
	if err != nil {
		t.Fatal(err)
	}
	return plain.String() + "|" + tools.String()
}

func TestLoad(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		m    meta
		want string
	}{
		{meta{keyTemplate: "a"}, "a|a"},
		{meta{keyTemplate: "a", keyToolUse: "b"}, "a|b"},
		{meta{}, "User: Hi\n\nAssistant:|User: Hi\n\nAssistant:"},
	} {
		tmpl, err := Load(c.m)
		if err != nil {
			t.Fatal(err)
		}
		if got := both(t, tmpl); got != c.want {
			t.Errorf("%v: %q, want %q", c.m, got, c.want)
		}
	}
	for _, m := range []meta{{keyTemplate: "{% if %}"}, {keyTemplate: "a", keyToolUse: "{{"}, {keyTemplate: "no text"}} {
		if _, err := Load(m); err == nil || !strings.Contains(err.Error(), keyTemplate) || !strings.Contains(err.Error(), "m.gguf") {
			t.Errorf("%v: error %v", m, err)
		}
	}
}

func TestLoadFolder(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files     map[string]string
		want, bos string
		err       string
	}{
		"a file":        {files: map[string]string{templateFile: "a", configFile: `{"bos_token": "<s>"}`}, want: "a|a", bos: "<s>"},
		"two files":     {files: map[string]string{templateFile: "a", toolUseFile: "b"}, want: "a|b"},
		"in the config": {files: map[string]string{configFile: `{"chat_template": "a", "bos_token": {"content": "<s>"}}`}, want: "a|a", bos: "<s>"},
		"two in it":     {files: map[string]string{configFile: `{"chat_template": [{"name": "default", "template": "a"}, {"name": "tool_use", "template": "b"}], "bos_token": null}`}, want: "a|b"},
		"none":          {files: map[string]string{configFile: `{}`}, err: "chat_template"},
		"nothing":       {err: "chat_template"},
		"no default":    {files: map[string]string{configFile: `{"chat_template": [{"name": "x", "template": "a"}]}`}, err: "default"},
		"a number":      {files: map[string]string{configFile: `{"chat_template": 1}`}, err: "want a text"},
		"broken JSON":   {files: map[string]string{configFile: `{`}, err: configFile},
		"broken":        {files: map[string]string{templateFile: "{{"}, err: templateFile},
		"broken in it":  {files: map[string]string{configFile: `{"chat_template": "{{"}`}, err: configFile},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for file, text := range c.files {
				path := filepath.Join(dir, file)
				if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			tmpl, special, err := LoadFolder(dir)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("error %v does not say %q", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := both(t, tmpl); got != c.want || special["bos_token"] != c.bos {
				t.Errorf("%q, BOS %q", got, special["bos_token"])
			}
		})
	}
}
