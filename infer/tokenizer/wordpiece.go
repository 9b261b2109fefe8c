package tokenizer

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// wordPiece is the tokenizer of BERT with lower case and without accents:
// words are written as the longest tokens that fit from the left. In a GGUF
// file a token that begins a word begins with U+2581, the others have lost
// their "##".
type wordPiece struct{ *vocab }

var _ family = (*wordPiece)(nil)

func loadWordPiece(r *reader, v *vocab) (family, error) {
	size := len(v.tokens)
	v.bos = r.id(keyCLS, size, r.id(keyBOS, size, 101))
	v.eos = r.id(keySeparator, size, r.id(keyEOS, size, 102))
	v.unk = r.id(keyUnknown, size, 100)
	v.addBOS = r.flag(keyAddBOS, true)
	v.addEOS = r.flag(keyAddEOS, true)
	return &wordPiece{v}, r.err
}

func (w *wordPiece) encode(ids []int32, text string, _ bool) []int32 {
	tokens := w.index()
	word := []byte(blank)
	flush := func() {
		if len(word) > len(blank) {
			ids = w.appendWord(ids, tokens, string(word))
		}
		word = append(word[:0], blank...)
	}
	for _, r := range norm.NFD.String(strings.ToValidUTF8(text, "")) {
		switch {
		case unicode.IsSpace(r):
			flush()
		case r == 0 || r == utf8.RuneError || unicode.Is(unicode.C, r) || unicode.Is(unicode.Mn, r):
		case standsAlone(r):
			flush()
			word = utf8.AppendRune(word, r)
			flush()
		default:
			word = utf8.AppendRune(word, unicode.ToLower(r))
		}
	}
	flush()
	return ids
}

// standsAlone reports whether r is a word of its own: punctuation, an ASCII
// symbol, a Chinese character.
func standsAlone(r rune) bool {
	return unicode.IsPunct(r) || r < utf8.RuneSelf && unicode.IsSymbol(r) || isHan(r)
}

// isHan has the ranges of BERT's own list. (Source: google-research/bert,
// tokenization.py, _is_chinese_char.)
func isHan(r rune) bool {
	return 0x4e00 <= r && r <= 0x9fff || 0x3400 <= r && r <= 0x4dbf || 0xf900 <= r && r <= 0xfaff ||
		0x20000 <= r && r <= 0x2a6df || 0x2a700 <= r && r <= 0x2b73f || 0x2b740 <= r && r <= 0x2b81f ||
		0x2b820 <= r && r <= 0x2ceaf || 0x2f800 <= r && r <= 0x2fa1f
}

// appendWord takes the longest token again and again. A word with a rest that
// no token begins is unknown as a whole.
func (w *wordPiece) appendWord(ids []int32, tokens *table, word string) []int32 {
	before := len(ids)
	for len(word) > 0 {
		end := min(len(word), tokens.max)
		id, ok := tokens.find(word[:end])
		for !ok && end > 1 {
			end--
			id, ok = tokens.find(word[:end])
		}
		if !ok {
			ids = ids[:before]
			if w.unk != none {
				ids = append(ids, w.unk)
			}
			return ids
		}
		ids = append(ids, id)
		word = word[end:]
	}
	return ids
}

func (w *wordPiece) appendText(dst []byte, id int32) []byte {
	return append(dst, strings.ReplaceAll(w.tokens[id], blank, " ")...)
}

func (w *wordPiece) spaceFirst() bool { return true }
