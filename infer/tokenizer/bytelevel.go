package tokenizer

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// byteLevel is byte-level BPE: text is cut by the pre-tokenizer, every piece
// is written in the alphabet of [ByteRune] and merged by rank.
type byteLevel struct {
	*vocab
	splitter splitter
	merges   func() *pairTable // built at the first use
	// whole takes a piece that is a token as it is, whatever the merges say.
	whole bool
}

var _ family = (*byteLevel)(nil)

// wholePieces are the pre-tokenizers whose published tokenizers set
// ignore_merges; llama.cpp knows them by the same names.
var wholePieces = []string{"llama3", "llama-v3", "llama-bpe", "falcon3", "pixtral", "tekken"}

func loadByteLevel(r *reader, v *vocab) (family, error) {
	pre := r.text(keyPre, "default")
	splitter, err := splitterFor(pre)
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", r.Name(), keyPre, err)
	}
	merges, err := r.Strings(keyMerges)
	if err != nil {
		return nil, fmt.Errorf("read merges: %w", err)
	}
	for rank, merge := range merges {
		if left, right := cutMerge(merge); left == "" || right == "" {
			return nil, fmt.Errorf("%s: %s[%d] is %q, not two parts with a space between", r.Name(), keyMerges, rank, merge)
		}
	}
	whole := slices.Contains(wholePieces, pre)
	v.bos = r.id(keyBOS, len(v.tokens), none)
	v.eos = r.id(keyEOS, len(v.tokens), none)
	v.unk = r.id(keyUnknown, len(v.tokens), none)
	v.addBOS = r.flag(keyAddBOS, whole && pre != "tekken")
	v.addEOS = r.flag(keyAddEOS, false)
	return &byteLevel{
		vocab:    v,
		splitter: splitter,
		merges:   sync.OnceValue(func() *pairTable { return newPairTable(merges) }),
		whole:    whole,
	}, r.err
}

// cutMerge cuts "left right" at its space; a part may itself begin with one.
func cutMerge(merge string) (left, right string) {
	if merge == "" {
		return "", ""
	}
	at := strings.IndexByte(merge[1:], ' ')
	if at < 0 {
		return merge, ""
	}
	return merge[:at+1], merge[at+2:]
}

func (b *byteLevel) encode(ids []int32, text string, _ bool) []int32 {
	m := mergers.Get().(*merger)
	defer m.release()
	tokens, rank := b.index(), b.merges().rank
	emit := func(symbol string) { ids = b.appendSymbol(ids, tokens, symbol) }
	var buf []byte
	b.splitter.split(text, func(piece string) {
		buf = appendByteRunes(buf[:0], piece)
		written := string(buf)
		if b.whole {
			if id, ok := tokens.find(written); ok {
				ids = append(ids, id)
				return
			}
		}
		m.run(written, rank, emit)
	})
	return ids
}

// appendSymbol appends the token of a merged symbol. Merges may go through
// texts that are no tokens; what ends as such a text is written byte by byte,
// as llama.cpp does. A byte that the vocabulary lacks becomes the unknown token,
// or nothing.
func (b *byteLevel) appendSymbol(ids []int32, tokens *table, symbol string) []int32 {
	if id, ok := tokens.find(symbol); ok {
		return append(ids, id)
	}
	for i := 0; i < len(symbol); {
		_, width := utf8.DecodeRuneInString(symbol[i:])
		id, ok := tokens.find(symbol[i : i+width])
		if !ok {
			id = b.unk
		}
		if id != none {
			ids = append(ids, id)
		}
		i += width
	}
	return ids
}

func (b *byteLevel) appendText(dst []byte, id int32) []byte {
	return appendRuneBytes(dst, b.tokens[id])
}

func (b *byteLevel) spaceFirst() bool { return false }
