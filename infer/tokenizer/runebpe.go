package tokenizer

import (
	"strings"
	"sync"
)

// runeBPE is the BPE of Gemma 4, the merges of SentencePiece with ranks instead
// of scores: spaces become U+2581, the runes of a line are merged by rank, and
// what no token can write falls back to byte tokens.
type runeBPE struct {
	*vocab
	splitter splitter
	bytes    *byteTokens
	merges   func() *mergeList // built at the first use
}

var _ family = (*runeBPE)(nil)

func loadRuneBPE(r *reader, v *vocab) (family, error) {
	merges, err := readMerges(r, v.tokens)
	if err != nil {
		return nil, err
	}
	bytes, err := loadBytes(r.Name(), v)
	if err != nil {
		return nil, err
	}
	v.bos = r.id(keyBOS, len(v.tokens), none)
	v.eos = r.id(keyEOS, len(v.tokens), none)
	v.unk = r.id(keyUnknown, len(v.tokens), none)
	// Gemma's files say that there is no BOS, and mean that there is.
	v.addBOS = r.flag(keyAddBOS, true) || r.text(keyPre, "gemma4") != "sarvam-moe"
	v.addEOS = r.flag(keyAddEOS, false)
	return &runeBPE{
		vocab:    v,
		splitter: splitters["gemma4"],
		bytes:    bytes,
		merges:   sync.OnceValue(func() *mergeList { return newMergeList(v.textTable(), merges, spellAsIs) }),
	}, r.err
}

func spellAsIs(dst []byte, part string) ([]byte, bool) { return append(dst, part...), true }

func (b *runeBPE) encode(ids []int32, text string) []int32 {
	m := mergers.Get().(*merger)
	defer m.release()
	l := b.merges()
	b.splitter.split(strings.ReplaceAll(text, " ", blank), func(line string) {
		if line[0] == '\n' {
			if id, ok := l.tokens.find(line); ok {
				ids = append(ids, id)
				return
			}
		}
		stretches(line, func(line string) { ids = b.merge(ids, l, m, line) })
	})
	return ids
}

func (b *runeBPE) merge(ids []int32, l *mergeList, m *merger, line string) []int32 {
	m.runes(line, l.symbol)
	m.run(line, l)
	m.rest(func(s symbol) {
		if b.has(s.id) {
			ids = append(ids, s.id)
			return
		}
		ids = b.bytes.append(ids, s.of(line), b.unk)
	})
	return ids
}

func (b *runeBPE) appendText(dst []byte, id int32) []byte {
	return b.bytes.appendText(dst, b.vocab, id)
}

func (b *runeBPE) spaceAt(place) bool { return false }
