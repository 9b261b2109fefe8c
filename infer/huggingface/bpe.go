package huggingface

import (
	"errors"
	"fmt"
	"strings"
)

// byteLevelBPE is GPT-2's kind: tokens of bytes, each written as one letter.
func (p *plan) byteLevelBPE(t *tokenizerJSON, size int) (*vocab, error) {
	pre, err := t.preTokenizerOf(p.arch)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.path, err)
	}
	if err := t.checkNormalizers("NFC"); err != nil {
		return nil, err
	}
	v, err := t.bpeVocab(size, func(string) kind { return normal })
	if err != nil {
		return nil, err
	}
	merges, err := t.merges()
	if err != nil {
		return nil, err
	}
	lines := make([]string, len(merges))
	for i, m := range merges {
		lines[i] = escapeSpaces(m[0]) + " " + escapeSpaces(m[1])
	}
	p.vocabKeys("gpt2", pre, v, false)
	p.general("tokenizer.ggml.merges", lines)
	for _, c := range t.PreTokenizer.all() {
		if c.Type == "ByteLevel" && c.AddPrefixSpace != nil && *c.AddPrefixSpace {
			p.general("tokenizer.ggml.add_space_prefix", true)
		}
	}
	return v, nil
}

// escapeSpaces writes a space within a part as the byte's letter, since a space
// parts the parts.
func escapeSpaces(part string) string { return strings.ReplaceAll(part, " ", "Ġ") }

// bpeVocab puts the tokens in, and the added ones over them.
func (t *tokenizerJSON) bpeVocab(size int, kindOf func(text string) kind) (*vocab, error) {
	ids, err := t.vocab()
	if err != nil {
		return nil, err
	}
	if deref(t.Model.Prefix) != "" || deref(t.Model.Suffix) != "" {
		return nil, fmt.Errorf("%s: model has a continuing_subword_prefix or end_of_word_suffix: that is not supported for BPE", t.path)
	}
	v := newVocab(t.path, size)
	for text, id := range ids {
		if err := v.put(id, text, 0, kindOf(text)); err != nil {
			return nil, err
		}
	}
	for _, a := range t.AddedTokens {
		if err := v.replace(a, 0); err != nil {
			return nil, err
		}
	}
	return v, nil
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// checkNormalizers refuses those that would change a text in ways that no key
// can say. NFC is among those that can be left out: llama.cpp's conversion
// does, and most text has the form.
func (t *tokenizerJSON) checkNormalizers(known ...string) error {
	for _, c := range t.Normalizer.all() {
		ok := c.Type == "Sequence"
		for _, k := range known {
			ok = ok || c.Type == k
		}
		if !ok {
			return fmt.Errorf("%s: normalizer %q is not supported with a %s model", t.path, c.Type, t.Model.Type)
		}
	}
	return nil
}

// sentencePieceBPE is SentencePiece's kind written as a tokenizer.json (Llama 2,
// Mistral, Gemma): tokens of text with "▁" for spaces, and one for each byte.
// llama.cpp merges what gives the best score, so the scores are the ranks of
// the merges: those that SentencePiece gave the pieces.
func (p *plan) sentencePieceBPE(t *tokenizerJSON, size int) (*vocab, error) {
	v, err := t.bpeVocab(size, func(text string) kind {
		switch {
		case isByteToken(text):
			return byteToken
		case text == deref(t.Model.UnknownToken):
			return unknown
		}
		return normal
	})
	if err != nil {
		return nil, err
	}
	if id, ok := v.ids[deref(t.Model.UnknownToken)]; ok {
		v.kinds[id] = unknown
	}
	merges, err := t.merges()
	if err != nil {
		return nil, err
	}
	if err := v.scoreByMerges(merges); err != nil {
		return nil, err
	}
	prefix, err := t.spacePrefix()
	if err != nil {
		return nil, err
	}
	p.vocabKeys("llama", "default", v, true)
	p.general("tokenizer.ggml.add_space_prefix", prefix)
	return v, nil
}

// isByteToken recognizes "<0x00>" to "<0xFF>".
func isByteToken(text string) bool {
	hex, ok := strings.CutPrefix(text, "<0x")
	hex, end := strings.CutSuffix(hex, ">")
	return ok && end && len(hex) == 2 && strings.Trim(hex, "0123456789ABCDEFabcdef") == ""
}

// scoreByMerges gives a token the score -n that is the n-th to be made by a
// merge; then those that no merge makes, in the order of their ids.
func (v *vocab) scoreByMerges(merges [][2]string) error {
	rank := float32(0)
	made := make([]bool, len(v.tokens))
	for i, m := range merges {
		id, ok := v.ids[m[0]+m[1]]
		if !ok {
			return fmt.Errorf("%s: model.merges[%d] makes %q, which is no token", v.where, i, m[0]+m[1])
		}
		if !made[id] {
			made[id], v.scores[id] = true, 0-rank
			rank++
		}
	}
	for id, k := range v.kinds {
		if !made[id] && k == normal {
			v.scores[id] = 0 - rank
			rank++
		}
	}
	return nil
}

// spacePrefix finds whether a space is put before a text, in the two forms that
// tokenizers have for it.
func (t *tokenizerJSON) spacePrefix() (bool, error) {
	prefix := false
	for _, c := range t.Normalizer.all() {
		switch c.Type {
		case "Sequence":
		case "Prepend":
			prefix = c.Prepend == blank
		case "Replace":
			if p, err := c.pattern(); err != nil || p != " " || c.Content != blank {
				return false, errors.Join(err, fmt.Errorf("%s: normalizer replaces %q by %q: only spaces by %q is supported", t.path, p, c.Content, blank))
			}
		default:
			return false, fmt.Errorf("%s: normalizer %q is not supported with a BPE model of SentencePiece's kind", t.path, c.Type)
		}
	}
	for _, c := range t.PreTokenizer.all() {
		switch c.Type {
		case "Sequence":
		case "Metaspace":
			prefix = c.metaspacePrefix()
		case "Split": // Gemma's, at spaces that the normalizer has left none of
			if p, err := c.pattern(); err != nil || p != " " {
				return false, errors.Join(err, fmt.Errorf("%s: pre_tokenizer splits at %q: that is not supported with a BPE model of SentencePiece's kind", t.path, p))
			}
		default:
			return false, fmt.Errorf("%s: pre_tokenizer %q is not supported with a BPE model of SentencePiece's kind", t.path, c.Type)
		}
	}
	return prefix, nil
}

// metaspacePrefix is what a Metaspace says, in the newer or the older way.
func (c *component) metaspacePrefix() bool {
	if c.PrependScheme != "" {
		return c.PrependScheme != "never"
	}
	return c.AddPrefixSpace == nil || *c.AddPrefixSpace
}
