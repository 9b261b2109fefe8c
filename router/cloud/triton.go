package cloud

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"strings"

	"github.com/a472be26/cusp/router"
)

// Triton answers through the generate extension of NVIDIA's Triton Inference
// Server, POST /v2/models/NAME/generate_stream
// (docs.nvidia.com/deeplearning/triton-inference-server, extension_generate). It
// takes one text: a template makes it of the messages. The models behind it name
// their settings differently; two ways are known.
type Triton struct {
	wire    *wire
	model   string
	backend string
	render  Render
}

// Backends of Triton with their ways to name settings.
const (
	BackendVLLM        = "vllm"        // sampling_parameters, a text with JSON in it
	BackendTensorRTLLM = "tensorrtllm" // a tensor for each
)

// Render makes the prompt of messages, with the beginning of the answer.
type Render func(messages []router.Message) (string, error)

var _ Provider = (*Triton)(nil)

// NewTriton checks the endpoint; it does not connect. The URL is like
// http://triton:8000. Without a render only a question of one message can be asked.
func NewTriton(e Endpoint, backend string, render Render) (*Triton, error) {
	w, err := newWire(e, "/", bearer)
	if err != nil {
		return nil, err
	}
	if backend != BackendVLLM && backend != BackendTensorRTLLM {
		return nil, errors.New("Triton: want " + BackendVLLM + " or " + BackendTensorRTLLM + " as the backend, not " + backend)
	}
	if render == nil {
		render = plain
	}
	return &Triton{wire: w, model: e.Model, backend: backend, render: render}, nil
}

// plain is the prompt of one message, and no other's: how a model wants turns to be
// told apart is not known.
func plain(messages []router.Message) (string, error) {
	if len(messages) != 1 || messages[0].Role != "user" {
		return "", refusal("Triton takes a text, and no chat_template is configured to make one of %d messages", len(messages))
	}
	return messages[0].Content, nil
}

// Complete implements [Provider].
func (p *Triton) Complete(ctx context.Context, r Request, emit func(string) error) (Completion, error) {
	// 1. Write the request, or say what of it cannot be written.
	body, err := p.body(r)
	if err != nil {
		return Completion{}, err
	}
	ctx, end := p.wire.begin(ctx)
	defer end()

	// 2. Ask.
	response, err := p.wire.post(ctx, p.wire.url.JoinPath("v2", "models", p.model, "generate_stream").String(), body)
	if err != nil {
		return Completion{}, p.wire.explain(ctx, err)
	}
	defer response.Body.Close()

	// 3. Read the events of the answer.
	t := &tritonReader{gatherer: gatherer{emit: emit}}
	if err := t.read(response); err != nil {
		return Completion{}, p.wire.explain(ctx, err)
	}
	t.c.Model = cmp.Or(t.c.Model, p.model)
	return t.finish()
}

// body is the request as the backend wants it.
func (p *Triton) body(r Request) ([]byte, error) {
	if err := r.check(KindTriton); err != nil {
		return nil, err
	}
	prompt, err := p.render(r.Messages)
	if err != nil {
		var known *Error
		if !errors.As(err, &known) {
			known = &Error{Code: CodeRefused, Err: err}
		}
		return nil, known
	}
	body := map[string]any{"text_input": prompt, "stream": true}
	settings := p.settings(r.Options)
	if p.backend == BackendTensorRTLLM {
		for name, v := range settings {
			body[name] = v
		}
		return json.Marshal(body)
	}
	text, err := json.Marshal(settings)
	if err != nil {
		return nil, err
	}
	body["sampling_parameters"] = string(text)
	for _, name := range []string{"exclude_input_in_output", "return_finish_reason", "return_num_input_tokens", "return_num_output_tokens"} {
		body[name] = true
	}
	return json.Marshal(body)
}

// settings are the sampling settings by the names that the backend has for them.
func (p *Triton) settings(o router.Options) map[string]any {
	all := map[string]any{}
	stop, seed := "stop", "seed"
	if p.backend == BackendTensorRTLLM {
		stop, seed = "stop_words", "random_seed"
	}
	set := func(name string, asked bool, v any) {
		if asked {
			all[name] = v
		}
	}
	set("max_tokens", true, cmp.Or(o.MaxTokens, tritonTokens)) // both stop early without
	set("temperature", o.Temperature != nil, o.Temperature)
	set("top_p", o.TopP != nil, o.TopP)
	set("frequency_penalty", o.Frequency != 0, o.Frequency)
	set("presence_penalty", o.Presence != 0, o.Presence)
	set(seed, o.Seed != nil, o.Seed)
	set(stop, len(o.Stop) > 0, o.Stop)
	return all
}

// tritonTokens is how many tokens an answer may have that asks for no number.
const tritonTokens = 1024

// tritonChunk is one event.
type tritonChunk struct {
	Model  string `json:"model_name"`
	Text   *texts `json:"text_output"`
	Finish texts  `json:"finish_reason"`
	In     counts `json:"num_input_tokens"`
	Out    counts `json:"num_output_tokens"`
	shaped
}

// texts is a text, or a list of one: a tensor of one element is written as either.
type texts string

func (t *texts) UnmarshalJSON(raw []byte) error {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		*t = texts(one)
		return nil
	}
	var many []string
	err := json.Unmarshal(raw, &many)
	*t = texts(strings.Join(many, ""))
	return err
}

// counts is a number, or a list that is summed up.
type counts int

func (c *counts) UnmarshalJSON(raw []byte) error {
	var one int
	if json.Unmarshal(raw, &one) == nil {
		*c = counts(one)
		return nil
	}
	var many []int
	err := json.Unmarshal(raw, &many)
	*c = 0
	for _, n := range many {
		*c += counts(n)
	}
	return err
}

// tritonReader gathers a completion from the events.
type tritonReader struct {
	gatherer
	events int
}

func (t *tritonReader) read(response *http.Response) error {
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if kind != "text/event-stream" {
		return noAnswer(kind, response.Body)
	}
	_, err := events(response.Body, t.take)
	return err
}

func (t *tritonReader) take(data []byte) error {
	var c tritonChunk
	if err := json.Unmarshal(data, &c); err != nil {
		return badAnswer("not an answer of the generate extension: %w; it begins %.120q", err, data)
	}
	if m := c.shaped.message(); m != "" {
		return &Error{Code: CodeUnavailable, Retryable: true, Err: errors.New("model server reports: " + m)}
	}
	if c.Text == nil {
		return badAnswer("the answer has no text_output; is the model's output named so?")
	}
	t.events++
	t.c.Model = cmp.Or(c.Model, t.c.Model)
	t.c.PromptTokens = max(t.c.PromptTokens, int(c.In))
	t.c.CompletionTokens += max(int(c.Out), 0) // of this event
	if c.Finish == "length" {
		t.c.Finish = "length"
	}
	return t.add(string(*c.Text))
}

// finish is the completion. Nothing marks the end of the stream but its end, which
// chunked encoding tells from a broken one.
func (t *tritonReader) finish() (Completion, error) {
	if t.events == 0 {
		return Completion{}, brokenOff(0)
	}
	return t.end()
}
