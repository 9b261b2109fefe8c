package tokenizer

import (
	"fmt"
	"math"
	"strings"
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
	index      func() *pieceIndex // built at the first use
}

var _ family = (*sentencePiece)(nil)

func loadSentencePiece(r *reader, v *vocab) (family, error) {
	s := &sentencePiece{vocab: v}
	s.index = sync.OnceValue(func() *pieceIndex { return newPieceIndex(v, s.scores) })
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
	x := s.index()
	x.words(s.normalizer.apply(text), func(word string) {
		stretches(word, func(word string) { ids = s.appendWord(ids, x, m, word) })
	})
	return ids
}

func (s *sentencePiece) appendWord(ids []int32, x *pieceIndex, m *merger, word string) []int32 {
	hash := hashText(word)
	if id, ok := x.tokens.findHash(hash, word); ok && x.builds(id, word, m) {
		return append(ids, id)
	}
	known, ok := x.cache.find(hash, word)
	if !ok {
		known = s.merge(x, m, word)
		x.cache.keep(hash, word, known)
	}
	if len(ids) > 0 && len(known) > 0 && s.unk != none && known[0] == s.unk && ids[len(ids)-1] == s.unk {
		known = known[1:] // a run of unknown runes is one token
	}
	return append(ids, known...)
}

func (s *sentencePiece) merge(x *pieceIndex, m *merger, word string) (ids []int32) {
	x.merge(m, word)
	m.rest(func(symbol symbol) {
		if symbol.id != none {
			ids = append(ids, symbol.id)
			return
		}
		ids = s.bytes.append(ids, symbol.of(word), s.unk)
	})
	return ids
}

// pieceIndex finds tokens by their text, and what words merge into.
type pieceIndex struct {
	scoreRanker
	// apart says that no token goes on behind a word with the space of the next
	// one, so that words can be merged one by one.
	apart  bool
	proofs proofs
	cache  pieceCache
}

func newPieceIndex(v *vocab, scores []float32) *pieceIndex {
	x := &pieceIndex{scoreRanker: scoreRanker{v.textTable(), scores}, apart: true, proofs: newProofs(len(v.tokens))}
	for id, token := range v.tokens {
		if v.isPlain(int32(id)) && nextWord(token) < len(token) {
			x.apart = false
		}
	}
	return x
}

// nextWord returns where the second word of text begins, with its spaces.
func nextWord(text string) int {
	start := len(text) - len(strings.TrimLeft(text, blank))
	if next := strings.Index(text[start:], blank); next >= 0 {
		return start + next
	}
	return len(text)
}

// words passes on what can be merged apart.
func (x *pieceIndex) words(text string, each func(word string)) {
	for x.apart && text != "" {
		end := nextWord(text)
		each(text[:end])
		text = text[end:]
	}
	if text != "" {
		each(text)
	}
}

// builds reports whether merging the text of a token gives the token.
func (x *pieceIndex) builds(id int32, text string, m *merger) bool {
	return x.proofs.holds(id, func() bool {
		x.merge(m, text)
		return m.only(id)
	})
}

func (x *pieceIndex) merge(m *merger, text string) {
	m.runes(text, func(r string) int32 { id, _ := x.tokens.find(r); return id })
	m.run(text, x.scoreRanker)
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
