package tokenizer

import (
	"fmt"
	"math"
	"sync"
)

// sentencePiece is the BPE of SentencePiece as Llama 2, Mistral, Baichuan and
// Gemma use it: spaces become U+2581, pairs merge by the score of the token they
// form, and what no token can write falls back to byte tokens.
type sentencePiece struct {
	*vocab
	normalizer *normalizer
	scores     []float32 // by id; nil: all zero
	bytes      *byteTokens
	tokens     func() *table // built at the first use
}

var _ family = (*sentencePiece)(nil)

func loadSentencePiece(r *reader, v *vocab) (family, error) {
	s := &sentencePiece{vocab: v, tokens: sync.OnceValue(v.textTable)}
	v.bos = r.id(keyBOS, len(v.tokens), 1)
	v.eos = r.id(keyEOS, len(v.tokens), 2)
	v.unk = r.id(keyUnknown, len(v.tokens), 0)
	v.addBOS = r.flag(keyAddBOS, true)
	v.addEOS = r.flag(keyAddEOS, false)
	var err error
	if s.normalizer, err = loadNormalizer(r, true); err != nil {
		return nil, err
	}
	if s.scores, err = loadScores(r, len(v.tokens)); err != nil {
		return nil, err
	}
	if s.bytes, err = loadBytes(r.Name(), v); err != nil {
		return nil, err
	}
	return s, r.err
}

// loadScores returns nil for a file without scores.
func loadScores(r *reader, size int) ([]float32, error) {
	if !r.Has(keyScores) {
		return nil, nil
	}
	scores, err := r.Floats(keyScores)
	if err != nil {
		return nil, fmt.Errorf("read scores: %w", err)
	}
	if len(scores) != size {
		return nil, fmt.Errorf("%s: %s has %d entries for %d tokens", r.Name(), keyScores, len(scores), size)
	}
	for id, score := range scores {
		if math.IsNaN(float64(score)) || math.IsInf(float64(score), 0) {
			return nil, fmt.Errorf("%s: %s[%d] is %v, not a finite number", r.Name(), keyScores, id, score)
		}
	}
	return scores, nil
}

func (s *sentencePiece) encode(ids []int32, text string) []int32 {
	m := mergers.Get().(*merger)
	defer m.release()
	tokens := s.tokens()
	stretches(s.normalizer.apply(text), func(text string) {
		m.runes(text, func(r string) int32 { id, _ := tokens.find(r); return id })
		m.run(text, scoreRanker{tokens, s.scores})
		m.rest(func(symbol symbol) {
			if symbol.id != none {
				ids = append(ids, symbol.id)
				return
			}
			ids = s.bytes.append(ids, symbol.of(text), s.unk)
		})
	})
	return ids
}

// scoreRanker orders pairs by the score of the token that they form, best first.
type scoreRanker struct {
	tokens *table
	scores []float32
}

func (s scoreRanker) rank(text string, left, right symbol) (order, result int32, ok bool) {
	id, ok := s.tokens.find(text[left.start : right.start+right.size])
	if !ok || s.scores == nil {
		return 0, id, ok
	}
	return descending(s.scores[id]), id, true
}

// descending maps floats to integers of the opposite order.
func descending(f float32) int32 {
	bits := int32(math.Float32bits(f + 0)) // + 0 makes -0 equal to 0
	if bits < 0 {
		bits ^= math.MaxInt32
	}
	return ^bits
}

func (s *sentencePiece) appendText(dst []byte, id int32) []byte {
	return s.bytes.appendText(dst, s.vocab, id)
}

func (s *sentencePiece) spaceAt(at place) bool { return s.normalizer.prefix && at != inText }
