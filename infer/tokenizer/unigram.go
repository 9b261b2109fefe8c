package tokenizer

import (
	"slices"
	"sync"
	"unicode/utf8"
)

// unigram is SentencePiece's Unigram as T5 uses it: of all ways to write the
// normalized text in tokens, the one with the best sum of scores. Runes that no
// token can write cost unknownPenalty more than the worst token; a run of them
// is one unknown token, or byte tokens where the vocabulary has them all.
// (Source: Kudo 2018, Subword Regularization; google/sentencepiece,
// unigram_model.cc, EncodeOptimized.)
type unigram struct {
	*vocab
	normalizer *normalizer
	scores     []float32 // by id; nil: all zero
	bytes      *byteTokens
	unknown    float64      // score of a rune that no token can write
	tokens     func() *trie // built at the first use
}

var _ family = (*unigram)(nil)

const unknownPenalty = 10

func loadUnigram(r *reader, v *vocab) (family, error) {
	u := &unigram{vocab: v, tokens: sync.OnceValue(func() *trie { return newTrie(v.tokens, v.isPlain) })}
	v.bos = r.id(keyBOS, len(v.tokens), none)
	v.eos = r.id(keyEOS, len(v.tokens), 1)
	v.unk = r.id(keyUnknown, len(v.tokens), 2)
	v.addBOS = r.flag(keyAddBOS, false)
	v.addEOS = r.flag(keyAddEOS, true)
	err := v.checkTrie(r.Name())
	if err != nil {
		return nil, err
	}
	if u.normalizer, err = loadNormalizer(r, false); err != nil {
		return nil, err
	}
	if u.scores, err = loadScores(r, len(v.tokens)); err != nil {
		return nil, err
	}
	if u.bytes, err = loadBytes(r.Name(), v); err != nil {
		return nil, err
	}
	u.unknown = u.worst() - unknownPenalty
	return u, r.err
}

// worst returns the lowest score of a normal token.
func (u *unigram) worst() float64 {
	worst, some := float32(0), false
	for id, score := range u.scores {
		if u.kind(int32(id)) == normal && (!some || score < worst) {
			worst, some = score, true
		}
	}
	return float64(worst)
}

func (u *unigram) score(id int32) float64 {
	if u.scores == nil || u.kind(id) == userDefined {
		return 0
	}
	return float64(u.scores[id])
}

// step is the last token of the best way to write a text up to some byte.
type step struct {
	score float64
	id    int32 // none: a rune that no token can write
	size  int32 // bytes; 0: no way was found yet
}

func (u *unigram) encode(ids []int32, text string) []int32 {
	stretches(u.normalizer.apply(text), func(text string) {
		ids = u.appendBest(ids, text, u.steps(text))
	})
	return ids
}

// steps finds the best last token for every prefix of text that ends with a rune.
func (u *unigram) steps(text string) []step {
	tokens := u.tokens()
	steps := make([]step, len(text)+1)
	for i := 0; i < len(text); {
		_, width := utf8.DecodeRuneInString(text[i:])
		score, single := steps[i].score, false
		offer := func(s step) {
			if to := &steps[i+int(s.size)]; to.size == 0 || s.score > to.score {
				*to = s
			}
		}
		tokens.each(text[i:], func(id int32, size int) {
			single = single || size == width
			offer(step{score + u.score(id), id, int32(size)})
		})
		if !single {
			offer(step{score + u.unknown, none, int32(width)})
		}
		i += width
	}
	return steps
}

// appendBest walks the steps from the end of text to its beginning.
func (u *unigram) appendBest(ids []int32, text string, steps []step) []int32 {
	var way []step
	for end := len(text); end > 0; end -= int(way[len(way)-1].size) {
		way = append(way, steps[end])
	}
	start := 0
	unknown := false
	for _, s := range slices.Backward(way) {
		end := start + int(s.size)
		switch {
		case s.id != none:
			ids = append(ids, s.id)
		case u.bytes.all:
			ids = u.bytes.append(ids, text[start:end], none)
		case !unknown && u.unk != none:
			ids = append(ids, u.unk)
		}
		unknown = s.id == none
		start = end
	}
	return ids
}

func (u *unigram) appendText(dst []byte, id int32) []byte {
	return u.bytes.appendText(dst, u.vocab, id)
}

func (u *unigram) spaceAt(at place) bool { return u.normalizer.prefix && at != inText }
