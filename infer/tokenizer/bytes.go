package tokenizer

import "unicode/utf8"

// Byte-level BPE writes every byte as one printable rune, so that a vocabulary
// file holds no white space and no broken UTF-8. The printable bytes of
// Latin-1 stand for themselves; the other 68 follow from U+0100 on in the
// order of their values. (Source: GPT-2, encoder.py, bytes_to_unicode.)
var (
	byteRunes = mapBytes()
	runeBytes = invert(byteRunes)
)

func mapBytes() (runes [256]rune) {
	next := rune(0x100)
	for b := range runes {
		runes[b] = rune(b)
		if !printsInLatin1(b) {
			runes[b] = next
			next++
		}
	}
	return runes
}

// invert returns the byte of every rune up to the last one in use; -1 where a
// rune stands for no byte.
func invert(runes [256]rune) (table [0x144]int16) {
	for r := range table {
		table[r] = -1
	}
	for b, r := range runes {
		table[r] = int16(b)
	}
	return table
}

func printsInLatin1(b int) bool {
	return '!' <= b && b <= '~' || 0xa1 <= b && b <= 0xac || 0xae <= b && b <= 0xff
}

// ByteRune returns the rune that stands for b in the vocabulary of a
// byte-level BPE.
func ByteRune(b byte) rune { return byteRunes[b] }

// RuneByte is the inverse of [ByteRune]; it is false for a rune that stands for no byte.
func RuneByte(r rune) (byte, bool) {
	if r < 0 || int(r) >= len(runeBytes) || runeBytes[r] < 0 {
		return 0, false
	}
	return byte(runeBytes[r]), true
}

// BytesToRunes writes text byte for byte in the alphabet of [ByteRune].
func BytesToRunes(text string) string {
	return string(appendByteRunes(make([]byte, 0, 2*len(text)), text))
}

func appendByteRunes(dst []byte, text string) []byte {
	for i := 0; i < len(text); i++ {
		dst = utf8.AppendRune(dst, byteRunes[text[i]])
	}
	return dst
}

// RunesToBytes is the inverse of [BytesToRunes]. Runes outside the alphabet,
// as added tokens may hold, stay as they are.
func RunesToBytes(piece string) string { return string(appendRuneBytes(nil, piece)) }

func appendRuneBytes(dst []byte, piece string) []byte {
	for i, r := range piece {
		if b, ok := RuneByte(r); ok {
			dst = append(dst, b)
			continue
		}
		_, width := utf8.DecodeRuneInString(piece[i:])
		dst = append(dst, piece[i:i+width]...)
	}
	return dst
}
