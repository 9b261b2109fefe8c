package api

import (
	"time"

	"github.com/a472be26/cusp/router"
)

// The objects below are OpenAI's, with the receipt added as the member `cusp`; of
// several choices it is the first one's, and each choice has its own as well.
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
	LogProbs *logProbs       `json:"logprobs"` // null if they were not asked for, or come from the cloud
	Finish   string          `json:"finish_reason"`
	Cusp     *router.Receipt `json:"cusp,omitempty"` // where there are several choices
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
	Index    int             `json:"index"`
	Delta    delta           `json:"delta"`
	LogProbs *logProbs       `json:"logprobs"`
	Finish   *string         `json:"finish_reason"`
	Cusp     *router.Receipt `json:"cusp,omitempty"`
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

// usageOf counts the prompt once, however many choices there are.
func usageOf(all []router.Answer) usage {
	u := usage{Prompt: all[0].Receipt.PromptTokens}
	for _, a := range all {
		u.Completion += a.Receipt.CompletionTokens
	}
	u.Total = u.Prompt + u.Completion
	return u
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

func newCompletion(req Request, created time.Time, all []router.Answer) completion {
	c := completion{
		ID: req.Question.ID, Object: "chat.completion", Created: created.Unix(), Model: all[0].Receipt.Model,
		Usage: usageOf(all), Cusp: all[0].Receipt,
	}
	for i, a := range all {
		c.Choices = append(c.Choices, choice{
			Index: i, Message: responseMessage{Role: "assistant", Content: a.Text}, Finish: finishReason(a.Finish),
			LogProbs: newLogProbs(a.LogProbs), Cusp: ownReceipt(all, i),
		})
	}
	return c
}

// ownReceipt is the receipt of one choice of several, nil if it is the only one.
func ownReceipt(all []router.Answer, i int) *router.Receipt {
	if len(all) == 1 {
		return nil
	}
	return &all[i].Receipt
}
