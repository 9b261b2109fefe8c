package huggingface

import (
	"fmt"
)

// unigram is the kind of T5 and XLM-RoBERTa: pieces with scores, of which the
// best sequence is found.
func (p *plan) unigram(t *tokenizerJSON, size int) (*vocab, error) {
	pieces, err := t.pieces()
	if err != nil {
		return nil, err
	}
	v := newVocab(t.path, size)
	for id, piece := range pieces {
		k := normal
		switch {
		case t.Model.UnknownID != nil && id == *t.Model.UnknownID:
			k = unknown
		case t.Model.ByteFallback && isByteToken(piece.text):
			k = byteToken
		}
		if err := v.put(id, piece.text, piece.score, k); err != nil {
			return nil, err
		}
	}
	for _, a := range t.AddedTokens {
		if err := v.addToUnigram(a); err != nil {
			return nil, err
		}
	}
	n, err := t.unigramNormalizer()
	if err != nil {
		return nil, err
	}
	p.unigramKeys(v, n)
	return v, nil
}

// addToUnigram keeps the score that a piece has, and the kind of the unknown one.
func (v *vocab) addToUnigram(a addedToken) error {
	if err := v.check(a.ID, a.Content); err != nil {
		return err
	}
	if v.kinds[a.ID] == unknown {
		return nil
	}
	score := v.scores[a.ID]
	if v.kinds[a.ID] == unused {
		score = 0
	}
	return v.replace(a, score)
}

// normalizer is what is done to a text before it is cut into pieces.
type normalizer struct {
	charsmap     []byte
	spacePrefix  bool
	removeSpaces bool // but one between words
}

func (p *plan) unigramKeys(v *vocab, n normalizer) {
	p.vocabKeys("t5", "default", v, true)
	p.general("tokenizer.ggml.add_space_prefix", n.spacePrefix)
	p.general("tokenizer.ggml.remove_extra_whitespaces", n.removeSpaces)
	if len(n.charsmap) > 0 {
		p.general("tokenizer.ggml.precompiled_charsmap", n.charsmap)
	}
}

// unigramNormalizer reads the forms that conversions from SentencePiece have.
func (t *tokenizerJSON) unigramNormalizer() (n normalizer, err error) {
	for _, c := range t.Normalizer.all() {
		switch c.Type {
		case "Sequence", "Nmt", "NFKC": // the last two are in the charsmap
		case "Precompiled":
			n.charsmap = c.Charsmap
		case "Replace":
			if p, err := c.pattern(); err != nil || p != " {2,}" {
				return n, fmt.Errorf("%s: normalizer replaces %q: that is not supported with a Unigram model", t.path, p)
			}
			n.removeSpaces = true
		case "Strip", "StripRight", "StripLeft":
		default:
			return n, fmt.Errorf("%s: normalizer %q is not supported with a Unigram model", t.path, c.Type)
		}
	}
	for _, c := range t.PreTokenizer.all() {
		switch c.Type {
		case "Sequence":
		case "WhitespaceSplit":
			n.removeSpaces = true
		case "Metaspace":
			n.spacePrefix = c.metaspacePrefix()
		default:
			return n, fmt.Errorf("%s: pre_tokenizer %q is not supported with a Unigram model", t.path, c.Type)
		}
	}
	return n, nil
}
