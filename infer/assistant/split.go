package assistant

import (
	"github.com/a472be26/cusp/infer"
	"github.com/a472be26/cusp/infer/chat"
	"github.com/a472be26/cusp/infer/chat/toolcall"
	"github.com/a472be26/cusp/infer/tokenizer"
)

// splitter takes reasoning and tool calls out of the text of an answer. It
// stands between the writer and the caller.
type splitter struct {
	parser *toolcall.Parser
	tokens *tokenizer.Tokenizer
	emit   func(delta string) error   // of content; may be nil
	events func(toolcall.Event) error // may be nil
	answer toolcall.Answer
}

func (a *Assistant) newSplitter(o Options, prompt string, emit func(string) error) *splitter {
	return &splitter{
		parser: toolcall.New(a.format, toolcall.Options{Tools: o.Tools, Prompt: prompt}),
		tokens: a.tokens, emit: emit, events: o.Events,
	}
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

func (s *splitter) pass(events []toolcall.Event) error {
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
	reply.Text, reply.Reasoning, reply.Notes = s.answer.Content, s.answer.Reasoning, s.answer.Notes
	for _, c := range s.answer.Calls {
		reply.ToolCalls = append(reply.ToolCalls, chat.ToolCall(c))
	}
	if err == infer.ErrStop {
		return nil
	}
	return err
}
