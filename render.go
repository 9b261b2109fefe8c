package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/a472be26/cusp/infer/assistant"
	"github.com/a472be26/cusp/infer/chat"
	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/infer/tokenizer"
	"github.com/a472be26/cusp/packaging/bundle"
)

type renderCmd struct {
	File     string   `arg:"" type:"path" help:"GGUF file, model bundle, Hugging Face folder, or a template's own file (.jinja)."`
	Messages string   `arg:"" type:"path" help:"JSON file with a list of messages as in OpenAI's chat API; - reads standard input."`
	Tools    string   `type:"existingfile" placeholder:"FILE" help:"JSON file with a list of tools as in OpenAI's chat API."`
	Set      []string `sep:"none" placeholder:"KEY=JSON" help:"Set a variable of the template, such as enable_thinking=false."`
	Closed   bool     `name:"no-generation-prompt" xor:"end" help:"End with the last message, without the beginning of the assistant's answer."`
	Continue bool     `name:"continue" xor:"end" help:"End within the last message, which the model is to continue."`
}

// Help is printed below the flags.
func (renderCmd) Help() string {
	return `The prompt is printed to the byte: no line break is added at the end.

Example: what a model gets to see of a question with a tool.

  echo '[{"role": "user", "content": "Is it warm in Paris?"}]' > messages.json
  echo '[{"type": "function", "function": {"name": "weather", "parameters":
    {"type": "object", "properties": {"city": {"type": "string"}}}}}]' > tools.json
  cusp model render model.gguf messages.json --tools tools.json --set enable_thinking=false

Messages have a role (system, developer, user, assistant, tool) and a content: a
text, null, or a list of parts such as {"type": "text", "text": "Hi"}. Those of
the assistant may have tool_calls and reasoning_content, those of a tool have a
tool_call_id. Further fields are passed to the template as they are.

A template's own file names no control tokens: --set 'bos_token="<s>"' does.`
}

func (c renderCmd) Run(s streams) error {
	conversation, err := c.conversation(s.in)
	if err != nil {
		return err
	}
	template, special, err := openTemplate(c.File)
	if err != nil {
		return err
	}
	conversation.Special = special
	prompt, err := template.Render(conversation)
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	_, err = io.WriteString(s.out, prompt.String())
	return err
}

func (c renderCmd) conversation(in io.Reader) (chat.Conversation, error) {
	v := chat.Conversation{Closed: c.Closed, Continue: c.Continue, Variables: map[string]json.RawMessage{}}
	raw, from, err := readInput(c.Messages, in)
	if err != nil {
		return v, fmt.Errorf("read messages: %w", err)
	}
	if v.Messages, err = chat.ParseMessages(raw); err != nil {
		return v, fmt.Errorf("%s: %w", from, err)
	}
	if c.Tools != "" {
		if v.Tools, err = os.ReadFile(c.Tools); err != nil {
			return v, fmt.Errorf("read tools: %w", err)
		}
		if err := chat.CheckTools(v.Tools); err != nil {
			return v, fmt.Errorf("%s: %w", c.Tools, err)
		}
	}
	for _, set := range c.Set {
		key, value, ok := strings.Cut(set, "=")
		if !ok || key == "" {
			return v, usageError{fmt.Errorf("--set %s: want KEY=JSON", set)}
		}
		if !json.Valid([]byte(value)) {
			return v, usageError{fmt.Errorf(`--set %s: the value is no JSON; a text has quotes: --set '%s="..."'`, set, key)}
		}
		v.Variables[key] = json.RawMessage(value)
	}
	return v, nil
}

// readInput reads a file, or in for "-", and says what it read.
func readInput(path string, in io.Reader) (raw []byte, from string, err error) {
	if path == "-" {
		raw, err = io.ReadAll(in)
		return raw, "standard input", err
	}
	raw, err = os.ReadFile(path)
	return raw, path, err
}

// openTemplate returns the chat template of a model in any form, and the texts
// of its control tokens as far as they are known.
func openTemplate(path string) (*chat.Template, map[string]string, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, nil, err
	case !info.IsDir() && filepath.Ext(path) == ".jinja":
		t, err := chat.ParseFile(path)
		return t, map[string]string{"bos_token": "", "eos_token": ""}, err
	case !info.IsDir():
		return templateOfGGUF(path)
	}
	model := filepath.Join(path, bundle.ModelFile)
	if _, err := os.Stat(model); err == nil {
		return templateOfGGUF(model)
	}
	return chat.LoadFolder(path)
}

func templateOfGGUF(path string) (*chat.Template, map[string]string, error) {
	f, err := gguf.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	t, err := chat.Load(f)
	if err != nil {
		return nil, nil, err
	}
	tokens, err := tokenizer.Load(f)
	if err != nil {
		return nil, nil, err
	}
	special := assistant.SpecialTexts(tokens)
	for name, text := range special {
		special[name] = strings.Clone(text) // outlives the file
	}
	return t, special, nil
}
