package assistant

import (
	"github.com/a472be26/cusp/infer"
	"github.com/a472be26/cusp/infer/tokenizer"
)

// LogProb is a token and its natural log-probability in the model's unmodified
// softmax.
type LogProb struct {
	Text    string // as much of it as is UTF-8, with U+FFFD for other bytes; a control token's name
	Bytes   []byte // those of its text, which may be a part of a rune; nil for a control token
	LogProb float32
	Top     []LogProb // the likeliest tokens in its place, without theirs
}

// logProbs are those of the tokens that text is made of: a stop string's are not
// among them. begins is where in the text each token begins.
func (a *Assistant) logProbs(tokens []infer.Token, begins []int, text string, stopped bool) []LogProb {
	names := a.newNames()
	out := make([]LogProb, 0, len(tokens))
	for i, t := range tokens {
		if stopped && begins[i] >= len(text) {
			break
		}
		p := names.logProb(t.ID, t.LogProb)
		for _, l := range t.Top {
			p.Top = append(p.Top, names.logProb(l.ID, l.LogProb))
		}
		names.some = names.some || len(p.Bytes) > 0
		out = append(out, p)
	}
	return out
}

// names tells the text of single tokens. Some tokenizers drop a space at the
// beginning of a text, so that it matters whether there was text before.
type names struct {
	tokens *tokenizer.Tokenizer
	before []int32 // some text
	length int     // of that text
	some   bool    // there was text before
}

func (a *Assistant) newNames() *names {
	before := a.tokens.Encode("a", false)
	return &names{tokens: a.tokens, before: before, length: len(a.tokens.Decode(before))}
}

func (n *names) logProb(id int32, p float32) LogProb {
	text := n.text(id)
	if text == "" {
		return LogProb{Text: n.tokens.Piece(id), LogProb: p}
	}
	return LogProb{Text: string([]rune(text)), Bytes: []byte(text), LogProb: p}
}

// text is the bytes of a token in its place.
func (n *names) text(id int32) string {
	if !n.some {
		return n.tokens.Decode([]int32{id})
	}
	text := n.tokens.Decode(append(n.before[:len(n.before):len(n.before)], id))
	return text[min(n.length, len(text)):]
}
