package tokenizer

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// sentencePiece is the BPE of SentencePiece as Llama 2 and Mistral use it:
// spaces become U+2581, pairs merge by the score of the token they form, and
// what no token can write falls back to byte tokens.
type sentencePiece struct {
	*vocab
	scores []float32 // by id; nil: all zero
	bytes  [256]int32
	prefix bool // a text begins with a space that is not there
}

var _ family = (*sentencePiece)(nil)

const (
	blank     = "▁"
	byteForm  = "<0x%02X>"
	byteWidth = len("<0x00>")
)

func loadSentencePiece(r *reader, v *vocab) (family, error) {
	s := &sentencePiece{vocab: v}
	if r.Has(keyScores) {
		scores, err := r.Floats(keyScores)
		if err != nil {
			return nil, fmt.Errorf("read scores: %w", err)
		}
		if err := checkScores(r.Name(), scores, len(v.tokens)); err != nil {
			return nil, err
		}
		s.scores = scores
	}
	v.bos = r.id(keyBOS, len(v.tokens), 1)
	v.eos = r.id(keyEOS, len(v.tokens), 2)
	v.unk = r.id(keyUnknown, len(v.tokens), 0)
	v.addBOS = r.flag(keyAddBOS, true)
	v.addEOS = r.flag(keyAddEOS, false)
	s.prefix = r.flag(keySpacePrefix, true)
	if err := s.loadBytes(r.Name()); err != nil {
		return nil, err
	}
	return s, r.err
}

func checkScores(file string, scores []float32, size int) error {
	if len(scores) != size {
		return fmt.Errorf("%s: %s has %d entries for %d tokens", file, keyScores, len(scores), size)
	}
	for id, score := range scores {
		if math.IsNaN(float64(score)) {
			return fmt.Errorf("%s: %s[%d] is not a number", file, keyScores, id)
		}
	}
	return nil
}

func (s *sentencePiece) loadBytes(file string) error {
	for b := range s.bytes {
		s.bytes[b] = none
	}
	for id := range s.kinds {
		if s.kind(int32(id)) != byteToken {
			continue
		}
		b, err := parseByte(s.tokens[id])
		if err != nil {
			return fmt.Errorf("%s: %s[%d]: %w", file, keyTokens, id, err)
		}
		s.bytes[b] = int32(id)
	}
	return nil
}

// parseByte reads a byte token such as <0x0A>.
func parseByte(token string) (byte, error) {
	if len(token) == byteWidth && strings.HasPrefix(token, "<0x") && token[byteWidth-1] == '>' {
		if b, err := strconv.ParseUint(token[3:5], 16, 8); err == nil {
			return byte(b), nil
		}
	}
	return 0, fmt.Errorf("byte token %q does not have the form <0xHH>", token)
}

func (s *sentencePiece) encode(ids []int32, text string, afterSpecial bool) []int32 {
	if s.prefix && afterSpecial {
		text = " " + text
	}
	m := mergers.Get().(*merger)
	defer m.release()
	tokens := s.index()
	m.run(strings.ReplaceAll(text, " ", blank), s.rank(tokens), func(symbol string) {
		ids = s.appendSymbol(ids, tokens, symbol)
	})
	return ids
}

// rank orders pairs by the score of the token that they form, best first.
// The buffer spares an allocation for every pair that is looked at.
func (s *sentencePiece) rank(tokens *table) func(left, right string) (int32, bool) {
	var joined []byte
	return func(left, right string) (int32, bool) {
		if len(left)+len(right) > tokens.max {
			return 0, false
		}
		joined = append(append(joined[:0], left...), right...)
		id, ok := tokens.findBytes(joined)
		if !ok {
			return 0, false
		}
		if s.scores == nil {
			return 0, true
		}
		return descending(s.scores[id]), true
	}
}

// descending maps floats to integers of the opposite order.
func descending(f float32) int32 {
	bits := int32(math.Float32bits(f + 0)) // + 0 makes -0 equal to 0
	if bits < 0 {
		bits ^= math.MaxInt32
	}
	return ^bits
}

func (s *sentencePiece) appendSymbol(ids []int32, tokens *table, symbol string) []int32 {
	if id, ok := tokens.find(symbol); ok {
		return append(ids, id)
	}
	for i := 0; i < len(symbol); i++ {
		id := s.bytes[symbol[i]]
		if id == none {
			id = s.unk
		}
		if id != none {
			ids = append(ids, id)
		}
	}
	return ids
}

func (s *sentencePiece) appendText(dst []byte, id int32) []byte {
	if s.kind(id) == byteToken {
		if b, err := parseByte(s.tokens[id]); err == nil {
			return append(dst, b)
		}
	}
	return append(dst, strings.ReplaceAll(s.tokens[id], blank, " ")...)
}

func (s *sentencePiece) spaceFirst() bool { return s.prefix }
