package huggingface

import (
	"fmt"
	"strings"
)

// wordPiece is BERT's kind. In a tokenizer.json a piece that goes on a word
// begins with "##"; in GGUF one that begins a word begins with "▁".
func (p *plan) wordPiece(t *tokenizerJSON, size int) (*vocab, error) {
	ids, err := t.vocab()
	if err != nil {
		return nil, err
	}
	if prefix := deref(t.Model.Prefix); prefix != "##" {
		return nil, fmt.Errorf("%s: model.continuing_subword_prefix is %q: only \"##\" is supported", t.path, prefix)
	}
	if err := t.checkNormalizers("BertNormalizer", "Lowercase", "StripAccents", "NFD", "NFC"); err != nil {
		return nil, err
	}
	special := map[int]bool{}
	for _, a := range t.AddedTokens {
		special[a.ID] = a.Special || looksSpecial(a.Content)
	}
	v := newVocab(t.path, size)
	for text, id := range ids {
		if special[id] {
			continue
		}
		if err := v.put(id, beginning(text), 0, normal); err != nil {
			return nil, err
		}
	}
	for _, a := range t.AddedTokens {
		if err := v.replace(a, 0); err != nil {
			return nil, err
		}
		if v.kinds[a.ID] == userDefined {
			v.tokens[a.ID] = beginning(a.Content)
		}
	}
	for text, id := range ids { // special tokens are looked up as the files write them
		v.ids[text] = id
	}
	p.vocabKeys("bert", "default", v, false)
	return v, nil
}

func beginning(text string) string {
	if rest, ok := strings.CutPrefix(text, "##"); ok {
		return rest
	}
	return blank + text
}
