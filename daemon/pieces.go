package daemon

import (
	"strings"

	"github.com/a472be26/cusp/infer"
	"github.com/a472be26/cusp/infer/assistant"
	"github.com/a472be26/cusp/infer/chat/toolcall"
	"github.com/a472be26/cusp/router"
)

// pieces passes an answer on as it comes and gathers its calls, each with an id:
// most models give none.
type pieces struct {
	emit  func(router.Delta) error
	one   bool // the answer ends with its first call
	open  router.ToolCall
	calls []router.ToolCall
	known []router.LogProb // for the next piece
}

// send passes a piece on with what is known of its tokens.
func (p *pieces) send(d router.Delta) error {
	d.LogProbs, p.known = p.known, nil
	return p.emit(d)
}

// logProbs takes those of the tokens of the next piece.
func (p *pieces) logProbs(all []assistant.LogProb) { p.known = append(p.known, logProbs(all)...) }

// text takes a piece of an answer that has nothing else.
func (p *pieces) text(delta string) error { return p.send(router.Delta{Text: delta}) }

// add takes the next event. A call that turns out to be none has gone out by
// then; its text follows as content, and it is not among the answer's calls.
func (p *pieces) add(e toolcall.Event) error {
	switch e.Kind {
	case toolcall.Content:
		return p.text(e.Text)
	case toolcall.Reasoning:
		return p.send(router.Delta{Reasoning: e.Text})
	case toolcall.Start:
		p.open = router.ToolCall{ID: callID(e.ID), Name: e.Name}
		return p.send(router.Delta{Call: &router.CallDelta{Index: e.Index, ID: p.open.ID, Name: e.Name}})
	case toolcall.Arguments:
		p.open.Arguments += e.Text
		return p.send(router.Delta{Call: &router.CallDelta{Index: e.Index, Arguments: e.Text}})
	case toolcall.End:
		p.calls = append(p.calls, p.open)
		if p.one {
			return infer.ErrStop
		}
	}
	return nil
}

// callID is the model's own id, or one like OpenAI's.
func callID(id string) string {
	const enough = 24
	if id = strings.TrimSpace(id); id != "" && len(id) <= router.MaxIDBytes {
		return id
	}
	return "call_" + router.NewID()[:enough]
}
