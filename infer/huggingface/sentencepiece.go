package huggingface

import (
	"errors"
	"fmt"
	"math"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// sentencePiece is a tokenizer.model, the format of SentencePiece.
// (Source: google/sentencepiece, src/sentencepiece_model.proto; the numbers
// below are the fields' in it.)
type sentencePiece struct {
	path   string
	pieces []spPiece
	bpe    bool // else Unigram
	norm   normalizer
}

type spPiece struct {
	text  string
	score float32
	kind  kind // the numbers are the same as GGUF's
}

func parseSentencePiece(text []byte) (*sentencePiece, error) {
	s := &sentencePiece{norm: normalizer{spacePrefix: true, removeSpaces: true}}
	modelType := uint64(1)
	err := fields(text, func(number protowire.Number, v field) error {
		switch number {
		case 1:
			return s.piece(v)
		case 2:
			return v.message(func(number protowire.Number, v field) error {
				if number == 3 {
					modelType = v.number
				}
				return nil
			})
		case 3:
			return v.message(s.normalizer)
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case len(s.pieces) == 0:
		return nil, errors.New("it has no pieces")
	case modelType != 1 && modelType != 2:
		return nil, fmt.Errorf("model_type is %d: only 1 (Unigram) and 2 (BPE) are supported", modelType)
	}
	s.bpe = modelType == 2
	return s, nil
}

func (s *sentencePiece) piece(v field) error {
	p := spPiece{kind: normal}
	err := v.message(func(number protowire.Number, v field) error {
		switch number {
		case 1:
			p.text = string(v.bytes)
		case 2:
			p.score = math.Float32frombits(uint32(v.number))
		case 3:
			if v.number < 1 || v.number > 6 {
				return fmt.Errorf("type is %d, not between 1 and 6", v.number)
			}
			p.kind = kind(v.number)
		}
		return nil
	})
	if err == nil && !utf8.ValidString(p.text) {
		err = errors.New("not valid UTF-8")
	}
	if err != nil {
		return fmt.Errorf("piece %d: %w", len(s.pieces), err)
	}
	s.pieces = append(s.pieces, p)
	return nil
}

func (s *sentencePiece) normalizer(number protowire.Number, v field) error {
	switch number {
	case 2:
		s.norm.charsmap = v.bytes
	case 3:
		s.norm.spacePrefix = v.number != 0
	case 4:
		s.norm.removeSpaces = v.number != 0
	}
	return nil
}

// field is the value of a field: a number or bytes, by its type on the wire.
type field struct {
	number uint64
	bytes  []byte
	inner  bool // bytes, which may be a message
}

func (v field) message(each func(protowire.Number, field) error) error {
	if !v.inner {
		return errors.New("a field that is a message holds a number")
	}
	return fields(v.bytes, each)
}

// fields walks the fields of a message.
func fields(b []byte, each func(protowire.Number, field) error) error {
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		var v field
		switch kind {
		case protowire.VarintType:
			v.number, n = protowire.ConsumeVarint(b)
		case protowire.Fixed32Type:
			var x uint32
			x, n = protowire.ConsumeFixed32(b)
			v.number = uint64(x)
		case protowire.BytesType:
			v.bytes, n = protowire.ConsumeBytes(b)
			v.inner = true
		default:
			n = protowire.ConsumeFieldValue(number, kind, b)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		if err := each(number, v); err != nil {
			return fmt.Errorf("field %d: %w", number, err)
		}
	}
	return nil
}

// sentencePiece sets the vocabulary of a tokenizer.model, with the added tokens
// over it. Pieces that are the user's stay so; llama.cpp's conversion calls them
// normal.
func (p *plan) sentencePiece(s *sentencePiece, added []addedToken, size int) (*vocab, error) {
	v := newVocab(s.path, size)
	for id, piece := range s.pieces {
		if err := v.put(id, piece.text, piece.score, piece.kind); err != nil {
			return nil, err
		}
	}
	for _, a := range added {
		if err := v.replace(a, -1000); err != nil {
			return nil, err
		}
	}
	if !s.bpe {
		p.unigramKeys(v, s.norm)
		return v, nil
	}
	p.vocabKeys("llama", "default", v, true)
	if !s.norm.spacePrefix {
		p.general("tokenizer.ggml.add_space_prefix", false)
	}
	return v, nil
}
