package tokenizer

import (
	"fmt"
	"slices"
	"sync"
	"unicode/utf8"
)

// byteLevel is byte-level BPE: text is cut by the pre-tokenizer, and the bytes
// of every piece are merged by rank.
type byteLevel struct {
	*vocab
	splitter splitter
	// whole takes a piece that is a token as it is, whatever the merges say.
	whole bool
	// prefix puts a space before a text that does not begin with one, which
	// decoding gives back, as Hugging Face's does.
	prefix bool
	index  func() *byteIndex // built at the first use
}

var _ family = (*byteLevel)(nil)

// wholePieces are the pre-tokenizers whose published tokenizers set
// ignore_merges, bosFirst those whose texts begin with BOS where the file does
// not say otherwise; llama.cpp knows both by the same names.
var (
	wholePieces = []string{
		"llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2", "jina-v5-nano",
		"tekken", "glm4", "glm5", "youtu", "minicpm5", "granite-embed-multi-97m",
	}
	bosFirst = []string{
		"llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2", "jina-v5-nano",
		"tekken", "chameleon", "gemma4", "granite-embed-multi-311m",
	}
	// runeMerges are those that merge runes, not bytes.
	runeMerges = []string{"gemma4", "sarvam-moe", "granite-embed-multi-311m"}
)

func loadByteLevel(r *reader, v *vocab) (family, error) {
	pre := r.text(keyPre, "default")
	if slices.Contains(runeMerges, pre) {
		return loadRuneBPE(r, v)
	}
	splitter, err := splitterFor(pre)
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", r.Name(), keyPre, err)
	}
	merges, err := readMerges(r, v.tokens)
	if err != nil {
		return nil, err
	}
	v.bos = r.id(keyBOS, len(v.tokens), none)
	v.eos = r.id(keyEOS, len(v.tokens), none)
	v.unk = r.id(keyUnknown, len(v.tokens), none)
	v.addBOS = r.flag(keyAddBOS, slices.Contains(bosFirst, pre))
	v.addEOS = r.flag(keyAddEOS, false)
	return &byteLevel{
		vocab:    v,
		splitter: splitter,
		whole:    slices.Contains(wholePieces, pre),
		prefix:   r.flag(keySpacePrefix, false),
		index:    sync.OnceValue(func() *byteIndex { return newByteIndex(v, merges) }),
	}, r.err
}

func (b *byteLevel) encode(ids []int32, text string) []int32 {
	m := mergers.Get().(*merger)
	defer m.release()
	x := b.index()
	if b.prefix && text[0] != ' ' {
		text = " " + text
	}
	b.splitter.split(text, func(piece string) { ids = b.appendPiece(ids, x, m, piece) })
	return ids
}

func (b *byteLevel) appendPiece(ids []int32, x *byteIndex, m *merger, piece string) []int32 {
	hash := hashText(piece)
	if id, ok := x.tokens.findHash(hash, piece); ok && (b.whole || x.builds(id, piece, m)) {
		return append(ids, id)
	}
	if known, ok := x.cache.find(hash, piece); ok {
		return append(ids, known...)
	}
	before := len(ids)
	stretches(piece, func(piece string) { ids = b.merge(ids, x, m, piece) })
	x.cache.keep(hash, piece, ids[before:])
	return ids
}

// merge appends what a piece that is no token merges into. Merges may go
// through texts that are no tokens; what ends as such a text is written byte by
// byte, as llama.cpp does. A byte that the vocabulary lacks becomes the unknown
// token, or nothing.
func (b *byteLevel) merge(ids []int32, x *byteIndex, m *merger, piece string) []int32 {
	m.bytes(piece, &x.bytes)
	m.run(piece, x.mergeList)
	m.rest(func(s symbol) {
		if b.has(s.id) {
			ids = append(ids, s.id)
			return
		}
		for i := range s.size {
			id := x.bytes[piece[s.start+i]]
			if !b.has(id) {
				id = b.unk
			}
			if id != none {
				ids = append(ids, id)
			}
		}
	})
	return ids
}

func (b *byteLevel) appendText(dst []byte, id int32) []byte {
	if b.kind(id) == userDefined {
		return append(dst, b.tokens[id]...)
	}
	return appendRuneBytes(dst, b.tokens[id])
}

func (b *byteLevel) spaceAt(place) bool { return false }

// byteIndex finds tokens and merges by the bytes that they stand for.
type byteIndex struct {
	*mergeList
	proofs proofs
	cache  pieceCache
}

func newByteIndex(v *vocab, merges []string) *byteIndex {
	raw := rawTokens(v)
	tokens := newTable(raw, func(id int) bool { return raw[id] != "" })
	return &byteIndex{
		mergeList: newMergeList(tokens, merges, spellBytes),
		proofs:    newProofs(len(raw)),
	}
}

// rawTokens returns the bytes of each token that a text can hold, in one
// allocation. It is empty for the others.
func rawTokens(v *vocab) []string {
	ends := make([]int, len(v.tokens))
	var all []byte
	for id, token := range v.tokens {
		if v.isText(int32(id)) {
			if spelled, ok := spellBytes(all, token); ok {
				all = spelled
			}
		}
		ends[id] = len(all)
	}
	text := string(all)
	raw := make([]string, len(v.tokens))
	start := 0
	for id, end := range ends {
		raw[id] = text[start:end]
		start = end
	}
	return raw
}

// spellBytes appends the bytes of a token or part of a merge. It is false where
// a rune stands for no byte.
func spellBytes(dst []byte, written string) ([]byte, bool) {
	start := len(dst)
	for i := 0; i < len(written); {
		r, width := utf8.DecodeRuneInString(written[i:])
		c, ok := RuneByte(r)
		if !ok {
			return dst[:start], false
		}
		dst = append(dst, c)
		i += width
	}
	return dst, true
}

// builds reports whether merging the text of a token gives the token.
func (x *byteIndex) builds(id int32, text string, m *merger) bool {
	return x.proofs.holds(id, func() bool {
		m.bytes(text, &x.bytes)
		m.run(text, x.mergeList)
		return m.only(id)
	})
}
