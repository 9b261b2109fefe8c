//go:build e2e

package clients

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"
	"github.com/openai/openai-go/v3/shared"
)

var overTLS = os.Getenv("CUSP_OVER") == "tls"

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// onSocket is an HTTP client of a daemon's socket.
func onSocket(path string) *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}}}
}

func client(t *testing.T, more ...option.RequestOption) *openai.Client {
	t.Helper()
	h := onSocket(os.Getenv("CUSP_SOCKET"))
	if overTLS {
		text, err := os.ReadFile(os.Getenv("CUSP_CA"))
		must(t, err)
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(text)
		h = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	}
	t.Cleanup(h.CloseIdleConnections)
	c := openai.NewClient(append([]option.RequestOption{
		option.WithBaseURL(os.Getenv("CUSP_URL")), option.WithAPIKey(os.Getenv("CUSP_TOKEN")), option.WithHTTPClient(h), option.WithMaxRetries(0),
	}, more...)...)
	return &c
}

type engine struct {
	Running   int
	Generated int `json:"generated_tokens"`
}

func status(t *testing.T) engine {
	t.Helper()
	h := onSocket(os.Getenv("CUSP_SOCKET"))
	defer h.CloseIdleConnections()
	resp, err := h.Get("http://cusp/v1/cusp/status")
	must(t, err)
	defer resp.Body.Close()
	var s struct{ Engine engine }
	must(t, json.NewDecoder(resp.Body).Decode(&s))
	return s.Engine
}

func chat(maxTokens int64) openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{
		Model: "cusp", Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("turn on the kitchen light")},
		MaxTokens: openai.Int(maxTokens), Temperature: openai.Float(1), Seed: openai.Int(3),
	}
}

var lampSchema = map[string]any{
	"type": "object", "required": []string{"room", "level"}, "additionalProperties": false,
	"properties": map[string]any{"room": map[string]any{"enum": []string{"hall", "den"}}, "level": map[string]any{"type": "integer", "minimum": 0, "maximum": 100}},
}

func wantLamp(t *testing.T, text string) {
	t.Helper()
	var lamp struct {
		Room  string
		Level *int
	}
	if err := json.Unmarshal([]byte(text), &lamp); err != nil || lamp.Room != "hall" && lamp.Room != "den" || lamp.Level == nil || *lamp.Level > 100 {
		t.Errorf("%q is no lamp: %v", text, err)
	}
}

func TestChat(t *testing.T) {
	var resp *http.Response
	a, err := client(t).Chat.Completions.New(t.Context(), chat(8), option.WithJSONSet("ignore_eos", true), option.WithJSONSet("cusp.privacy", "private"), option.WithResponseInto(&resp))
	must(t, err)
	if a.Choices[0].FinishReason != "length" || a.Usage.CompletionTokens != 8 || a.Usage.TotalTokens != a.Usage.PromptTokens+8 {
		t.Errorf("%s", a.RawJSON())
	}
	var receipt struct{ Route, Reason string }
	must(t, json.Unmarshal([]byte(a.JSON.ExtraFields["cusp"].Raw()), &receipt))
	if receipt.Reason != "private" || resp.Header.Get("X-Cusp-Route") != receipt.Route {
		t.Errorf("receipt %+v, headers %v", receipt, resp.Header)
	}
}

