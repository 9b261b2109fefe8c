//go:build e2e

package cloud

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/a472be26/cusp/router"
)

// OpenAI's own SDK reads what we send, and reads a stream as we do. It costs minutes
// to compile, hence here.
func TestOpenAIAsItsSDK(t *testing.T) {
	t.Parallel()
	o := router.Options{
		Tools: weatherTool, ToolChoice: router.ChoiceFunction, ToolName: "weather", OneCall: true, Stop: []string{"END"}, MaxTokens: 9, Temperature: new(0.5), TopP: new(0.9),
		Frequency: 0.5, Presence: -0.5, Seed: new(int64(7)), ReasoningEffort: "low",
		ResponseFormat: json.RawMessage(`{"type":"json_schema","json_schema":{"name":"n","strict":true,"schema":{"type":"object"}}}`),
	}
	body := sent(t, func(t *testing.T, h http.Handler) Provider { return openAIFor(t, h) }, Request{Messages: toolTalk, Options: o})
	var params openai.ChatCompletionNewParams
	if err := json.Unmarshal([]byte(body), &params); err != nil {
		t.Fatal(err)
	}
	m := params.Messages
	switch {
	case params.Model != "m" || params.MaxTokens.Value != 9 || params.Temperature.Value != 0.5 || params.TopP.Value != 0.9 || params.Seed.Value != 7,
		params.FrequencyPenalty.Value != 0.5 || params.PresencePenalty.Value != -0.5 || params.ParallelToolCalls.Value || params.ReasoningEffort != "low",
		params.ResponseFormat.OfJSONSchema == nil || params.ResponseFormat.OfJSONSchema.JSONSchema.Name != "n",
		len(params.Tools) != 1 || params.Tools[0].OfFunction == nil || params.Tools[0].OfFunction.Function.Name != "weather",
		len(m) != len(toolTalk) || m[0].OfSystem == nil || m[1].OfUser == nil || m[2].OfAssistant == nil || m[3].OfTool == nil || m[5].OfSystem == nil,
		len(m[2].OfAssistant.ToolCalls) != 2 || m[2].OfAssistant.ToolCalls[0].OfFunction.Function.Arguments != `{"city":"Bonn"}`, m[3].OfTool.ToolCallID != "c1":
		t.Errorf("the SDK reads %+v of %s", params, body)
	}

	// The SDK takes our choice for another one when it reads it, so compare what it writes.
	var raw struct {
		Choice json.RawMessage `json:"tool_choice"`
	}
	choice, err := json.Marshal(openai.ToolChoiceOptionFunctionToolChoice(openai.ChatCompletionNamedToolChoiceFunctionParam{Name: "weather"}))
	if err != nil || json.Unmarshal([]byte(body), &raw) != nil {
		t.Fatal(err)
	}
	sameJSON(t, string(raw.Choice), string(choice))

	stream := canned(200, sse, event("I ", "null")+event("look.", "null")+
		`data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"weather","arguments":""}}]}}]}`+"\n\n"+
		`data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"city\":"}}]}}]}`+"\n\n"+
		`data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"\"Bonn\"}"}}]}}]}`+"\n\n"+
		`data: {"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}`+"\n\n"+
		`data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":9,"total_tokens":16}}`+"\n\ndata: [DONE]\n\n")
	ours := openAIFor(t, stream)
	got, err := ours.Complete(t.Context(), someRequest, func(string) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	client := openai.NewClient(option.WithBaseURL(strings.TrimSuffix(ours.wire.url.String(), "chat/completions")), option.WithAPIKey("x"))
	theirs := client.Chat.Completions.NewStreaming(t.Context(), openai.ChatCompletionNewParams{})
	var acc openai.ChatCompletionAccumulator
	for theirs.Next() {
		acc.AddChunk(theirs.Current())
	}
	if err := theirs.Err(); err != nil {
		t.Fatal(err)
	}
	c := acc.Choices[0]
	want := Completion{
		Text: c.Message.Content, Finish: c.FinishReason, Model: "m", PromptTokens: int(acc.Usage.PromptTokens), CompletionTokens: int(acc.Usage.CompletionTokens),
		ToolCalls: []router.ToolCall{{ID: c.Message.ToolCalls[0].ID, Name: c.Message.ToolCalls[0].Function.Name, Arguments: c.Message.ToolCalls[0].Function.Arguments}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("we read\n%s\nthe SDK reads\n%s", fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want))
	}
}
