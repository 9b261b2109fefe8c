package tokenizer

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// normalizer writes a text the way that a SentencePiece vocabulary was trained
// on. (Source: google/sentencepiece, normalizer.cc, Normalize.)
type normalizer struct {
	charsmap *charsmap // nil: runes stay as they are
	prefix   bool      // a text begins with a space that is not there
	squeeze  bool      // runs of spaces become one, those at the ends go
}

// loadNormalizer reads the metadata; prefix is what the family does where the
// file does not say.
func loadNormalizer(r *reader, prefix bool) (*normalizer, error) {
	n := &normalizer{
		prefix:  r.flag(keySpacePrefix, prefix),
		squeeze: r.flag(keySqueeze, false),
	}
	var err error
	n.charsmap, err = loadCharsmap(r)
	return n, err
}

// apply returns text with U+2581 for spaces.
func (n *normalizer) apply(text string) string {
	if n.charsmap == nil && !n.squeeze {
		if n.prefix {
			text = " " + text
		}
		return strings.ReplaceAll(text, " ", blank)
	}
	if n.squeeze {
		text = n.trimLeft(text)
	}
	if text == "" {
		return ""
	}
	out := make([]byte, 0, len(text)+len(text)/4+len(blank))
	if n.prefix {
		out = append(out, blank...)
	}
	out = n.append(out, text)
	for n.squeeze && bytes.HasSuffix(out, []byte(blank)) {
		out = out[:len(out)-len(blank)]
	}
	return string(out)
}

// trimLeft cuts off what normalizes to single spaces.
func (n *normalizer) trimLeft(text string) string {
	for text != "" {
		normal, size := n.next(text)
		if normal != " " {
			break
		}
		text = text[size:]
	}
	return text
}

func (n *normalizer) append(out []byte, text string) []byte {
	afterSpace := n.squeeze
	for text != "" {
		normal, size := n.next(text)
		text = text[size:]
		if afterSpace {
			normal = strings.TrimLeft(normal, " ")
		}
		for i := 0; i < len(normal); i++ {
			if normal[i] == ' ' {
				out = append(out, blank...)
			} else {
				out = append(out, normal[i])
			}
		}
		if normal != "" {
			afterSpace = n.squeeze && strings.HasSuffix(normal, " ")
		}
	}
	return out
}

// next returns what the beginning of text normalizes to, and its size in text.
// A byte that is no UTF-8 becomes U+FFFD.
func (n *normalizer) next(text string) (normal string, size int) {
	if n.charsmap != nil {
		if normal, size = n.charsmap.longest(text); size > 0 {
			return normal, size
		}
	}
	r, width := utf8.DecodeRuneInString(text)
	if r == utf8.RuneError && width == 1 {
		return "\ufffd", 1
	}
	return text[:width], width
}