func TestStream(t *testing.T) {
	c, p := client(t), chat(20)
	p.N, p.Logprobs, p.TopLogprobs = openai.Int(2), openai.Bool(true), openai.Int(2)
	whole, err := c.Chat.Completions.New(t.Context(), p)
	must(t, err)
	p.StreamOptions.IncludeUsage = openai.Bool(true)
	stream := c.Chat.Completions.NewStreaming(t.Context(), p)
	var all openai.ChatCompletionAccumulator
	var last openai.ChatCompletionChunk
	for stream.Next() {
		last = stream.Current()
		if !all.AddChunk(last) {
			t.Fatalf("the client cannot add %s", last.RawJSON())
		}
	}
	must(t, stream.Err())
	if len(last.Choices) != 0 || last.Usage.CompletionTokens != whole.Usage.CompletionTokens || all.Usage.TotalTokens != whole.Usage.TotalTokens {
		t.Errorf("last chunk %s, usage %s", last.RawJSON(), whole.Usage.RawJSON())
	}
	for i, choice := range whole.Choices {
		got := all.Choices[i]
		if got.Message.Content != choice.Message.Content || got.FinishReason != choice.FinishReason || len(got.Logprobs.Content) != len(choice.Logprobs.Content) {
			t.Errorf("choice %d: streamed %q, whole %q", i, got.Message.Content, choice.Message.Content)
		}
		var text []byte
		for _, p := range choice.Logprobs.Content {
			for _, b := range p.Bytes {
				text = append(text, byte(b))
			}
			if len(p.TopLogprobs) != 2 {
				t.Errorf("%s", p.RawJSON())
			}
		}
		if string([]rune(string(text))) != choice.Message.Content {
			t.Errorf("tokens say %q, the text is %q", text, choice.Message.Content)
		}
	}
}

func TestTools(t *testing.T) {
	c := client(t)
	for _, choice := range []openai.ChatCompletionToolChoiceOptionUnionParam{
		{OfAuto: openai.String("required")},
		openai.ToolChoiceOptionFunctionToolChoice(openai.ChatCompletionNamedToolChoiceFunctionParam{Name: "lamp"}),
	} {
		p := chat(400)
		p.Tools = []openai.ChatCompletionToolUnionParam{openai.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{Name: "lamp", Parameters: lampSchema, Strict: openai.Bool(true)})}
		p.ToolChoice = choice
		a, err := c.Chat.Completions.New(t.Context(), p)
		must(t, err)
		message := a.Choices[0].Message
		if len(message.ToolCalls) != 1 || a.Choices[0].FinishReason != "tool_calls" {
			t.Fatalf("%s", a.RawJSON())
		}
		wantLamp(t, message.ToolCalls[0].Function.Arguments)
		stream := c.Chat.Completions.NewStreaming(t.Context(), p)
		var all openai.ChatCompletionAccumulator
		finished := 0
		for stream.Next() {
			all.AddChunk(stream.Current())
			if call, ok := all.JustFinishedToolCall(); ok {
				finished++
				wantLamp(t, call.Arguments)
			}
		}
		must(t, stream.Err())
		if finished != 1 {
			t.Errorf("%d calls were finished", finished)
		}
		p.Messages = append(p.Messages, message.ToParam(), openai.ToolMessage("done", message.ToolCalls[0].ID))
		p.MaxTokens, p.ToolChoice = openai.Int(2), openai.ChatCompletionToolChoiceOptionUnionParam{}
		_, err = c.Chat.Completions.New(t.Context(), p)
		must(t, err)
	}
}

func TestStructuredOutput(t *testing.T) {
	p := chat(400)
	p.ResponseFormat.OfJSONSchema = &shared.ResponseFormatJSONSchemaParam{JSONSchema: shared.ResponseFormatJSONSchemaJSONSchemaParam{Name: "lamp", Schema: lampSchema, Strict: openai.Bool(true)}}
	a, err := client(t).Chat.Completions.New(t.Context(), p)
	must(t, err)
	wantLamp(t, a.Choices[0].Message.Content)
}

func TestStudent(t *testing.T) {
	c := openai.NewClient(option.WithBaseURL("http://cusp/v1"), option.WithAPIKey("none"), option.WithHTTPClient(onSocket(os.Getenv("CUSP_STUDENT"))))
	p := chat(50)
	p.Temperature, p.Seed = openai.Float(0), openai.Int(1)
	a, err := c.Chat.Completions.New(t.Context(), p)
	must(t, err)
	if !strings.Contains(a.Choices[0].Message.Content, "HassTurnOn") || !strings.Contains(a.JSON.ExtraFields["cusp"].Raw(), `"route":"local"`) {
		t.Errorf("%s", a.RawJSON())
	}
}

