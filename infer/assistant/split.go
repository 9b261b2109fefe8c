package assistant

import (
	"strings"

	"github.com/a472be26/cusp/infer"
	"github.com/a472be26/cusp/infer/chat"
	"github.com/a472be26/cusp/infer/chat/toolcall"
	"github.com/a472be26/cusp/infer/tokenizer"
)

// splitter takes reasoning and tool calls out of the text of an answer. It
// stands between the writer and the caller.
type splitter struct {
	parser *toolcall.Parser
	called *toolcall.Parser // of what the other one takes for content; nil: none
	tokens *tokenizer.Tokenizer
	emit   func(delta string) error   // of content; may be nil
	events func(toolcall.Event) error // may be nil
	answer toolcall.Answer
}

// callMark is what a call begins with in the format that reads forced ones.
const callMark = "<tool_call>"

func (a *Assistant) newSplitter(o Options, prompt string, emit func(string) error) *splitter {
	s := &splitter{tokens: a.tokens, emit: emit, events: o.Events}
	format := a.format
	if o.NoCalls || o.Grammar != nil {
		format = plain()
	}
	s.parser = toolcall.New(format, toolcall.Options{Tools: o.Tools, Prompt: prompt})
	if o.Called {
		hermes, _ := toolcall.Named("hermes")
		s.called = toolcall.New(hermes, toolcall.Options{Tools: o.Tools})
		s.called.Push(callMark)
	}
	return s
}

// plain is the format of answers without calls.
func plain() toolcall.Format {
	f, _ := toolcall.Named("plain")
	return f
}

// push takes text that the writer lets go.
func (s *splitter) push(delta string) error { return s.pass(s.parser.Push(delta)) }

// token takes a token behind its text: a control token has none, but may be a
// mark of a call. What the writer held back comes before it.
func (s *splitter) token(id int32, w *writer) error {
	if !s.tokens.IsControl(id) {
		return nil
	}
	if err := w.release(); err != nil {
		return err
	}
	return s.pass(s.parser.Control(s.tokens.Piece(id)))
}

// pass hands on what was read. The content of a forced call is read once more.
func (s *splitter) pass(events []toolcall.Event) error {
	if s.called == nil {
		return s.tell(events)
	}
	for _, e := range events {
		next := []toolcall.Event{e}
		if e.Kind == toolcall.Content {
			next = s.called.Push(e.Text)
		}
		if err := s.tell(next); err != nil {
			return err
		}
	}
	return nil
}

func (s *splitter) tell(events []toolcall.Event) error {
	for _, e := range events {
		s.answer.Add(e)
		if s.events != nil {
			if err := s.events(e); err != nil {
				return err
			}
		}
		if e.Kind == toolcall.Content && s.emit != nil {
			if err := s.emit(e.Text); err != nil {
				return err
			}
		}
	}
	return nil
}

// finish passes on what was held back, unless the caller wants no more, and
// completes the reply.
func (s *splitter) finish(reply *Reply, refused bool) error {
	events := s.parser.Finish()
	var err error
	if !refused {
		err = s.pass(events)
	}
	if s.called != nil {
		events = s.unfinished(s.called.Finish())
		if !refused && err == nil {
			err = s.tell(events)
		}
	}
	reply.Text, reply.Reasoning, reply.Notes = s.answer.Content, s.answer.Reasoning, s.answer.Notes
	for _, c := range s.answer.Calls {
		reply.ToolCalls = append(reply.ToolCalls, chat.ToolCall(c))
	}
	if err == infer.ErrStop {
		return nil
	}
	return err
}

// unfinished takes our own mark out of the text of a call that was cut off.
func (s *splitter) unfinished(events []toolcall.Event) []toolcall.Event {
	for i, e := range events {
		if e.Kind == toolcall.Content {
			events[i].Text = strings.TrimPrefix(e.Text, callMark)
			break
		}
	}
	return events
}
