package api

import (
	"time"

	"github.com/a472be26/cusp/router"
)

// The objects below are OpenAI's, with the receipt added as the member `cusp`.
// Members that OpenAI's schema requires are never left out, even when null.

type completion struct {
	ID      string         `json:"id"`
	Object  string         `json:"object"`
	Created int64          `json:"created"`
	Model   string         `json:"model"`
	Choices []choice       `json:"choices"`
	Usage   usage          `json:"usage"`
	Cusp    router.Receipt `json:"cusp"`
}

type choice struct {
	Index    int             `json:"index"`
	Message  responseMessage `json:"message"`
	Logprobs *struct{}       `json:"logprobs"`
	Finish   string          `json:"finish_reason"`
}

type responseMessage struct {
	Role    string  `json:"role"`
	Content string  `json:"content"`
	Refusal *string `json:"refusal"`
}

type usage struct {
	Prompt     int `json:"prompt_tokens"`
	Completion int `json:"completion_tokens"`
	Total      int `json:"total_tokens"`
}

type chunk struct {
	ID      string          `json:"id"`
	Object  string          `json:"object"`
	Created int64           `json:"created"`
	Model   string          `json:"model"`
	Choices []chunkChoice   `json:"choices"`
	Usage   *usage          `json:"usage,omitempty"`
	Cusp    *router.Receipt `json:"cusp,omitempty"`
}

type chunkChoice struct {
	Index    int       `json:"index"`
	Delta    delta     `json:"delta"`
	Logprobs *struct{} `json:"logprobs"`
	Finish   *string   `json:"finish_reason"`
}

type delta struct {
	Role    string `json:"role,omitempty"`
	Content string `json:"content,omitempty"`
}

type modelList struct {
	Object string        `json:"object"`
	Data   []modelObject `json:"data"`
}

type modelObject struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	OwnedBy string `json:"owned_by"`
}

func usageOf(r router.Receipt) usage {
	return usage{Prompt: r.PromptTokens, Completion: r.CompletionTokens, Total: r.PromptTokens + r.CompletionTokens}
}

// finishReason keeps to the values that OpenAI's schema allows.
func finishReason(finish string) string {
	switch finish {
	case "length", "tool_calls", "content_filter":
		return finish
	default:
		return "stop"
	}
}

func newCompletion(q router.Question, created time.Time, a router.Answer) completion {
	return completion{
		ID: q.ID, Object: "chat.completion", Created: created.Unix(), Model: a.Receipt.Model,
		Choices: []choice{{Message: responseMessage{Role: "assistant", Content: a.Text}, Finish: finishReason(a.Finish)}},
		Usage:   usageOf(a.Receipt), Cusp: a.Receipt,
	}
}
