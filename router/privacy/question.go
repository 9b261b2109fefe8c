package privacy

import (
	"encoding/json"
	"errors"
	"maps"
	"strings"

	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/match"
)

// pen rewrites the texts of a question: those that are text, and those in JSON.
type pen struct {
	text func(string) string
	json func(string) string
}

// either rewrites what may be both, such as the result of a tool.
func (p pen) either(text string) string {
	if isJSON(text) {
		return p.json(text)
	}
	return p.text(text)
}

// question is q with all texts that the cloud would see rewritten. What a tool is
// called is no text: the cloud has to call it so.
func (p pen) question(q router.Question) router.Question {
	messages := make([]router.Message, len(q.Messages))
	for i, m := range q.Messages {
		m.Content, m.Reasoning, m.Name = p.either(m.Content), p.text(m.Reasoning), p.name(m.Name)
		m.ToolCalls = p.calls(m.ToolCalls)
		messages[i] = m
	}
	if q.Messages != nil {
		q.Messages = messages
	}
	q.Prompt, q.User, q.Options.Grammar = p.text(q.Prompt), p.text(q.User), p.text(q.Options.Grammar)
	q.Options.Variables = maps.Clone(q.Options.Variables)
	for name, v := range q.Options.Variables {
		q.Options.Variables[name] = p.raw(v)
	}
	q.Options.Tools, q.Options.ResponseFormat = p.raw(q.Options.Tools), p.raw(q.Options.ResponseFormat)
	stop := make([]string, len(q.Options.Stop))
	for i, s := range q.Options.Stop {
		stop[i] = p.text(s)
	}
	if q.Options.Stop != nil {
		q.Options.Stop = stop
	}
	return q
}

// name is the name of a speaker, in which OpenAI's API allows no angle brackets.
func (p pen) name(name string) string {
	if changed := p.text(name); changed != name {
		return strings.NewReplacer("<", "", ">", "").Replace(changed)
	}
	return name
}

func (p pen) calls(calls []router.ToolCall) []router.ToolCall {
	if calls == nil {
		return nil
	}
	all := make([]router.ToolCall, len(calls))
	for i, c := range calls {
		c.Arguments = p.either(c.Arguments)
		all[i] = c
	}
	return all
}

func (p pen) raw(text json.RawMessage) json.RawMessage {
	if len(text) == 0 {
		return text
	}
	return json.RawMessage(p.json(string(text)))
}

// errToolName means that the name of a tool has something to hide: the cloud could
// not call it by another.
var errToolName = errors.New("the name of a tool has a value to hide")

// checkNames refuses names of tools, which travel as they are, that have findings.
func (r *redaction) checkNames(names []string) {
	for _, n := range names {
		all, err := Find(n)
		r.err = errors.Join(r.err, err)
		for _, f := range all {
			if r.modes.of(f.Category) != Allow {
				r.err = errors.Join(r.err, errToolName)
				return
			}
		}
	}
}

// toolsOf are the tools that were called in a conversation, or gave a result.
func toolsOf(q router.Question) []string {
	var all []string
	for _, m := range q.Messages {
		for _, c := range m.ToolCalls {
			all = append(all, c.Name)
		}
		if m.Role == "tool" && m.Name != "" {
			all = append(all, m.Name)
		}
	}
	return all
}

// offered are the names of the tools that a question offers.
func offered(q router.Question) []string {
	var list []struct {
		Name     string
		Function struct{ Name string }
	}
	_ = json.Unmarshal(q.Options.Tools, &list) // what is no list offers nothing
	all := []string{q.Options.ToolName}
	for _, t := range list {
		all = append(all, t.Name, t.Function.Name)
	}
	return all
}

// subject is what rules look at: the whole conversation, so that what was said, or
// what a tool gave, taints all that follows.
func subject(q router.Question) match.Subject {
	s := match.Subject{Client: q.Asker, Topic: q.Topic, Tools: toolsOf(q)}
	if q.User != "" {
		s.Client += ":" + q.User
	}
	read := func(text string) string { s.Texts = append(s.Texts, text); return text }
	pen{read, read}.question(q)
	return s
}
