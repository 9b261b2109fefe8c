package cloud

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/a472be26/cusp/router"
)

// OpenAI answers through any endpoint that speaks OpenAI's chat completions:
// OpenAI, vLLM, SGLang, trtllm-serve of TensorRT-LLM, llama.cpp's server, Ollama,
// cusp serve. It is not built on OpenAI's SDK: that adds 20 MB to the program and
// knows only what OpenAI sends, while the work here is what the others do.
type OpenAI struct {
	wire  *wire
	model string
	own   bool // OpenAI's own servers, which are strict
}

var _ Provider = (*OpenAI)(nil)

// NewOpenAI checks the endpoint; it does not connect. The URL is like
// https://api.openai.com/v1; without a path, /v1 is added. An empty model leaves
// the choice to the server. Without a key no Authorization is sent, as local
// servers like it.
func NewOpenAI(e Endpoint) (*OpenAI, error) {
	w, err := newWire(e, "/v1", bearer)
	if err != nil {
		return nil, err
	}
	host := w.url.Hostname()
	own := host == "api.openai.com" || strings.HasSuffix(host, ".openai.azure.com")
	w.url = w.url.JoinPath("chat", "completions")
	return &OpenAI{wire: w, model: e.Model, own: own}, nil
}

// chatRequest is the body of a request. Sampling settings that OpenAI does
// not know are left out, and so is the reasoning of earlier answers: strict
// servers would refuse them.
type chatRequest struct {
	Model         string           `json:"model,omitempty"`
	Messages      []router.Message `json:"messages"`
	Stream        bool             `json:"stream"`
	StreamOptions map[string]bool  `json:"stream_options"`
	MaxTokens     int              `json:"max_tokens,omitempty"`
	MaxCompletion int              `json:"max_completion_tokens,omitempty"`
	Temperature   *float64         `json:"temperature,omitempty"`
	TopP          *float64         `json:"top_p,omitempty"`
	Frequency     float64          `json:"frequency_penalty,omitempty"`
	Presence      float64          `json:"presence_penalty,omitempty"`
	Seed          *int64           `json:"seed,omitempty"`
	Stop          []string         `json:"stop,omitempty"`
	Tools         json.RawMessage  `json:"tools,omitempty"`
	ToolChoice    any              `json:"tool_choice,omitempty"`
	Parallel      *bool            `json:"parallel_tool_calls,omitempty"`
	Format        json.RawMessage  `json:"response_format,omitempty"`
	Effort        string           `json:"reasoning_effort,omitempty"`
}

// body is the request as this server wants it. OpenAI's newer models take
// max_completion_tokens only, other servers know max_tokens.
func (p *OpenAI) body(r Request) ([]byte, error) {
	o := r.Options
	c := chatRequest{
		Model: p.model, Messages: p.messages(r.Messages), Stream: true, StreamOptions: map[string]bool{"include_usage": true},
		MaxTokens: o.MaxTokens, Temperature: o.Temperature, TopP: o.TopP,
		Frequency: o.Frequency, Presence: o.Presence, Seed: o.Seed, Stop: o.Stop,
		Tools: o.Tools, ToolChoice: toolChoice(o), Parallel: oneCall(o), Format: o.ResponseFormat, Effort: o.ReasoningEffort,
	}
	if p.own {
		c.MaxTokens, c.MaxCompletion = 0, o.MaxTokens
	}
	body, err := json.Marshal(c)
	if err != nil {
		return nil, &Error{Code: CodeBadRequest, Err: fmt.Errorf("encode request: %w", err)}
	}
	return body, nil
}

// messages are the messages as the server knows them: without reasoning, and with
// the role developer only where there is one.
func (p *OpenAI) messages(messages []router.Message) []router.Message {
	out := slices.Clone(messages)
	for i := range out {
		out[i].Reasoning = ""
		if out[i].Role == "developer" && !p.own {
			out[i].Role = "system"
		}
	}
	return out
}

// toolChoice is the choice as OpenAI writes it, nil for the server's default.
func toolChoice(o router.Options) any {
	switch o.ToolChoice {
	case "":
		return nil
	case router.ChoiceFunction:
		return map[string]any{"type": "function", "function": map[string]string{"name": o.ToolName}}
	}
	return o.ToolChoice
}

// oneCall asks for at most one tool call, which servers take with tools only.
func oneCall(o router.Options) *bool {
	if !o.OneCall || len(o.Tools) == 0 {
		return nil
	}
	return new(bool)
}

// Complete implements [Provider].
func (p *OpenAI) Complete(ctx context.Context, r Request, emit func(string) error) (Completion, error) {
	// 1. Refuse what cannot be asked, and watch over the silence of the server.
	if err := r.check(KindOpenAI); err != nil {
		return Completion{}, err
	}
	ctx, end := p.wire.begin(ctx)
	defer end()

	// 2. Ask.
	response, err := p.post(ctx, r)
	if err != nil {
		return Completion{}, p.wire.explain(ctx, err)
	}
	defer response.Body.Close()

	// 3. Read the answer, streamed or whole.
	c, err := readAnswer(response, emit)
	if err != nil {
		return Completion{}, p.wire.explain(ctx, err)
	}
	c.Model = cmp.Or(c.Model, p.model)
	return c, nil
}

func (p *OpenAI) post(ctx context.Context, r Request) (*http.Response, error) {
	body, err := p.body(r)
	if err != nil {
		return nil, err
	}
	return p.wire.post(ctx, p.wire.url.String(), body)
}

// post sends JSON to the server.
func (w *wire) post(ctx context.Context, to string, body []byte) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "text/event-stream, application/json")
	return w.client.Do(request)
}

// readAnswer chooses by content type how to read the body.
func readAnswer(response *http.Response, emit func(string) error) (Completion, error) {
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	switch kind {
	case "text/event-stream":
		return readStream(response.Body, emit)
	case "application/json":
		return readWhole(response.Body, emit)
	}
	return Completion{}, noAnswer(kind, response.Body)
}

func noAnswer(kind string, body io.Reader) *Error {
	return badAnswer("content type %.80q is neither an event stream nor JSON; the body begins %q", kind, beginning(body))
}
