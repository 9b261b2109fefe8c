package toolcall

import (
	"encoding/json"
	"errors"
	"iter"
	"slices"
)

// Options are what a parser may know of a conversation.
type Options struct {
	// Tools are those that the model was given, as in OpenAI's chat API. From
	// them is known which arguments are texts where a format does not say so.
	Tools json.RawMessage
	// Prompt is the end of the prompt. Where it opens the reasoning, as some
	// templates do, the answer begins within it.
	Prompt string
}

// Parser reads one answer. It is for one goroutine, and must be finished.
type Parser struct {
	format Format
	types  types
	in     source
	resume func() (Event, bool)
	yield  func(Event) bool

	pending Kind   // of text
	text    []byte // not yet passed on
	open    bool   // a call is under way
	calls   int    // begun
	ended   bool   // a call was complete
}

// New returns a parser for the next answer of a model with this format.
func New(format Format, o Options) *Parser {
	p := &Parser{format: format, types: typesOf(o.Tools)}
	p.in.more = func() {
		p.flush()
		p.pass(Event{Kind: wait})
	}
	resume, stop := iter.Pull(func(yield func(Event) bool) {
		p.yield = yield
		p.answer(format.opens(o.Prompt))
		p.flush()
	})
	p.resume = func() (Event, bool) {
		e, ok := resume()
		if !ok {
			stop()
		}
		return e, ok
	}
	return p
}

// Push takes the next text of the answer and returns what is certain by now.
func (p *Parser) Push(delta string) []Event {
	if delta == "" || p.in.closed {
		return nil
	}
	p.in.buf += delta
	return p.run()
}

// Control takes a control token, which is a mark of the format or nothing.
func (p *Parser) Control(piece string) []Event {
	if !slices.Contains(p.format.marks, piece) {
		return nil
	}
	return p.Push(piece)
}

// Finish returns what was held back. The answer is complete.
func (p *Parser) Finish() []Event {
	if p.in.closed {
		return nil
	}
	p.in.closed = true
	return p.run()
}

func (p *Parser) run() (events []Event) {
	for {
		e, ok := p.resume()
		if !ok || e.Kind == wait {
			return events
		}
		events = append(events, e)
	}
}

func (p *Parser) pass(e Event) {
	if !p.yield(e) { // cannot be: Finish runs to the end
		p.in.closed = true
	}
}

// say adds to the text of a kind.
func (p *Parser) say(kind Kind, text string) {
	if kind != p.pending {
		p.flush()
	}
	p.pending, p.text = kind, append(p.text, text...)
}

func (p *Parser) flush() {
	if len(p.text) > 0 {
		p.pass(Event{Kind: p.pending, Text: string(p.text), Index: p.index(p.pending)})
		p.text = p.text[:0]
	}
}

func (p *Parser) index(k Kind) int {
	if k == Arguments {
		return p.calls - 1
	}
	return 0
}

func (p *Parser) tell(e Event) {
	p.flush()
	p.pass(e)
}

// start begins a call.
func (p *Parser) start(name, id string) {
	p.tell(Event{Kind: Start, Index: p.calls, Name: name, ID: id})
	p.calls++
	p.open = true
}

func (p *Parser) arguments(text string) { p.say(Arguments, text) }

// end ends a call. What was taken is not recorded any more.
func (p *Parser) end(id string) {
	p.tell(Event{Kind: End, Index: p.calls - 1, ID: id})
	p.open, p.ended = false, true
	p.in.raw = p.in.raw[:0]
}

// whole is a call that was read before it was told.
func (p *Parser) whole(name, id, arguments string) {
	p.start(name, id)
	p.arguments(arguments)
	p.end(id)
}

// answer reads everything.
func (p *Parser) answer(reasoning bool) {
	p.reasoning(reasoning)
	p.content()
}

// reasoning reads what is before the answer, if anything is.
func (p *Parser) reasoning(open bool) {
	held := p.in.space()
	if !open {
		begin := p.in.mark(p.format.thinks)
		if begin == "" {
			p.in.buf = held + p.in.buf // it belongs to the content
			return
		}
		p.in.take(len(begin))
		p.in.space()
	}
	for p.in.has(1) {
		held = p.in.space()
		end := p.in.mark(p.format.thought)
		switch {
		case end != "":
			p.in.take(len(end))
			p.in.space()
			return
		case p.in.has(1):
			held += p.in.rune()
		}
		p.say(Reasoning, held)
	}
}

// content reads text for the user, and calls.
func (p *Parser) content() {
	for first := true; p.in.has(1); {
		held := p.in.space() // a mark may follow
		if !p.in.has(1) {
			if !p.ended {
				p.say(Content, held)
			}
			return
		}
		if first && p.format.bare != nil && p.attempt(held, "", func() error { return p.format.bare(p) }) {
			first = false
			continue
		}
		first = false
		if mark := p.in.mark(p.format.begins); mark != "" {
			p.in.take(len(mark))
			p.attempt(held, mark, func() error { return p.format.calls(p, mark) })
			continue
		}
		p.say(Content, held)
		p.say(Content, p.in.rune())
	}
}

// errNone says that what a bare format finds looks like no call at all.
var errNone = errors.New("no call")

// attempt reads calls behind a mark. What is none becomes content; false says
// that nothing was taken.
func (p *Parser) attempt(held, mark string, read func() error) bool {
	before := p.calls
	p.in.record(held + mark)
	err := read()
	p.in.recording = false
	if err == nil {
		return true
	}
	if errors.Is(err, errNone) && p.calls == before { // given back
		p.in.buf = string(p.in.raw[len(held)+len(mark):]) + p.in.buf
		return false
	}
	if p.open {
		p.tell(Event{Kind: Cut, Index: p.calls - 1})
		p.open = false
	}
	p.tell(Event{Kind: Note, Text: "no tool call: " + err.Error()})
	p.say(Content, string(p.in.raw))
	return true
}
