package tokenizer

import (
	"fmt"
	"slices"
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
	// encode appends the ids of a text without special tokens. afterSpecial
	// says that the text begins the input or follows a special token.
	encode(ids []int32, text string, afterSpecial bool) []int32
	// appendText appends the bytes that a normal or byte token stands for.
	appendText(dst []byte, id int32) []byte
	// spaceFirst says that decoded text begins with a space that was not
	// in the text.
	spaceFirst() bool
}

// families are the supported values of tokenizer.ggml.model.
var families = map[string]func(*reader, *vocab) (family, error){
	"gpt2":  loadByteLevel,
	"llama": loadSentencePiece,
	"bert":  loadWordPiece,
}

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
		return nil, fmt.Errorf("load tokenizer: %s: %s is %q; supported are bert, gpt2, llama", m.Name(), keyModel, model)
	}
	// 2. The tokens.
	v, err := loadVocab(m)
	if err != nil {
		return nil, fmt.Errorf("load tokenizer: %w", err)
	}
	// 3. What only this family has.
	f, err := load(r, v)
	if err != nil {
		return nil, fmt.Errorf("load tokenizer: %w", err)
	}
	// 4. The tokens that end an answer, and those that are matched first.
	v.findStops(v.eos, r.id(keyEOT, len(v.tokens), none), r.id(keyEOM, len(v.tokens), none))
	if r.err != nil {
		return nil, fmt.Errorf("load tokenizer: %w", r.err)
	}
	s, err := newSpecials(v)
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
	afterSpecial := true
	t.specials.scan(text, borders, hidden, func(text string) {
		ids = t.family.encode(ids, text, afterSpecial)
		afterSpecial = false
	}, func(id int32) {
		ids = append(ids, id)
		afterSpecial = true
	})
	return ids
}

// Decode returns the text of ids, byte for byte: it is broken UTF-8 where ids
// end within a rune. Control tokens, unknown tokens and ids outside the
// vocabulary have no text.
func (t *Tokenizer) Decode(ids []int32) string {
	d := decoder{t: t}
	var text []byte
	for _, id := range ids {
		text = d.append(text, id)
	}
	return string(text)
}

// decoder appends the text of one token after another.
type decoder struct {
	t    *Tokenizer
	some bool // text was there before
}

func (d *decoder) append(dst []byte, id int32) []byte {
	start := len(dst)
	dst = d.t.appendToken(dst, id)
	if len(dst) == start {
		return dst
	}
	if !d.some && d.t.family.spaceFirst() && dst[start] == ' ' {
		dst = slices.Delete(dst, start, start+1)
	}
	d.some = true
	return dst
}

func (t *Tokenizer) appendToken(dst []byte, id int32) []byte {
	if !t.has(id) {
		return dst
	}
	switch t.kind(id) {
	case control, unknown:
		return dst
	case userDefined:
		return append(dst, t.tokens[id]...)
	default:
		return t.family.appendText(dst, id)
	}
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
func (t *Tokenizer) ID(piece string) (int32, bool) { return t.id(piece) }

// Piece returns the text of a token as the vocabulary writes it; it is empty
// for an id outside the vocabulary.
func (t *Tokenizer) Piece(id int32) string {
	if !t.has(id) {
		return ""
	}
	return t.tokens[id]
}
