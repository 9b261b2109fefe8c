//go:build !nocloud

package cloud

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"

	"github.com/a472be26/cusp/router"
)

// Anthropic answers through the Messages API, with Anthropic's SDK.
type Anthropic struct {
	wire      *wire
	model     string
	maxTokens int
	messages  anthropic.MessageService
}

var _ Provider = (*Anthropic)(nil)

// NewAnthropic checks the endpoint; it does not connect. The URL is like
// https://api.anthropic.com. The API wants a bound on every answer: maxTokens is
// that of questions without one.
func NewAnthropic(e Endpoint, maxTokens int) (Provider, error) {
	w, err := newWire(e, "/", func(h http.Header, key string) { h.Set("X-Api-Key", key) })
	if err != nil {
		return nil, err
	}
	// Not NewClient: that takes keys and addresses from the environment, too.
	return &Anthropic{wire: w, model: e.Model, maxTokens: maxTokens, messages: anthropic.NewMessageService(
		option.WithBaseURL(w.url.String()), option.WithHTTPClient(w.client), option.WithMaxRetries(0),
		option.WithRequestTimeout(0), // the worker has its own
	)}, nil
}

// Complete implements [Provider].
func (p *Anthropic) Complete(ctx context.Context, r Request, emit func(string) error) (Completion, error) {
	// 1. Write the request, or say what of it cannot be written.
	params, err := p.params(r)
	if err != nil {
		return Completion{}, err
	}

	// 2. Ask, and read the events of the answer.
	ctx, end := p.wire.begin(ctx)
	defer end()
	stream := p.messages.NewStreaming(ctx, params)
	defer stream.Close()
	a := &anthropicReader{gatherer: gatherer{emit: emit}, calls: map[int64]int{}}
	for stream.Next() && !a.done {
		if err := a.take(stream.Current()); err != nil {
			return Completion{}, p.wire.explain(ctx, err)
		}
	}
	if err := stream.Err(); err != nil {
		return Completion{}, p.wire.explain(ctx, anthropicError(err))
	}

	// 3. Say how it ended.
	return a.finish()
}

// params is the request as the Messages API has it.
func (p *Anthropic) params(r Request) (anthropic.MessageNewParams, error) {
	if err := r.check(KindAnthropic); err != nil {
		return anthropic.MessageNewParams{}, err
	}
	o := r.Options
	if o.Temperature != nil && *o.Temperature > 1 {
		return anthropic.MessageNewParams{}, refusal("temperature %g: Anthropic takes 0 to 1", *o.Temperature)
	}
	c := anthropic.MessageNewParams{Model: p.model, MaxTokens: int64(p.maxTokens), StopSequences: o.Stop}
	if o.MaxTokens > 0 {
		c.MaxTokens = int64(o.MaxTokens)
	}
	if o.Temperature != nil {
		c.Temperature = anthropic.Float(*o.Temperature)
	}
	if o.TopP != nil {
		c.TopP = anthropic.Float(*o.TopP)
	}
	c.OutputConfig.Effort = anthropic.OutputConfigEffort(o.ReasoningEffort)
	err := errors.Join(anthropicFormat(&c, o), anthropicMessages(&c, r.Messages), anthropicTools(&c, o))
	return c, err
}

// anthropicFormat asks for an answer by a schema.
func anthropicFormat(c *anthropic.MessageNewParams, o router.Options) error {
	f := formatOf(o)
	if f.Type != string(JSONSchema) {
		return nil
	}
	schema, err := object("response_format: the schema's members", string(f.JSONSchema.Schema))
	c.OutputConfig.Format = anthropic.JSONOutputFormatParam{Schema: schema}
	return err
}

// anthropicMessages writes the messages: what the system says apart, and the
// results of tools as what the user says, all of one turn in one message.
func anthropicMessages(c *anthropic.MessageNewParams, messages []router.Message) error {
	add := func(role anthropic.MessageParamRole, blocks ...anthropic.ContentBlockParamUnion) {
		if n := len(c.Messages); n > 0 && c.Messages[n-1].Role == role {
			c.Messages[n-1].Content = append(c.Messages[n-1].Content, blocks...)
			return
		}
		c.Messages = append(c.Messages, anthropic.MessageParam{Role: role, Content: blocks})
	}
	for i, m := range messages {
		switch m.Role {
		case "system", "developer":
			c.System = append(c.System, anthropic.TextBlockParam{Text: m.Content})
		case "user":
			add(anthropic.MessageParamRoleUser, anthropic.NewTextBlock(m.Content))
		case "tool":
			add(anthropic.MessageParamRoleUser, anthropic.NewToolResultBlock(m.ToolCallID, m.Content, false))
		case "assistant":
			blocks, err := anthropicTurn(i, m)
			if err != nil {
				return err
			}
			add(anthropic.MessageParamRoleAssistant, blocks...)
		}
	}
	return nil
}

// anthropicTurn is what the model said earlier, its calls after its text.
func anthropicTurn(i int, m router.Message) ([]anthropic.ContentBlockParamUnion, error) {
	var blocks []anthropic.ContentBlockParamUnion
	if m.Content != "" { // empty blocks are refused
		blocks = append(blocks, anthropic.NewTextBlock(m.Content))
	}
	for _, call := range m.ToolCalls {
		input, err := object(fmt.Sprintf("messages[%d]: the arguments of %.40q", i, call.Name), call.Arguments)
		if err != nil {
			return nil, err
		}
		blocks = append(blocks, anthropic.NewToolUseBlock(call.ID, input, call.Name))
	}
	return blocks, nil
}

