package api

import (
	"fmt"
	"unicode/utf8"

	"github.com/a472be26/cusp/router"
)

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

// untold are those that were not sent with a piece of the answer; nil: none.
func untold(all []router.LogProb, told int) []router.LogProb {
	if told >= len(all) {
		return nil
	}
	return all[told:]
}

func newTop(p router.LogProb) topLogProb {
	t := topLogProb{Token: p.Text, LogProb: max(p.LogProb, impossible)}
	for _, b := range p.Bytes {
		t.Bytes = append(t.Bytes, int(b))
	}
	return t
}

// textLogProbs is what OpenAI's completions have for log-probabilities.
type textLogProbs struct {
	Tokens  []string             `json:"tokens"`
	LogProb []float32            `json:"token_logprobs"`
	Top     []map[string]float32 `json:"top_logprobs"`
	Offset  []int                `json:"text_offset"` // in characters of the text
}

// textLog makes log-probabilities of a text that comes in pieces.
type textLog struct {
	told int    // tokens
	at   int    // whole characters of the text by then
	rest []byte // behind them
}

// next is null where they were not asked for, or are not known.
func (l *textLog) next(all []router.LogProb, top *int) *textLogProbs {
	if all == nil || top == nil {
		return nil
	}
	out := &textLogProbs{Tokens: []string{}, LogProb: []float32{}, Top: []map[string]float32{}, Offset: []int{}}
	for _, p := range all {
		likely := map[string]float32{}
		for _, t := range p.Top {
			likely[textToken(t)] = max(t.LogProb, impossible)
		}
		out.Tokens, out.LogProb = append(out.Tokens, textToken(p)), append(out.LogProb, max(p.LogProb, impossible))
		out.Top, out.Offset = append(out.Top, likely), append(out.Offset, l.at)
		l.count(p.Bytes)
	}
	l.told += len(all)
	return out
}

func (l *textLog) count(text []byte) {
	l.rest = append(l.rest, text...)
	for len(l.rest) > 0 && utf8.FullRune(l.rest) {
		_, size := utf8.DecodeRune(l.rest)
		l.rest = l.rest[size:]
		l.at++
	}
}

// textToken names a token whose bytes are no text by them, as OpenAI does:
// several would have the same name else.
func textToken(p router.LogProb) string {
	if utf8.Valid(p.Bytes) {
		return p.Text
	}
	name := "bytes:"
	for _, b := range p.Bytes {
		name += fmt.Sprintf(`\x%02x`, b)
	}
	return name
}
