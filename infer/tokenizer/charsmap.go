package tokenizer

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// charsmap maps the longest of many prefixes of a text to its replacement. It is
// the precompiled_charsmap of a SentencePiece model: four bytes with the size of
// a trie, the trie, and replacements that end in a zero byte each. The trie is a
// double array of the darts-clone library: from the node at unit i the byte c
// leads to unit offset(i)^c, if that unit is labelled c; the value of a node with
// a leaf is in unit offset(i). (Source: google/sentencepiece, normalizer.cc;
// s-yata/darts-clone, darts.h.)
type charsmap struct {
	units        []uint32 // never empty; every offset and value was checked
	replacements string
}

const (
	unitBytes = 4
	// unitBlock is how many units a node's children can be spread over.
	unitBlock = 256
	// maxReplacement bounds what one rune can become. NFKC makes at most 18
	// runes of one.
	maxReplacement = 256
	// maxPrefix bounds how far a prefix is looked for: a trie from a hostile
	// file can have circles. Those of Unicode's forms end after a few runes.
	maxPrefix = 256
)

// loadCharsmap returns nil for a file without one.
func loadCharsmap(r *reader) (*charsmap, error) {
	if !r.Has(keyCharsmap) {
		return nil, nil
	}
	blob, err := readBytes(r, keyCharsmap)
	if err != nil {
		return nil, err
	}
	if len(blob) == 0 {
		return nil, nil
	}
	c, err := parseCharsmap(blob)
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", r.Name(), keyCharsmap, err)
	}
	return c, nil
}

// readBytes reads an array of signed or unsigned bytes.
func readBytes(r *reader, key string) ([]byte, error) {
	ints, err := r.Ints(key)
	if err != nil {
		return nil, fmt.Errorf("read normalizer: %w", err)
	}
	blob := make([]byte, len(ints))
	for i, v := range ints {
		if v < -128 || v > 255 {
			return nil, fmt.Errorf("%s: %s[%d] is %d, not a byte", r.Name(), key, i, v)
		}
		blob[i] = byte(v)
	}
	return blob, nil
}

func parseCharsmap(blob []byte) (*charsmap, error) {
	if len(blob) < unitBytes {
		return nil, fmt.Errorf("%d bytes have no room for the size of the trie", len(blob))
	}
	size, rest := binary.LittleEndian.Uint32(blob), blob[unitBytes:]
	if uint64(size) > uint64(len(rest)) {
		return nil, fmt.Errorf("the trie has %d bytes, but only %d follow", size, len(rest))
	}
	if size == 0 || size%(unitBytes*unitBlock) != 0 {
		return nil, fmt.Errorf("the trie has %d bytes, not blocks of %d units of %d bytes", size, unitBlock, unitBytes)
	}
	c := &charsmap{units: make([]uint32, size/unitBytes), replacements: string(rest[size:])}
	for i := range c.units {
		c.units[i] = binary.LittleEndian.Uint32(rest[i*unitBytes:])
	}
	return c, c.check()
}

// check compares every unit with the sizes of the two parts. Units that no
// prefix leads to are harmless in files of the library, and are checked, too.
func (c *charsmap) check() error {
	for i, u := range c.units {
		if isValue(u) {
			if err := c.checkValue(u); err != nil {
				return fmt.Errorf("unit %d of the trie: %w", i, err)
			}
			continue
		}
		at := uint64(i) ^ uint64(offset(u))
		if at >= uint64(len(c.units)) {
			return fmt.Errorf("unit %d of the trie leads to unit %d of %d", i, at, len(c.units))
		}
		if hasLeaf(u) && !isValue(c.units[at]) {
			return fmt.Errorf("unit %d of the trie has its value in unit %d, which holds none", i, at)
		}
	}
	return nil
}

func (c *charsmap) checkValue(u uint32) error {
	at := valueOf(u)
	if uint64(at) >= uint64(len(c.replacements)) {
		return fmt.Errorf("replacement at byte %d of %d", at, len(c.replacements))
	}
	text := c.replacements[at:]
	if strings.IndexByte(text[:min(len(text), maxReplacement+1)], 0) < 0 {
		return fmt.Errorf("the replacement at byte %d does not end within %d bytes", at, maxReplacement)
	}
	return nil
}

// The parts of a unit.
func isValue(u uint32) bool   { return u>>31 != 0 }
func valueOf(u uint32) uint32 { return u &^ (1 << 31) }
func hasLeaf(u uint32) bool   { return u>>8&1 != 0 }
func label(u uint32) uint32   { return u & (1<<31 | 0xff) }
func offset(u uint32) uint32  { return u >> 10 << (u & (1 << 9) >> 6) }

// longest returns the replacement of the longest prefix of text that has one,
// and the size of that prefix, which is 0 where there is none.
func (c *charsmap) longest(text string) (replacement string, size int) {
	at := offset(c.units[0])
	for i := 0; i < min(len(text), maxPrefix); i++ {
		b := uint32(text[i])
		at ^= b
		if b == 0 || label(c.units[at]) != b {
			break
		}
		u := c.units[at]
		at ^= offset(u)
		if hasLeaf(u) {
			replacement, size = c.replacements[valueOf(c.units[at]):], i+1
		}
	}
	if size == 0 {
		return "", 0
	}
	return replacement[:strings.IndexByte(replacement, 0)], size
}
