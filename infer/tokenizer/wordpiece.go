package tokenizer

import (
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// wordPiece is the tokenizer of BERT: words are written as the longest tokens
// that fit from the left. In a GGUF file a token that begins a word begins with
// U+2581, the others have lost their "##". Where Hugging Face's tokenizer and
// llama.cpp differ, this is Hugging Face's, which the models were trained with:
// the control characters U+000B, U+000C and U+0085 vanish and do not end a word,
// and a word of more than 100 runes is unknown.
// (Source: huggingface/tokenizers, normalizers/bert.rs, models/wordpiece.)
type wordPiece struct {
	*vocab
	lower, strip bool // lower case; without accents
	pieces       func() wordPieces
}

// wordPieces are the tokens that begin a word, without the mark of it, and
// those that go on.
type wordPieces struct{ heads, tails *trie }

var _ family = (*wordPiece)(nil)

const maxWord = 100 // runes

func loadWordPiece(r *reader, v *vocab) (family, error) {
	if err := v.checkTrie(r.Name()); err != nil {
		return nil, err
	}
	size := len(v.tokens)
	v.bos = r.id(keyCLS, size, r.id(keyBOS, size, 101))
	v.eos = r.id(keySeparator, size, r.id(keyEOS, size, 102))
	v.unk = r.id(keyUnknown, size, 100)
	v.addBOS = r.flag(keyAddBOS, true)
	v.addEOS = r.flag(keyAddEOS, true)
	lower := r.flag(keyLowercase, true)
	return &wordPiece{
		vocab:  v,
		lower:  lower,
		strip:  r.flag(keyStripAccents, lower),
		pieces: sync.OnceValue(func() wordPieces { return newWordPieces(v) }),
	}, r.err
}

func newWordPieces(v *vocab) wordPieces {
	heads := make([]string, len(v.tokens))
	tails := make([]string, len(v.tokens))
	for id, token := range v.tokens {
		if !v.isText(int32(id)) {
			continue
		}
		if head, ok := strings.CutPrefix(token, blank); ok {
			heads[id] = head
		} else {
			tails[id] = token
		}
	}
	all := func(int32) bool { return true }
	return wordPieces{newTrie(heads, all), newTrie(tails, all)}
}

func (w *wordPiece) encode(ids []int32, text string) []int32 {
	pieces := w.pieces()
	var word []byte
	flush := func() {
		if len(word) > 0 {
			ids = w.appendWord(ids, pieces, string(word))
		}
		word = word[:0]
	}
	text = spaceHan(strings.ToValidUTF8(text, ""))
	if w.strip {
		text = norm.NFD.String(text)
	}
	for _, r := range text {
		switch {
		case w.strip && unicode.Is(unicode.Mn, r):
		case unicode.IsSpace(r):
			flush()
		case standsAlone(r):
			flush()
			word = w.appendRune(word, r)
			flush()
		default:
			word = w.appendRune(word, r)
		}
	}
	flush()
	return ids
}

// spaceHan drops control characters and puts spaces around Chinese ones, before
// a normal form can change either.
func spaceHan(text string) string {
	out := make([]byte, 0, len(text)+len(text)/8)
	for _, r := range text {
		switch {
		case vanishes(r):
		case isHan(r):
			out = append(out, ' ')
			out = utf8.AppendRune(out, r)
			out = append(out, ' ')
		default:
			out = utf8.AppendRune(out, r)
		}
	}
	return string(out)
}

// vanishes reports whether r is no text: a control or format character, a
// private one, or U+FFFD.
func vanishes(r rune) bool {
	switch r {
	case '\t', '\n', '\r':
		return false
	case utf8.RuneError:
		return true
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co)
}

// standsAlone reports whether r is a word of its own: punctuation, an ASCII
// symbol. Chinese characters have spaces around them already.
func standsAlone(r rune) bool {
	return unicode.IsPunct(r) || r < utf8.RuneSelf && unicode.IsSymbol(r)
}

// isHan has the ranges of Hugging Face's list, which is BERT's but for the
// beginning of the last but two.
func isHan(r rune) bool {
	return 0x4e00 <= r && r <= 0x9fff || 0x3400 <= r && r <= 0x4dbf || 0xf900 <= r && r <= 0xfaff ||
		0x20000 <= r && r <= 0x2a6df || 0x2a700 <= r && r <= 0x2b73f || 0x2b740 <= r && r <= 0x2b81f ||
		0x2b920 <= r && r <= 0x2ceaf || 0x2f800 <= r && r <= 0x2fa1f
}

func (w *wordPiece) appendRune(word []byte, r rune) []byte {
	if !w.lower {
		return utf8.AppendRune(word, r)
	}
	if r == 'İ' { // the one rune whose lower case has two
		return append(word, "i̇"...)
	}
	return utf8.AppendRune(word, unicode.ToLower(r))
}

// appendWord takes the longest token again and again. A word with a rest that
// no token begins is unknown as a whole.
func (w *wordPiece) appendWord(ids []int32, pieces wordPieces, word string) []int32 {
	before := len(ids)
	known := utf8.RuneCountInString(word) <= maxWord
	from := pieces.heads
	for known && word != "" {
		id, size := from.longest(word)
		if known = size > 0; known {
			ids = append(ids, id)
			word = word[size:]
			from = pieces.tails
		}
	}
	if known {
		return ids
	}
	ids = ids[:before]
	if w.unk != none {
		ids = append(ids, w.unk)
	}
	return ids
}

// tight are the beginnings of words that take no space before them, as the
// clean-up of Hugging Face's decoder has it.
var tight = []string{".", "?", "!", ",", "n't", "'m", "'s", "'ve", "'re"}

func (w *wordPiece) appendText(dst []byte, id int32) []byte {
	word, begins := strings.CutPrefix(w.tokens[id], blank)
	if begins && !hasAnyPrefix(word, tight) {
		dst = append(dst, ' ')
	}
	return append(dst, word...)
}

func hasAnyPrefix(text string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(text, p) {
			return true
		}
	}
	return false
}

func (w *wordPiece) spaceAt(at place) bool { return at == atStart }
