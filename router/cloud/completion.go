package cloud

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// chunk is one event of a streamed chat completion, and, with Message in
// place of Delta, a whole one.
type chunk struct {
	Model   string   `json:"model"`
	Choices []choice `json:"choices"`
	Usage   *usage   `json:"usage"`
	shaped
}

type choice struct {
	Delta   message `json:"delta"`
	Message message `json:"message"`
	Finish  string  `json:"finish_reason"`
}

// message is what a model says. Reasoning is not OpenAI's: DeepSeek, vLLM, SGLang
// and llama.cpp call it reasoning_content; OpenRouter, Ollama and newer vLLM,
// reasoning.
type message struct {
	Content   content    `json:"content"`
	Reasoning string     `json:"reasoning_content"`
	Thinking  content    `json:"reasoning"`
	Refusal   string     `json:"refusal"`
	ToolCalls []toolCall `json:"tool_calls"`
}

// content is a text, null, or a list of parts of which those with a text count.
type content string

func (c *content) UnmarshalJSON(raw []byte) error {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		*c = content(text)
		return nil
	}
	var parts []struct {
		Type string `json:"type"`
		Text string `json:"text"`
	}
	if err := json.Unmarshal(raw, &parts); err != nil {
		return errors.New("content is neither text nor a list of parts")
	}
	for _, p := range parts {
		*c += content(p.Text)
	}
	return nil
}

// toolCall is a call, or a piece of one in a stream.
type toolCall struct {
	Index    *int   `json:"index"`
	ID       string `json:"id"`
	Function struct {
		Name      string    `json:"name"`
		Arguments arguments `json:"arguments"`
	} `json:"function"`
}

// arguments are a text with JSON in it; some servers send the object itself.
type arguments string

func (a *arguments) UnmarshalJSON(raw []byte) error {
	var text string
	if json.Unmarshal(raw, &text) == nil { // null too
		*a = arguments(text)
	} else {
		*a = arguments(raw)
	}
	return nil
}

type usage struct {
	PromptTokens     int `json:"prompt_tokens"`
	CompletionTokens int `json:"completion_tokens"`
}

// reader gathers a completion from its chunks.
type reader struct {
	gatherer
	finish  string
	refusal string
}

// readStream reads server-sent events up to [DONE]. A stream that ends without
// it counts as whole only if the model gave a reason to finish.
func readStream(body io.Reader, emit func(string) error) (Completion, error) {
	r := &reader{gatherer: gatherer{emit: emit}}
	done, err := events(body, func(data []byte) error {
		return r.take(data, func(c choice) message { return c.Delta })
	})
	switch {
	case err != nil:
		return Completion{}, err
	case !done && r.finish == "":
		return Completion{}, brokenOff(r.text.Len())
	}
	return r.end()
}

func brokenOff(n int) *Error { return badAnswer("the stream broke off after %d bytes of text", n) }

// events passes on the data of server-sent events until [DONE], and tells whether
// that came.
func events(body io.Reader, each func(data []byte) error) (done bool, err error) {
	lines := bufio.NewScanner(body)
	lines.Buffer(make([]byte, 0, 16<<10), maxLineBytes)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data:")
		if !ok {
			continue // comments, event names, blank lines
		}
		data = strings.TrimSpace(data)
		if data == "[DONE]" {
			return true, nil
		}
		if err := each([]byte(data)); err != nil {
			return false, err
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return false, badAnswer("a line of the stream is longer than %d bytes", maxLineBytes)
	} else {
		return false, err
	}
}

// readWhole reads the answer of a server that does not stream.
func readWhole(body io.Reader, emit func(string) error) (Completion, error) {
	text, err := io.ReadAll(body)
	if err != nil {
		return Completion{}, err
	}
	r := &reader{gatherer: gatherer{emit: emit}}
	if err := r.take(text, func(c choice) message { return c.Message }); err != nil {
		return Completion{}, err
	}
	return r.end()
}

// take takes one JSON document; part picks what counts of a choice.
func (r *reader) take(data []byte, part func(choice) message) error {
	var c chunk
	if err := json.Unmarshal(data, &c); err != nil {
		return badAnswer("not a chat completion: %w; it begins %.120q", err, data)
	}
	if m := c.shaped.message(); m != "" {
		return &Error{Code: CodeUnavailable, Retryable: true, Err: errors.New("model server reports: " + m)}
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
	if c.Choices[0].Finish != "" {
		r.finish = c.Choices[0].Finish
	}
	return r.message(part(c.Choices[0]))
}

func (r *reader) message(m message) error {
	r.refusal += m.Refusal
	if m.Reasoning == "" {
		m.Reasoning = string(m.Thinking) // never both: some send the same twice
	}
	if err := r.reason(m.Reasoning); err != nil {
		return err
	}
	for _, call := range m.ToolCalls {
		if err := r.piece(call); err != nil {
			return err
		}
	}
	return r.add(string(m.Content))
}

// piece goes on with a call, or begins one. A call begins with an index that was
// not there, or with another id than that of the call at this index: Ollama and
// others send several whole calls, all with index 0 or with none.
func (r *reader) piece(p toolCall) error {
	calls := r.c.ToolCalls
	at := len(calls) - 1
	if p.Index != nil {
		at = *p.Index
	} else if p.Function.Name != "" || len(calls) == 0 {
		at = len(calls)
	}
	if at < 0 || at > len(calls) {
		return badAnswer("tool call %d comes after %d", at, len(calls))
	}
	if at < len(calls) && p.ID != "" && p.ID != calls[at].ID {
		at = len(calls)
	}
	if at == len(calls) {
		if _, err := r.call(p.ID, ""); err != nil {
			return err
		}
	}
	if into := &r.c.ToolCalls[at]; into.Name != p.Function.Name {
		into.Name += p.Function.Name // else it is sent with every piece
	}
	return r.arguments(at, string(p.Function.Arguments))
}

// end is the completion, with the reason to finish in the words of this package.
func (r *reader) end() (Completion, error) {
	switch r.finish {
	case "length", "max_tokens", "model_length":
		r.c.Finish = "length"
	case "content_filter":
		return Completion{}, refusal("the provider's content filter stopped the answer")
	case "abort", "error", "cancelled":
		return Completion{}, &Error{Code: CodeUnavailable, Retryable: true, Err: errors.New("model server stopped the answer: " + r.finish)}
	}
	if r.refusal != "" && r.text.Len() == 0 && len(r.c.ToolCalls) == 0 {
		return Completion{}, refusal("the model refuses: %.300s", r.refusal)
	}
	return r.gatherer.end()
}
