//go:build !nocloud

package cloud

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"

	"google.golang.org/genai"

	"github.com/a472be26/cusp/router"
)

// Gemini answers through the Gemini API, with Google's SDK.
type Gemini struct {
	wire  *wire
	model string
	sdk   *genai.Client
}

var _ Provider = (*Gemini)(nil)

// NewGemini checks the endpoint; it does not connect. The URL is like
// https://generativelanguage.googleapis.com.
func NewGemini(e Endpoint) (Provider, error) {
	w, err := newWire(e, "/", func(h http.Header, key string) { h.Set("X-Goog-Api-Key", key) })
	if err != nil {
		return nil, err
	}
	sdk, err := genai.NewClient(context.Background(), &genai.ClientConfig{
		APIKey: "of the wire", Backend: genai.BackendGeminiAPI, HTTPClient: w.client,
		HTTPOptions: genai.HTTPOptions{BaseURL: strings.TrimSuffix(w.url.String(), "/") + "/"},
	})
	if err != nil {
		return nil, fmt.Errorf("Gemini: %w", err)
	}
	return &Gemini{wire: w, model: e.Model, sdk: sdk}, nil
}

// Complete implements [Provider].
func (p *Gemini) Complete(ctx context.Context, r Request, emit func(string) error) (_ Completion, err error) {
	defer func() { // the SDK panics on JSON of other types than it expects
		if v := recover(); v != nil {
			err = badAnswer("the answer could not be read: %.200v", v)
		}
	}()
	// 1. Write the request, or say what of it cannot be written.
	config, err := geminiConfig(r)
	if err != nil {
		return Completion{}, err
	}
	contents, err := geminiContents(r.Messages)
	if err != nil {
		return Completion{}, err
	}

	// 2. Ask, and read the pieces of the answer.
	ctx, end := p.wire.begin(ctx)
	defer end()
	g := &geminiReader{gatherer: gatherer{emit: emit}}
	for piece, err := range p.sdk.Models.GenerateContentStream(ctx, p.model, contents, config) {
		if err == nil {
			err = g.take(piece)
		}
		if err != nil {
			return Completion{}, p.wire.explain(ctx, geminiError(err))
		}
	}

	// 3. Say how it ended.
	if ctx.Err() != nil {
		return Completion{}, p.wire.explain(ctx, ctx.Err())
	}
	return g.finish()
}

// geminiConfig are the settings and tools of a request.
func geminiConfig(r Request) (*genai.GenerateContentConfig, error) {
	if err := r.check(KindGemini); err != nil {
		return nil, err
	}
	o := r.Options
	c := &genai.GenerateContentConfig{
		Temperature: float(o.Temperature), TopP: float(o.TopP), StopSequences: o.Stop,
		MaxOutputTokens: int32(min(o.MaxTokens, math.MaxInt32)),
	}
	if o.Frequency != 0 {
		c.FrequencyPenalty = float(&o.Frequency)
	}
	if o.Presence != 0 {
		c.PresencePenalty = float(&o.Presence)
	}
	if o.Seed != nil {
		c.Seed = new(int32(*o.Seed)) // the lower half of it: still a seed
	}
	if o.ReasoningEffort != "" {
		c.ThinkingConfig = &genai.ThinkingConfig{ThinkingLevel: genai.ThinkingLevel(strings.ToUpper(o.ReasoningEffort))}
	}
	for _, m := range r.Messages {
		if m.Role == "system" || m.Role == "developer" {
			if c.SystemInstruction == nil {
				c.SystemInstruction = &genai.Content{}
			}
			c.SystemInstruction.Parts = append(c.SystemInstruction.Parts, &genai.Part{Text: m.Content})
		}
	}
	return c, errors.Join(geminiFormat(c, o), geminiTools(c, o))
}

func float(v *float64) *float32 {
	if v == nil {
		return nil
	}
	return new(float32(*v))
}

func geminiFormat(c *genai.GenerateContentConfig, o router.Options) error {
	f := formatOf(o)
	switch f.Type {
	case string(JSONObject):
		c.ResponseMIMEType = "application/json"
	case string(JSONSchema):
		schema, err := object("response_format: the schema's members", string(f.JSONSchema.Schema))
		if err != nil {
			return err
		}
		c.ResponseMIMEType, c.ResponseJsonSchema = "application/json", schema
	}
	return nil
}

func geminiTools(c *genai.GenerateContentConfig, o router.Options) error {
	tools, err := toolsOf(o)
	if err != nil || len(tools) == 0 {
		return err
	}
	all := &genai.Tool{}
	for _, t := range tools {
		f := &genai.FunctionDeclaration{Name: t.Function.Name, Description: t.Function.Description}
		if len(t.Function.Parameters) > 0 {
			if f.ParametersJsonSchema, err = object("the parameters of "+t.Function.Name, string(t.Function.Parameters)); err != nil {
				return err
			}
		}
		all.FunctionDeclarations = append(all.FunctionDeclarations, f)
	}
	c.Tools = []*genai.Tool{all}
	c.ToolConfig = &genai.ToolConfig{FunctionCallingConfig: geminiChoice(o)}
	return nil
}

func geminiChoice(o router.Options) *genai.FunctionCallingConfig {
	switch o.ToolChoice {
	case router.ChoiceNone:
		return &genai.FunctionCallingConfig{Mode: genai.FunctionCallingConfigModeNone}
	case router.ChoiceRequired:
		return &genai.FunctionCallingConfig{Mode: genai.FunctionCallingConfigModeAny}
	case router.ChoiceFunction:
		return &genai.FunctionCallingConfig{Mode: genai.FunctionCallingConfigModeAny, AllowedFunctionNames: []string{o.ToolName}}
	}
	return &genai.FunctionCallingConfig{Mode: genai.FunctionCallingConfigModeAuto}
}

