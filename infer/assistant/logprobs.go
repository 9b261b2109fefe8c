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

// tokenLog makes the log-probabilities of an answer while it comes.
type tokenLog struct {
	names  *names
	known  func([]LogProb) // may be nil
	tokens []infer.Token
	begins []int     // where in the text each token begins
	done   []LogProb // of the first tokens
}

func (a *Assistant) newTokenLog(known func([]LogProb)) *tokenLog {
	if known == nil {
		known = func([]LogProb) {}
	}
	return &tokenLog{names: a.newNames(), known: known, done: []LogProb{}}
}

func (l *tokenLog) add(t infer.Token, begin int) {
	l.tokens, l.begins = append(l.tokens, t), append(l.begins, begin)
}

// release tells those of the tokens that end in the text that goes out; length is
// how much came, what is held back and the beginning of a rune included.
func (l *tokenLog) release(out, length int) {
	first := len(l.done)
	for i := first; i < len(l.tokens); i++ {
		end := length
		if i+1 < len(l.begins) {
			end = l.begins[i+1]
		}
		if end > out {
			break
		}
		l.done = append(l.done, l.logProb(i))
	}
	if len(l.done) > first {
		l.known(l.done[first:len(l.done):len(l.done)])
	}
}

// finish returns all of them, but for those of a stop string, which begin behind
// the text.
func (l *tokenLog) finish(text int, stopped bool) []LogProb {
	for i := len(l.done); i < len(l.tokens) && !(stopped && l.begins[i] >= text); i++ {
		l.done = append(l.done, l.logProb(i))
	}
	return l.done
}

func (l *tokenLog) logProb(i int) LogProb {
	t := l.tokens[i]
	p := l.names.logProb(t.ID, t.LogProb)
	for _, likely := range t.Top {
		p.Top = append(p.Top, l.names.logProb(likely.ID, likely.LogProb))
	}
	l.names.some = l.names.some || len(p.Bytes) > 0
	return p
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
