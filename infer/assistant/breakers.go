package assistant

import (
	"slices"
	"strings"
	"sync"

	"github.com/a472be26/cusp/infer/sample"
)

// DefaultBreakers are the texts over which DRY sees no repetition, unless others
// are asked for: those of llama.cpp.
var DefaultBreakers = []string{"\n", ":", "\"", "*"}

// breakers keeps the breakers of the texts that were asked for last: to find the
// tokens of a text, the whole vocabulary has to be read.
type breakers struct {
	mu    sync.Mutex // guards the fields below
	texts []string
	made  *sample.Breakers
}

// maxTail is how many tokens behind the first one of a breaker are looked at, as
// in llama.cpp.
const maxTail = 20

// dryBreakers are the token sequences that break repetitions with one of the
// texts, nil for the default ones: every token with a text in it; and every
// token that ends in the beginning of one, if the tokens of the rest follow.
func (a *Assistant) dryBreakers(texts []string) *sample.Breakers {
	if texts == nil {
		texts = DefaultBreakers
	}
	b := &a.breakers
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.made == nil || !slices.Equal(b.texts, texts) {
		b.texts, b.made = slices.Clone(texts), sample.NewBreakers(a.breaking(texts))
	}
	return b.made
}

func (a *Assistant) breaking(texts []string) (sequences [][]int32) {
	names := a.newNames()
	names.some = true
	for id := range int32(a.tokens.Size()) {
		token := names.text(id)
		for _, text := range texts {
			switch {
			case text == "":
			case strings.Contains(token, text):
				sequences = append(sequences, []int32{id})
			default:
				for _, rest := range rests(token, text) {
					tail := a.tokens.Encode(rest, false)
					sequences = append(sequences, append([]int32{id}, tail[:min(len(tail), maxTail)]...))
				}
			}
		}
	}
	return sequences
}

// rests are what is missing of text behind the ends of token that begin it.
func rests(token, text string) (out []string) {
	for n := min(len(token), len(text)-1); n > 0; n-- {
		if strings.HasSuffix(token, text[:n]) {
			out = append(out, text[n:])
		}
	}
	return out
}
