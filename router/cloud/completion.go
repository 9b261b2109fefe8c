package cloud

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/uplink"
)

// chunk is one event of a streamed chat completion, and, with Message in
// place of Delta, a whole one.
type chunk struct {
	Model   string    `json:"model"`
	Choices []choice  `json:"choices"`
	Usage   *usage    `json:"usage"`
	Error   *apiError `json:"error"`
}

type choice struct {
	Delta   message `json:"delta"`
	Message message `json:"message"`
	Finish  string  `json:"finish_reason"`
}

type message struct {
	Content   string     `json:"content"`           // null is empty
	Reasoning string     `json:"reasoning_content"` // not OpenAI's, but common
	ToolCalls []toolCall `json:"tool_calls"`
}

// toolCall is a call, or a piece of one in a stream. Some servers leave out the
// index of whole calls.
type toolCall struct {
	Index    *int   `json:"index"`
	ID       string `json:"id"`
	Function struct {
		Name      string `json:"name"`
		Arguments string `json:"arguments"`
	} `json:"function"`
}

type usage struct {
	PromptTokens     int `json:"prompt_tokens"`
	CompletionTokens int `json:"completion_tokens"`
}

type apiError struct {
	Message string `json:"message"`
}

// reader gathers a completion from its chunks.
type reader struct {
	emit func(string) error
	text strings.Builder
	more int // bytes of reasoning and calls
	c    Completion
}

// readStream reads server-sent events up to [DONE]. A stream that ends without
// it counts as whole only if the model gave a reason to finish.
func readStream(body io.Reader, emit func(string) error) (Completion, error) {
	r := &reader{emit: emit}
	lines := bufio.NewScanner(body)
	lines.Buffer(make([]byte, 0, 16<<10), maxLineBytes)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data:")
		if !ok {
			continue // comments, event names, blank lines
		}
		data = strings.TrimSpace(data)
		if data == "[DONE]" {
			return r.end()
		}
		if err := r.add([]byte(data), func(c choice) message { return c.Delta }); err != nil {
			return Completion{}, err
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return Completion{}, badAnswer("a line of the stream is longer than %d bytes", maxLineBytes)
	case err != nil:
		return Completion{}, err
	case r.c.Finish == "":
		return Completion{}, badAnswer("the stream broke off after %d bytes of text", r.text.Len())
	}
	return r.end()
}

// readWhole reads the answer of a server that does not stream.
func readWhole(body io.Reader, emit func(string) error) (Completion, error) {
	text, err := io.ReadAll(body)
	if err != nil {
		return Completion{}, err
	}
	r := &reader{emit: emit}
	if err := r.add(text, func(c choice) message { return c.Message }); err != nil {
		return Completion{}, err
	}
	return r.end()
}

// add takes one JSON document; part picks what counts of a choice.
func (r *reader) add(data []byte, part func(choice) message) error {
	var c chunk
	if err := json.Unmarshal(data, &c); err != nil {
		return badAnswer("not a chat completion: %w; it begins %.120q", err, data)
	}
	if c.Error != nil {
		return &Error{Code: CodeUnavailable, Retryable: true, Err: errors.New("model server reports: " + c.Error.Message)}
	}
	if c.Model != "" {
		r.c.Model = c.Model
	}
	if c.Usage != nil {
		r.c.PromptTokens, r.c.CompletionTokens = max(c.Usage.PromptTokens, 0), max(c.Usage.CompletionTokens, 0)
	}
	if len(c.Choices) == 0 {
		return nil // a last chunk with the usage only
	}
	m := part(c.Choices[0])
	r.c.Reasoning += m.Reasoning
	r.more += len(m.Reasoning)
	for i, call := range m.ToolCalls {
		if err := r.call(i, call); err != nil {
			return err
		}
	}
	if c.Choices[0].Finish != "" {
		r.c.Finish = c.Choices[0].Finish
	}
	return r.append(m.Content)
}

// call goes on with a call, or begins one.
func (r *reader) call(at int, c toolCall) error {
	if c.Index != nil {
		at = *c.Index
	}
	if at < 0 || at > len(r.c.ToolCalls) || at >= uplink.MaxCalls {
		return badAnswer("tool call %d comes after %d; at most %d are taken", at, len(r.c.ToolCalls), uplink.MaxCalls)
	}
	if at == len(r.c.ToolCalls) {
		r.c.ToolCalls = append(r.c.ToolCalls, router.ToolCall{ID: c.ID})
	}
	into := &r.c.ToolCalls[at]
	into.Name += c.Function.Name
	into.Arguments += c.Function.Arguments
	r.more += len(c.ID) + len(c.Function.Name) + len(c.Function.Arguments)
	return nil
}

func (r *reader) append(text string) error {
	if r.text.Len()+r.more+len(text) > uplink.MaxTextBytes {
		return tooLong()
	}
	if text == "" {
		return nil
	}
	r.text.WriteString(text)
	return r.emit(text)
}

// end is the completion, if it is one.
func (r *reader) end() (Completion, error) {
	r.c.Text = r.text.String()
	if r.c.Text == "" && len(r.c.ToolCalls) == 0 {
		return Completion{}, badAnswer("the answer has no text")
	}
	for i, c := range r.c.ToolCalls {
		if c.Name == "" {
			return Completion{}, badAnswer("tool call %d has no name", i)
		}
	}
	if r.c.Finish == "" {
		r.c.Finish = "stop"
	}
	return r.c, nil
}
