package router

import (
	"encoding/json"

	"github.com/a472be26/cusp/router/match"
)

// Size is how much a model has to read for a question: bytes of all its texts, the
// history and the tools on offer among them, and an estimate of the tokens.
func (q Question) Size() (bytes, tokens int) {
	add := func(s string) { bytes, tokens = bytes+len(s), tokens+Tokens(s) }
	for _, m := range q.Messages {
		add(m.Content)
		add(m.Reasoning)
		for _, c := range m.ToolCalls {
			add(c.Name)
			add(c.Arguments)
		}
	}
	add(q.Prompt)
	add(string(q.Options.Tools))
	add(string(q.Options.ResponseFormat))
	return bytes + 4*len(q.PromptTokens), tokens + len(q.PromptTokens)
}

// Tokens estimates how many tokens a text is: one for each character of a script
// without spaces between words, else one for four bytes. For what no tokenizer is at
// hand for; real ones differ by tens of percent.
func Tokens(text string) int {
	bytes, runes := len(text), 0
	for _, r := range text {
		if match.Unparted(r) {
			runes++
			bytes -= 3
		}
	}
	return runes + (max(0, bytes)+3)/4
}

// Asked is what the asker said last.
func (q Question) Asked() string {
	for i := len(q.Messages) - 1; i >= 0; i-- {
		if q.Messages[i].Role == "user" {
			return q.Messages[i].Content
		}
	}
	return q.Prompt
}

// Client is who asks, as rules name it: "api", "api:USER", "iot".
func (q Question) Client() string {
	if q.User == "" {
		return q.Asker
	}
	return q.Asker + ":" + q.User
}

// ToolNames are the tools that a question offers, and those that were called in its
// conversation.
func (q Question) ToolNames() []string {
	var list []struct {
		Name     string
		Function struct{ Name string }
	}
	_ = json.Unmarshal(q.Options.Tools, &list) // what is no list offers nothing
	var all []string
	add := func(name string) {
		if name != "" {
			all = append(all, name)
		}
	}
	for _, t := range list {
		add(t.Name)
		add(t.Function.Name)
	}
	for _, m := range q.Messages {
		for _, c := range m.ToolCalls {
			add(c.Name)
		}
	}
	return all
}
