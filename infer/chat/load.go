package chat

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Keys of a GGUF file.
const (
	keyTemplate = "tokenizer.chat_template"
	keyToolUse  = keyTemplate + ".tool_use" // for conversations with tools
)

// Metadata is what Load needs of a model file.
type Metadata interface {
	Name() string
	Has(key string) bool
	String(key string) (string, error)
}

// Load reads the chat template in the metadata of a GGUF file, or Fallback where
// there is none. Some files have a second one for conversations with tools.
func Load(m Metadata) (*Template, error) {
	t, err := loadKey(m, keyTemplate)
	if err != nil {
		return nil, err
	}
	if t == nil {
		return Parse(Fallback)
	}
	t.withTools, err = loadKey(m, keyToolUse)
	return t, err
}

// loadKey returns nil where there is no such key.
func loadKey(m Metadata, key string) (*Template, error) {
	if !m.Has(key) {
		return nil, nil
	}
	source, err := m.String(key)
	if err != nil {
		return nil, fmt.Errorf("load chat template: %w", err)
	}
	t, err := Parse(source)
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", m.Name(), key, err)
	}
	return t, nil
}

// Files of a folder as Hugging Face's tokenizers save it.
const (
	templateFile = "chat_template.jinja"
	toolUseFile  = "additional_chat_templates/tool_use.jinja"
	configFile   = "tokenizer_config.json"
)

// config is what a tokenizer_config.json says of chats. Tokens are texts, or
// objects with a content.
type config struct {
	Template json.RawMessage `json:"chat_template"`
	BOS      json.RawMessage `json:"bos_token"`
	EOS      json.RawMessage `json:"eos_token"`
}

// LoadFolder reads the chat template of a folder with a tokenizer, as Hugging
// Face saves it, and the texts of its control tokens for
// [Conversation].Special.
func LoadFolder(dir string) (*Template, map[string]string, error) {
	var c config
	raw, err := os.ReadFile(filepath.Join(dir, configFile))
	if err == nil {
		err = json.Unmarshal(raw, &c)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("%s: %w", filepath.Join(dir, configFile), err)
	}
	special := map[string]string{"bos_token": c.text(c.BOS), "eos_token": c.text(c.EOS)}
	t, err := ParseFile(filepath.Join(dir, templateFile))
	switch {
	case err == nil:
		t.withTools, err = ParseFile(filepath.Join(dir, toolUseFile))
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
	case errors.Is(err, fs.ErrNotExist):
		t, err = c.template(dir)
	}
	if err != nil {
		return nil, nil, err
	}
	return t, special, nil
}

// ParseFile reads the template in a file.
func ParseFile(path string) (*Template, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	t, err := Parse(string(raw))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

func (config) text(raw json.RawMessage) string {
	var s string
	var token struct{ Content string }
	if json.Unmarshal(raw, &s) != nil && json.Unmarshal(raw, &token) == nil {
		return token.Content
	}
	return s
}

// template is that of tokenizer_config.json: a text, or several with names.
func (c config) template(dir string) (*Template, error) {
	path := filepath.Join(dir, configFile) + ": chat_template"
	sources := map[string]string{}
	var one string
	var several []struct{ Name, Template string }
	switch {
	case len(c.Template) == 0 || string(c.Template) == "null":
		return nil, fmt.Errorf("%s: there is no %s, and no chat_template in %s", dir, templateFile, configFile)
	case json.Unmarshal(c.Template, &one) == nil:
		sources["default"] = one
	case json.Unmarshal(c.Template, &several) == nil:
		for _, s := range several {
			sources[s.Name] = s.Template
		}
	default:
		return nil, fmt.Errorf("%s: want a text, or a list of names and texts", path)
	}
	source, ok := sources["default"]
	if !ok {
		return nil, fmt.Errorf("%s: none of them has the name default", path)
	}
	t, err := Parse(source)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if source, ok := sources["tool_use"]; ok {
		if t.withTools, err = Parse(source); err != nil {
			return nil, fmt.Errorf("%s: tool_use: %w", path, err)
		}
	}
	return t, nil
}
