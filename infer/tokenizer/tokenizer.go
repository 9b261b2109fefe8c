package tokenizer

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Tokenizer turns text into token ids and back. It does not change after
// [Load] and is safe for concurrent use.
type Tokenizer struct {
	*vocab
	family   family
	specials *specials
}

// A family is one kind of vocabulary.
type family interface {
	// encode appends the ids of a text without special tokens, which begins
	// the input or follows a special token, and is not empty.
	encode(ids []int32, text string) []int32
	// appendText appends the bytes that a token which is not control or
	// unknown stands for.
	appendText(dst []byte, id int32) []byte
	// spaceAt says that the text of a token which begins with a space at this
	// place has one too many.
	spaceAt(place) bool
}

// families are the supported values of tokenizer.ggml.model.
var families = map[string]func(*reader, *vocab) (family, error){
	"bert":   loadWordPiece,
	"gemma4": loadRuneBPE,
	"gpt2":   loadByteLevel,
	"llama":  loadSentencePiece,
	"t5":     loadUnigram,
}

// supported lists families for errors.
func supported() string { return strings.Join(slices.Sorted(maps.Keys(families)), ", ") }

// Load reads and checks the tokenizer in the metadata of a GGUF file. The
// strings of m must stay valid as long as the tokenizer is used.
func Load(m Metadata) (*Tokenizer, error) {
	r := &reader{Metadata: m}
	// 1. Which family?
	model, err := m.String(keyModel)
	if err != nil {
		return nil, fmt.Errorf("load tokenizer: %w", err)
	}
	load, ok := families[model]
	if !ok {
		return nil, fmt.Errorf("load tokenizer: %s: %s is %q, which is not supported; supported are %s", m.Name(), keyModel, model, supported())
	}
	// 2. The tokens.
	v, err := loadVocab(m)
	if err != nil {
		return nil, fmt.Errorf("load tokenizer: %w", err)
	}
	endings := v.findEndings()
	// 3. What only this family has.
	f, err := load(r, v)
	if err != nil {
		return nil, fmt.Errorf("load tokenizer: %w", err)
	}
	// 4. The tokens that end an answer, and those that are matched first.
	v.setStops(append(endings, v.eos, r.id(keyEOT, len(v.tokens), none), r.id(keyEOM, len(v.tokens), none))...)
	strip := loadStrip(r)
	if r.err != nil {
		return nil, fmt.Errorf("load tokenizer: %w", r.err)
	}
	s, err := newSpecials(v, strip)
	if err != nil {
		return nil, fmt.Errorf("load tokenizer: %s: %s: %w", m.Name(), keyTypes, err)
	}
	return &Tokenizer{vocab: v, family: f, specials: s}, nil
}

// Encode returns the token ids of text. User-defined tokens are matched first,
// always, leftmost and longest. With special, control tokens named in the text
// become these tokens, and BOS and EOS are added as the metadata says; without
// it the text is only text.
func (t *Tokenizer) Encode(text string, special bool) []int32 {
	if !special {
		return t.encode(nil, text, []int{len(text)}, false)
	}
	var ids []int32
	if t.addBOS && t.bos != none {
		ids = append(ids, t.bos)
	}
	ids = t.encode(ids, text, []int{len(text)}, true)
	if t.addEOS && t.eos != none {
		ids = append(ids, t.eos)
	}
	return ids
}

// EncodePrompt returns the token ids of a rendered chat prompt with control
// tokens in it, and with a BOS where the metadata wants one and the prompt does
// not begin with it. The borders that [Tokenizer.Defuse] put into it are taken
// out: words reach across them, marks do not.
func (t *Tokenizer) EncodePrompt(prompt, border string) []int32 {
	text, borders := cutBorders(prompt, border)
	ids := t.encode(nil, text, borders, true)
	if t.addBOS && t.bos != none && (len(ids) == 0 || ids[0] != t.bos) {
		ids = slices.Insert(ids, 0, t.bos)
	}
	return ids
}

func (t *Tokenizer) encode(ids []int32, text string, borders []int, hidden bool) []int32 {
	t.specials.scan(text, borders, hidden,
		func(text string) { ids = t.family.encode(ids, text) },
		func(id int32) { ids = append(ids, id) })
	return ids
}

// Decode returns the text of ids, byte for byte: it is broken UTF-8 where ids
// end within a rune. Control tokens, unknown tokens and ids outside the
// vocabulary have no text. A space that Encode would put before a text, at its
// beginning or behind a special token, is taken away there.
func (t *Tokenizer) Decode(ids []int32) string {
	d := decoder{t: t}
	var text []byte
	for _, id := range ids {
		text = d.append(text, id)
	}
	return string(text)
}

// place is where in a text a token stands.
type place int

const (
	atStart place = iota
	behindSpecial
	inText
)

// decoder appends the text of one token after another.
type decoder struct {
	t  *Tokenizer
	at place
}

func (d *decoder) append(dst []byte, id int32) []byte {
	t := d.t
	if !t.has(id) {
		return dst
	}
	kind, start := t.kind(id), len(dst)
	if kind != control && kind != unknown {
		dst = t.family.appendText(dst, id)
	}
	if len(dst) > start && kind != userDefined && dst[start] == ' ' && t.family.spaceAt(d.at) {
		dst = slices.Delete(dst, start, start+1)
		start--
	}
	switch {
	case len(dst) > start && kind != userDefined:
		d.at = inText
	case kind == userDefined, d.at == inText && (kind == control || kind == unknown):
		d.at = behindSpecial
	}
	return dst
}

// Size returns the number of tokens.
func (t *Tokenizer) Size() int { return len(t.tokens) }

// BOS returns the token that begins a text, if there is one.
func (t *Tokenizer) BOS() (int32, bool) { return t.bos, t.bos != none }

// EOS returns the token that ends a text, if there is one.
func (t *Tokenizer) EOS() (int32, bool) { return t.eos, t.eos != none }

// Stops returns the tokens that end an answer: EOS and the ends of a turn.
func (t *Tokenizer) Stops() []int32 { return slices.Clone(t.stops) }

// ID finds a token by its text as the vocabulary writes it, such as "<|end|>".
// Of tokens with equal text it finds the first.
func (t *Tokenizer) ID(piece string) (int32, bool) {
	id := slices.Index(t.tokens, piece)
	return int32(id), id >= 0
}

// Piece returns the text of a token as the vocabulary writes it; it is empty
// for an id outside the vocabulary.
func (t *Tokenizer) Piece(id int32) string {
	if !t.has(id) {
		return ""
	}
	return t.tokens[id]
}
