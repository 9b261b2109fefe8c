package api

import "github.com/a472be26/cusp/router"

// logProbs is what OpenAI's schema has for the log-probabilities of a choice.
// They are those of the model's own distribution, whatever the sampling settings.
type logProbs struct {
	Content []tokenLogProb `json:"content"`
	Refusal []tokenLogProb `json:"refusal"` // always null
}

// tokenLogProb is one token. Bytes are numbers, since tokens may end within a
// rune; the Token then has U+FFFD in it.
type tokenLogProb struct {
	topLogProb
	Top []topLogProb `json:"top_logprobs"`
}

type topLogProb struct {
	Token   string  `json:"token"`
	LogProb float32 `json:"logprob"`
	Bytes   []int   `json:"bytes"` // null for a control token
}

// impossible is OpenAI's log-probability of what is very unlikely.
const impossible = -9999

// newLogProbs is null where there are none: they were not asked for, or the
// answer is the cloud's.
func newLogProbs(all []router.LogProb) *logProbs {
	if all == nil {
		return nil
	}
	out := &logProbs{Content: make([]tokenLogProb, len(all))}
	for i, p := range all {
		t := tokenLogProb{topLogProb: newTop(p), Top: make([]topLogProb, len(p.Top))}
		for j, l := range p.Top {
			t.Top[j] = newTop(l)
		}
		out.Content[i] = t
	}
	return out
}

func newTop(p router.LogProb) topLogProb {
	t := topLogProb{Token: p.Text, LogProb: max(p.LogProb, impossible)}
	for _, b := range p.Bytes {
		t.Bytes = append(t.Bytes, int(b))
	}
	return t
}