// anthropicTools writes the tools and which of them must be called.
func anthropicTools(c *anthropic.MessageNewParams, o router.Options) error {
	tools, err := toolsOf(o)
	if err != nil || len(tools) == 0 {
		return err
	}
	for _, t := range tools {
		p := anthropic.ToolParam{Name: t.Function.Name}
		if t.Function.Description != "" {
			p.Description = anthropic.String(t.Function.Description)
		}
		if t.Function.Strict {
			p.Strict = anthropic.Bool(true)
		}
		if p.InputSchema.ExtraFields, err = object("the parameters of "+t.Function.Name, string(t.Function.Parameters)); err != nil {
			return err
		}
		delete(p.InputSchema.ExtraFields, "type") // it is "object", and the SDK writes it
		c.Tools = append(c.Tools, anthropic.ToolUnionParam{OfTool: &p})
	}
	c.ToolChoice = anthropicChoice(o)
	return nil
}

func anthropicChoice(o router.Options) anthropic.ToolChoiceUnionParam {
	one := anthropic.Bool(true)
	if !o.OneCall {
		one = anthropic.ToolChoiceAutoParam{}.DisableParallelToolUse
	}
	switch o.ToolChoice {
	case router.ChoiceNone:
		return anthropic.ToolChoiceUnionParam{OfNone: &anthropic.ToolChoiceNoneParam{}}
	case router.ChoiceRequired:
		return anthropic.ToolChoiceUnionParam{OfAny: &anthropic.ToolChoiceAnyParam{DisableParallelToolUse: one}}
	case router.ChoiceFunction:
		return anthropic.ToolChoiceUnionParam{OfTool: &anthropic.ToolChoiceToolParam{Name: o.ToolName, DisableParallelToolUse: one}}
	}
	return anthropic.ToolChoiceUnionParam{OfAuto: &anthropic.ToolChoiceAutoParam{DisableParallelToolUse: one}}
}

// anthropicReader gathers a completion from the events of a stream.
type anthropicReader struct {
	gatherer
	calls map[int64]int // numbers of the calls by the index of their block
	stop  anthropic.StopReason
	done  bool
}

func (a *anthropicReader) take(e anthropic.MessageStreamEventUnion) error {
	switch e.Type {
	case "message_start":
		a.c.Model = e.Message.Model
		u := e.Message.Usage
		a.usage(u.InputTokens, u.CacheCreationInputTokens, u.CacheReadInputTokens, u.OutputTokens)
	case "content_block_start":
		return a.begin(e)
	case "content_block_delta":
		return a.delta(e)
	case "message_delta":
		a.stop = e.Delta.StopReason
		a.usage(e.Usage.InputTokens, e.Usage.CacheCreationInputTokens, e.Usage.CacheReadInputTokens, e.Usage.OutputTokens)
	case "message_stop":
		a.done = true
	}
	return nil
}

// usage takes counts that go on; a server need not repeat those of the prompt.
func (a *anthropicReader) usage(in, created, read, out int64) {
	a.c.PromptTokens = max(a.c.PromptTokens, int(in+created+read))
	a.c.CompletionTokens = max(a.c.CompletionTokens, int(out))
}

func (a *anthropicReader) begin(e anthropic.MessageStreamEventUnion) (err error) {
	switch b := e.ContentBlock; b.Type {
	case "text":
		return a.add(b.Text)
	case "tool_use":
		a.calls[e.Index], err = a.call(b.ID, b.Name)
	}
	return err
}

func (a *anthropicReader) delta(e anthropic.MessageStreamEventUnion) error {
	switch d := e.Delta; d.Type {
	case "text_delta":
		return a.add(d.Text)
	case "thinking_delta":
		return a.reason(d.Thinking)
	case "input_json_delta":
		at, ok := a.calls[e.Index]
		if !ok {
			return badAnswer("arguments without a tool call, at block %d", e.Index)
		}
		return a.arguments(at, d.PartialJSON)
	}
	return nil
}

// finish is the completion, with the reason to stop in the words of this package.
func (a *anthropicReader) finish() (Completion, error) {
	switch a.stop {
	case anthropic.StopReasonMaxTokens, anthropic.StopReasonModelContextWindowExceeded:
		a.c.Finish = "length"
	case anthropic.StopReasonRefusal:
		return Completion{}, refusal("the model refuses")
	case "":
		return Completion{}, brokenOff(a.text.Len())
	}
	for i := range a.c.ToolCalls {
		if c := &a.c.ToolCalls[i]; strings.TrimSpace(c.Arguments) == "" {
			c.Arguments = "{}" // a call without arguments has no deltas
		}
	}
	return a.end()
}

// anthropicError keeps the message of an error in the stream.
func anthropicError(err error) error {
	if _, text, ok := strings.Cut(err.Error(), "received error while streaming: "); ok {
		return &Error{Code: CodeUnavailable, Retryable: true, Err: errors.New("model server reports: " + errorMessage([]byte(text)))}
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return badAnswer("not an event of a message: %w", err)
	}
	return err
}