// geminiContents are the turns of a conversation, the results of tools among what
// the user says.
func geminiContents(messages []router.Message) ([]*genai.Content, error) {
	var all []*genai.Content
	names := map[string]string{} // of the functions, by the id of the call
	add := func(role string, parts ...*genai.Part) {
		if n := len(all); n > 0 && all[n-1].Role == role {
			all[n-1].Parts = append(all[n-1].Parts, parts...)
			return
		}
		all = append(all, &genai.Content{Role: role, Parts: parts})
	}
	for i, m := range messages {
		switch m.Role {
		case "user":
			add(genai.RoleUser, &genai.Part{Text: m.Content})
		case "tool":
			id, _ := splitSignature(m.ToolCallID)
			name := names[m.ToolCallID]
			if name == "" {
				name = m.Name
			}
			add(genai.RoleUser, &genai.Part{FunctionResponse: &genai.FunctionResponse{ID: id, Name: name, Response: geminiResult(m.Content)}})
		case "assistant":
			parts, err := geminiTurn(i, m)
			if err != nil {
				return nil, err
			}
			for _, c := range m.ToolCalls {
				names[c.ID] = c.Name
			}
			add(genai.RoleModel, parts...)
		}
	}
	return all, nil
}

// geminiResult is a tool's result: an object as it is, anything else as the member
// that the API names for it.
func geminiResult(content string) map[string]any {
	var o map[string]any
	if json.Unmarshal([]byte(content), &o) == nil && o != nil {
		return o
	}
	return map[string]any{"output": content}
}

func geminiTurn(i int, m router.Message) ([]*genai.Part, error) {
	var parts []*genai.Part
	if m.Content != "" {
		parts = append(parts, &genai.Part{Text: m.Content})
	}
	for _, c := range m.ToolCalls {
		args, err := object(fmt.Sprintf("messages[%d]: the arguments of %.40q", i, c.Name), c.Arguments)
		if err != nil {
			return nil, err
		}
		id, signature := splitSignature(c.ID)
		parts = append(parts, &genai.Part{FunctionCall: &genai.FunctionCall{ID: id, Name: c.Name, Args: args}, ThoughtSignature: signature})
	}
	return parts, nil
}

// A model that thinks wants the signature of its thoughts back with a call of its
// own. Devices know nothing of it: it travels in the id of the call.
const signatureMark = "__thought__"

func joinSignature(id string, signature []byte) string {
	if len(signature) == 0 {
		return id
	}
	return id + signatureMark + base64.RawURLEncoding.EncodeToString(signature)
}

func splitSignature(id string) (string, []byte) {
	plain, text, ok := strings.Cut(id, signatureMark)
	if !ok {
		return id, nil
	}
	signature, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return id, nil
	}
	return plain, signature
}

// geminiReader gathers a completion from the pieces of a stream.
type geminiReader struct {
	gatherer
	stop genai.FinishReason
}

func (g *geminiReader) take(r *genai.GenerateContentResponse) error {
	if f := r.PromptFeedback; f != nil && f.BlockReason != "" {
		return refusal("the provider blocks the question: %s", f.BlockReason)
	}
	if r.ModelVersion != "" {
		g.c.Model = r.ModelVersion
	}
	if u := r.UsageMetadata; u != nil {
		g.c.PromptTokens = max(int(u.PromptTokenCount+u.ToolUsePromptTokenCount), 0)
		g.c.CompletionTokens = max(int(u.CandidatesTokenCount+u.ThoughtsTokenCount), 0)
	}
	if len(r.Candidates) == 0 {
		return nil
	}
	c := r.Candidates[0]
	if c.FinishReason != "" {
		g.stop = c.FinishReason
	}
	if c.Content == nil {
		return nil
	}
	for _, p := range c.Content.Parts {
		if err := g.part(p); err != nil {
			return err
		}
	}
	return nil
}

func (g *geminiReader) part(p *genai.Part) error {
	switch {
	case p.FunctionCall != nil:
		f := p.FunctionCall
		args, err := json.Marshal(f.Args)
		if err != nil || f.Args == nil {
			args = []byte("{}")
		}
		id := f.ID
		if id == "" {
			id = newCallID()
		}
		at, err := g.call(joinSignature(id, p.ThoughtSignature), f.Name)
		if err != nil {
			return err
		}
		return g.arguments(at, string(args))
	case p.Thought:
		return g.reason(p.Text)
	}
	return g.add(p.Text)
}

// finish is the completion, with the reason to stop in the words of this package.
func (g *geminiReader) finish() (Completion, error) {
	switch g.stop {
	case genai.FinishReasonStop:
	case genai.FinishReasonMaxTokens:
		g.c.Finish = "length"
	case "":
		return Completion{}, brokenOff(g.text.Len())
	case genai.FinishReasonMalformedFunctionCall, genai.FinishReasonUnexpectedToolCall, genai.FinishReasonOther:
		return Completion{}, badAnswer("the model stopped with %s", g.stop)
	default:
		return Completion{}, refusal("the provider stopped the answer: %s", g.stop)
	}
	return g.end()
}

// geminiError tells an error in the stream from one of the stream.
func geminiError(err error) error {
	var api genai.APIError
	if errors.As(err, &api) {
		return &Error{Code: CodeUnavailable, Retryable: true, Err: fmt.Errorf("model server reports: %.300s", api.Message)}
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return badAnswer("not an answer: %w", err)
	}
	return err
}