func TestCompletions(t *testing.T) {
	c := client(t)
	p := openai.CompletionNewParams{Model: "cusp", Prompt: openai.CompletionNewParamsPromptUnion{OfArrayOfStrings: []string{"one", "two"}}, MaxTokens: openai.Int(6), Temperature: openai.Float(1), Seed: openai.Int(5)}
	whole, err := c.Completions.New(t.Context(), p)
	must(t, err)
	texts := make([]string, 2)
	stream := c.Completions.NewStreaming(t.Context(), p)
	for stream.Next() {
		for _, choice := range stream.Current().Choices {
			texts[choice.Index] += choice.Text
		}
	}
	must(t, stream.Err())
	for i, choice := range whole.Choices {
		if choice.Text != texts[i] {
			t.Errorf("choice %d: streamed %q, whole %q", i, texts[i], choice.Text)
		}
	}
}

func TestResponses(t *testing.T) {
	c := client(t)
	p := responses.ResponseNewParams{
		Model: "cusp", Input: responses.ResponseNewParamsInputUnion{OfString: openai.String("hi")}, Temperature: openai.Float(1), MaxOutputTokens: openai.Int(400),
		Text: responses.ResponseTextConfigParam{Format: responses.ResponseFormatTextConfigUnionParam{OfJSONSchema: &responses.ResponseFormatTextJSONSchemaConfigParam{Name: "lamp", Schema: lampSchema}}},
	}
	a, err := c.Responses.New(t.Context(), p)
	must(t, err)
	if a.Status != "completed" {
		t.Errorf("%s", a.RawJSON())
	}
	wantLamp(t, a.OutputText())
	stream := c.Responses.NewStreaming(t.Context(), p)
	var kinds []string
	text := ""
	var final responses.Response
	for stream.Next() {
		e := stream.Current()
		kinds = append(kinds, e.Type)
		switch e := e.AsAny().(type) {
		case responses.ResponseTextDeltaEvent:
			text += e.Delta
		case responses.ResponseCompletedEvent:
			final = e.Response
		}
	}
	must(t, stream.Err())
	wantLamp(t, text)
	if final.OutputText() != text || kinds[0] != "response.created" || kinds[len(kinds)-1] != "response.completed" {
		t.Errorf("events %v, final %s", kinds, final.RawJSON())
	}
	p.Text = responses.ResponseTextConfigParam{}
	p.Tools = []responses.ToolUnionParam{responses.ToolParamOfFunction("lamp", lampSchema, true)}
	p.ToolChoice.OfToolChoiceMode = openai.Opt(responses.ToolChoiceOptionsRequired)
	a, err = c.Responses.New(t.Context(), p)
	must(t, err)
	call := a.Output[0].AsFunctionCall()
	wantLamp(t, call.Arguments)
	p.Input = responses.ResponseNewParamsInputUnion{OfInputItemList: responses.ResponseInputParam{
		responses.ResponseInputItemParamOfMessage("hi", "user"), responses.ResponseInputItemParamOfFunctionCall(call.Arguments, call.CallID, call.Name),
		{OfFunctionCallOutput: &responses.ResponseInputItemFunctionCallOutputParam{CallID: openai.String(call.CallID), Output: responses.ResponseInputItemFunctionCallOutputOutputUnionParam{OfString: openai.String("done")}}},
	}}
	p.MaxOutputTokens, p.ToolChoice.OfToolChoiceMode = openai.Int(2), openai.Opt(responses.ToolChoiceOptionsNone)
	_, err = c.Responses.New(t.Context(), p)
	must(t, err)
}

func TestEmbeddings(t *testing.T) {
	a, err := client(t).Embeddings.New(t.Context(), openai.EmbeddingNewParams{Model: "bert", Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: []string{"on", "on", "off"}}})
	must(t, err)
	if len(a.Data) != 3 || len(a.Data[0].Embedding) != 32 || !slices.Equal(a.Data[0].Embedding, a.Data[1].Embedding) || slices.Equal(a.Data[0].Embedding, a.Data[2].Embedding) {
		t.Errorf("%s", a.RawJSON())
	}
}

