package api

import (
	"errors"
	"net/http"
	"time"

	"github.com/a472be26/cusp/router"
)

// responseEvents writes the events of a response. An answer comes from one
// goroutine at a time, so that there is no lock. Its items are open one after
// the other: reasoning, text and each call.
type responseEvents struct {
	events   sse
	req      ResponseRequest
	response response
	sequence int
	item     *openItem // nil: none
}

// openItem is an item that is being written.
type openItem struct {
	kind string // "reasoning", "message" or "function_call"
	id   string
	call router.CallDelta // of a function_call: index, id and name
	text string           // so far: of reasoning, of the message, or arguments
}

func newResponseEvents(w http.ResponseWriter, r ResponseRequest, created time.Time) *responseEvents {
	return &responseEvents{events: sse{w: w}, req: r, response: r.begin(created)}
}

// event writes one event; members is a map whose type and number are added.
func (e *responseEvents) event(kind string, members map[string]any) error {
	members["type"], members["sequence_number"] = kind, e.sequence
	e.sequence++
	return e.events.event(kind, members)
}

// about is an event of the item that is open.
func (e *responseEvents) about(kind string, members map[string]any) error {
	members["item_id"], members["output_index"] = e.item.id, len(e.response.Output)
	return e.event(kind, members)
}

// begin sends what comes before the first item.
func (e *responseEvents) begin() error {
	if e.events.open {
		return nil
	}
	e.events.begin("")
	return errors.Join(
		e.event("response.created", map[string]any{"response": e.response}),
		e.event("response.in_progress", map[string]any{"response": e.response}))
}

// piece sends a piece of the answer, in the item that it belongs to.
func (e *responseEvents) piece(_ int, d router.Delta) error {
	var errs []error
	if d.Reasoning != "" {
		errs = append(errs, e.open("reasoning", router.CallDelta{}), e.delta("response.reasoning_text.delta", d.Reasoning, map[string]any{"content_index": 0}))
	}
	if d.Text != "" {
		errs = append(errs, e.open("message", router.CallDelta{}), e.delta("response.output_text.delta", d.Text, map[string]any{"content_index": 0, "logprobs": newOutputText("", d.LogProbs).LogProbs}))
	}
	if d.Call != nil {
		errs = append(errs, e.open("function_call", *d.Call))
		if d.Call.Arguments != "" {
			errs = append(errs, e.delta("response.function_call_arguments.delta", d.Call.Arguments, map[string]any{}))
		}
	}
	return errors.Join(append(errs, e.events.flush())...)
}

func (e *responseEvents) delta(kind, text string, members map[string]any) error {
	e.item.text += text
	members["delta"] = text
	return e.about(kind, members)
}

// open begins an item, unless it is open already, and closes the one before.
func (e *responseEvents) open(kind string, call router.CallDelta) error {
	if err := e.begin(); err != nil {
		return err
	}
	if e.item != nil && e.item.kind == kind && e.item.call.Index == call.Index {
		return nil
	}
	if err := e.close(completed, nil); err != nil {
		return err
	}
	prefix := map[string]string{"reasoning": "rs_", "message": "msg_", "function_call": "fc_"}[kind]
	e.item = &openItem{kind: kind, id: itemID(prefix, e.req.Question, len(e.response.Output)), call: call}
	err := e.event("response.output_item.added", map[string]any{"output_index": len(e.response.Output), "item": e.item.object(inProgress, nil)})
	if kind == "message" && err == nil {
		err = e.about("response.content_part.added", map[string]any{"content_index": 0, "part": newOutputText("", nil)})
	}
	return err
}

// object is the item as it stands.
func (o *openItem) object(status string, logProbs []router.LogProb) any {
	switch o.kind {
	case "reasoning":
		r := outputReasoning{ID: o.id, Type: o.kind, Summary: []struct{}{}, Content: []reasoningText{}, Status: status}
		if o.text != "" {
			r.Content = append(r.Content, reasoningText{"reasoning_text", o.text})
		}
		return r
	case "function_call":
		return outputCall{ID: o.id, Type: o.kind, Status: status, CallID: o.call.ID, Name: o.call.Name, Arguments: o.text}
	}
	m := outputMessage{ID: o.id, Type: o.kind, Status: status, Role: "assistant", Content: []outputText{}}
	if status != inProgress {
		m.Content = append(m.Content, newOutputText(o.text, logProbs))
	}
	return m
}

// close ends the open item, if one is.
func (e *responseEvents) close(status string, logProbs []router.LogProb) error {
	if e.item == nil {
		return nil
	}
	var errs []error
	switch e.item.kind {
	case "reasoning":
		errs = append(errs, e.about("response.reasoning_text.done", map[string]any{"content_index": 0, "text": e.item.text}))
	case "function_call":
		errs = append(errs, e.about("response.function_call_arguments.done", map[string]any{"arguments": e.item.text, "name": e.item.call.Name}))
	default:
		part := newOutputText(e.item.text, logProbs)
		errs = append(errs,
			e.about("response.output_text.done", map[string]any{"content_index": 0, "text": part.Text, "logprobs": part.LogProbs}),
			e.about("response.content_part.done", map[string]any{"content_index": 0, "part": part}))
	}
	item := e.item.object(status, logProbs)
	errs = append(errs, e.event("response.output_item.done", map[string]any{"output_index": len(e.response.Output), "item": item}))
	e.response.Output, e.item = append(e.response.Output, item), nil
	return errors.Join(errs...)
}

// finish sends the end of the last item and the response as a whole.
func (e *responseEvents) finish(a router.Answer) error {
	errs := []error{e.begin()}
	if len(e.response.Output) == 0 && e.item == nil { // an empty answer is a message, too
		errs = append(errs, e.open("message", router.CallDelta{}))
	}
	e.response.end(a)
	errs = append(errs, e.close(e.response.Status, a.LogProbs))
	return errors.Join(append(errs, e.event("response."+e.response.Status, map[string]any{"response": e.response}), e.events.flush())...)
}
