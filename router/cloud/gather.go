package cloud

import (
	"strings"

	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/uplink"
)

// gatherer puts a completion together from its pieces, within bounds, and passes
// the text on.
type gatherer struct {
	emit func(string) error
	text strings.Builder
	more int // bytes of reasoning and calls
	c    Completion
}

// add takes a piece of the answer's text.
func (g *gatherer) add(text string) error {
	if err := g.room(len(text)); err != nil {
		return err
	}
	if text == "" {
		return nil
	}
	g.text.WriteString(text)
	return g.emit(text)
}

// reason takes a piece of the reasoning.
func (g *gatherer) reason(text string) error {
	g.more += len(text)
	g.c.Reasoning += text
	return g.room(0)
}

// call begins a tool call and returns its number.
func (g *gatherer) call(id, name string) (int, error) {
	at := len(g.c.ToolCalls)
	if at >= uplink.MaxCalls {
		return 0, badAnswer("more than %d tool calls", uplink.MaxCalls)
	}
	g.c.ToolCalls = append(g.c.ToolCalls, router.ToolCall{ID: id, Name: name})
	g.more += len(id) + len(name)
	return at, g.room(0)
}

// arguments goes on with the arguments of a call.
func (g *gatherer) arguments(at int, text string) error {
	g.c.ToolCalls[at].Arguments += text
	g.more += len(text)
	return g.room(0)
}

// room tells whether n more bytes of text may come.
func (g *gatherer) room(n int) error {
	if g.text.Len()+g.more+n > uplink.MaxTextBytes {
		return tooLong()
	}
	return nil
}

// end is the completion, if it is one. Calls without an id get one: their results
// are told apart by it.
func (g *gatherer) end() (Completion, error) {
	g.c.Text = g.text.String()
	if g.c.Text == "" && len(g.c.ToolCalls) == 0 {
		return Completion{}, g.empty()
	}
	for i := range g.c.ToolCalls {
		c := &g.c.ToolCalls[i]
		if c.Name == "" {
			return Completion{}, badAnswer("tool call %d has no name", i)
		}
		if c.ID == "" {
			c.ID = newCallID()
		}
	}
	if len(g.c.ToolCalls) > 0 && g.c.Finish != "length" {
		g.c.Finish = "tool_calls" // some servers say "stop"
	}
	if g.c.Finish == "" {
		g.c.Finish = "stop"
	}
	return g.c, nil
}

// empty is why there is no answer. A model that spends all its tokens on reasoning
// would do so again.
func (g *gatherer) empty() *Error {
	if g.c.Finish == "length" {
		return refusal("the model used all its tokens before it answered; allow more than the %d that it took, or ask for less reasoning", g.c.CompletionTokens)
	}
	return badAnswer("the answer has no text")
}

func newCallID() string { return "call_" + uplink.RandomID() }