func TestModels(t *testing.T) {
	c := client(t)
	pages := c.Models.ListAutoPaging(t.Context())
	var names []string
	for pages.Next() {
		names = append(names, pages.Current().ID)
	}
	must(t, pages.Err())
	for _, name := range []string{"cusp", "random", "bert"} {
		m, err := c.Models.Get(t.Context(), name)
		if err != nil || m.ID != name || !slices.Contains(names, name) {
			t.Errorf("%s: %+v, %v; the list has %v", name, m, err, names)
		}
	}
}

// A client that leaves in the middle of an answer ends its generation.
func TestCancel(t *testing.T) {
	before := status(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stream := client(t).Chat.Completions.NewStreaming(ctx, chat(3900), option.WithJSONSet("ignore_eos", true))
	for range 5 {
		stream.Next()
	}
	cancel()
	for stream.Next() {
	}
	if !errors.Is(stream.Err(), context.Canceled) {
		t.Errorf("error %v", stream.Err())
	}
	now := status(t)
	for end := time.Now().Add(time.Minute); now.Running > 0 && time.Now().Before(end); now = status(t) {
		time.Sleep(10 * time.Millisecond)
	}
	if now.Running != 0 || now.Generated-before.Generated > 3000 {
		t.Errorf("before %+v, now %+v", before, now)
	}
}

func TestErrors(t *testing.T) {
	c := client(t)
	ask := func(change func(*openai.ChatCompletionNewParams)) func() error {
		return func() error {
			p := chat(5)
			change(&p)
			_, err := c.Chat.Completions.New(t.Context(), p)
			return err
		}
	}
	text := func(n int) func(*openai.ChatCompletionNewParams) {
		return func(p *openai.ChatCompletionNewParams) {
			p.Messages = []openai.ChatCompletionMessageParamUnion{openai.UserMessage(strings.Repeat("a", n))}
		}
	}
	for _, e := range []struct {
		status      int
		param, code string
		ask         func() error
	}{
		{404, "model", "model_not_found", ask(func(p *openai.ChatCompletionNewParams) { p.Model = "gpt-4o" })},
		{404, "model", "model_not_found", func() error { _, err := c.Models.Get(t.Context(), "gpt-4o"); return err }},
		{400, "temperature", "", ask(func(p *openai.ChatCompletionNewParams) { p.Temperature = openai.Float(3) })},
		{400, "messages", "context_length_exceeded", ask(text(5000))},
		{413, "", "request_too_large", ask(text(2 << 20))},
		{400, "response_format", "", ask(func(p *openai.ChatCompletionNewParams) {
			p.ResponseFormat.OfJSONSchema = &shared.ResponseFormatJSONSchemaParam{JSONSchema: shared.ResponseFormatJSONSchemaJSONSchemaParam{Name: "x", Schema: map[string]any{"magic": 1}}}
		})},
		{400, "messages", "context_length_exceeded", func() error {
			p := chat(5)
			text(5000)(&p)
			s := c.Chat.Completions.NewStreaming(t.Context(), p)
			for s.Next() {
			}
			return s.Err()
		}},
	} {
		err := e.ask()
		var got *openai.Error
		if !errors.As(err, &got) || got.StatusCode != e.status || got.Param != e.param || got.Code != e.code || got.Message == "" {
			t.Errorf("want %d, %q, %q: %v", e.status, e.param, e.code, err)
		}
	}
	if overTLS {
		other := client(t, option.WithAPIKey("another-key-0123456789"))
		_, err := other.Models.List(t.Context())
		var got *openai.Error
		if !errors.As(err, &got) || got.StatusCode != 401 || got.Code != "invalid_api_key" {
			t.Errorf("a bad key: %v", err)
		}
	}
}
