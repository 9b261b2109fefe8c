package router

import "encoding/json"

// Message is one turn of a conversation, in JSON as OpenAI's chat API has it.
// Role is "system", "developer", "user", "assistant" or "tool".
type Message struct {
	Role       string     `json:"role"`
	Content    string     `json:"content"`
	Reasoning  string     `json:"reasoning_content,omitempty"` // of an assistant, before its answer
	ToolCalls  []ToolCall `json:"tool_calls,omitempty"`        // of an assistant
	Name       string     `json:"name,omitempty"`              // of the speaker, or of the tool
	ToolCallID string     `json:"tool_call_id,omitempty"`      // of the call that a tool's message answers
}

// Bytes is how much text the message holds.
func (m Message) Bytes() int {
	n := len(m.Content) + len(m.Reasoning)
	for _, c := range m.ToolCalls {
		n += len(c.Arguments)
	}
	return n
}

// ToolCall is a call of a function that a model wants. Its JSON is OpenAI's.
type ToolCall struct {
	ID        string
	Name      string
	Arguments string // a JSON object, if the model did as it should
}

// wireCall is a ToolCall as OpenAI writes it.
type wireCall struct {
	ID       string       `json:"id"`
	Type     string       `json:"type"`
	Function wireFunction `json:"function"`
}

type wireFunction struct {
	Name      string `json:"name"`
	Arguments string `json:"arguments"`
}

// MarshalJSON writes OpenAI's shape.
func (c ToolCall) MarshalJSON() ([]byte, error) {
	return json.Marshal(wireCall{c.ID, "function", wireFunction{c.Name, c.Arguments}})
}

// UnmarshalJSON reads OpenAI's shape; what else is in it is ignored.
func (c *ToolCall) UnmarshalJSON(text []byte) error {
	var w wireCall
	if err := json.Unmarshal(text, &w); err != nil {
		return err
	}
	*c = ToolCall{w.ID, w.Function.Name, w.Function.Arguments}
	return nil
}

// Delta is a piece of an answer as it comes.
type Delta struct {
	Text      string
	Reasoning string
	Call      *CallDelta
	// LogProbs are those of the tokens that the piece completes, as far as they are
	// known by then; together they begin Answer.LogProbs.
	LogProbs []LogProb
}

// CallDelta is a piece of the call of that index, from 0. The first piece of a
// call has its ID and Name, those after it more of its arguments.
type CallDelta struct {
	Index     int    `json:"index"`
	ID        string `json:"id,omitempty"`
	Name      string `json:"name,omitempty"`
	Arguments string `json:"arguments,omitempty"`
}

// Pieces are calls as one delta each.
func Pieces(calls []ToolCall) []CallDelta {
	all := make([]CallDelta, len(calls))
	for i, c := range calls {
		all[i] = CallDelta{i, c.ID, c.Name, c.Arguments}
	}
	return all
}
