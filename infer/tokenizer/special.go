package tokenizer

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// specials finds the tokens that are matched in a text before anything else.
type specials struct {
	words *trie // user-defined tokens that are ordinary text, such as a run of spaces
	marks *trie // tokens that give a prompt its structure: control, unknown, and markers of a chat format
	// structure lists the texts in marks.
	structure []string
}

// maxSpecials bounds the bytes of all special tokens, for which the tries take
// many times the memory. Published vocabularies have less than a tenth.
const maxSpecials = 1 << 20

func newSpecials(v *vocab) (*specials, error) {
	s := &specials{words: new(trie), marks: new(trie)}
	size := 0
	for i := range v.kinds {
		id, text := int32(i), v.tokens[i]
		switch v.kind(id) {
		case userDefined, control, unknown:
			if size += len(text); size > maxSpecials {
				return nil, fmt.Errorf("control and user-defined tokens have more than %d bytes", maxSpecials)
			}
		}
		switch k := v.kind(id); {
		case k == userDefined && !looksSpecial(text):
			s.words.add(text, leaf{id, false})
		case k == userDefined, k == control, k == unknown:
			// A token of a single rune could not be told from a user's text.
			if utf8.RuneCountInString(text) > 1 {
				s.marks.add(text, leaf{id, k != userDefined})
				s.structure = append(s.structure, text)
			}
		}
	}
	return s, nil
}

// scan passes on what lies between special tokens, and these. The text has
// borders at the given places, the last at its end: a mark counts only where it
// lies within two of them. hidden says whether control tokens count at all.
func (s *specials) scan(text string, borders []int, hidden bool, between func(text string), token func(id int32)) {
	from := 0
	for i := 0; i < len(text); {
		for i >= borders[0] {
			borders = borders[1:]
		}
		id, size := s.at(text[i:], borders[0]-i, hidden)
		if size == 0 {
			i++
			continue
		}
		if i > from {
			between(text[from:i])
		}
		token(id)
		i += size
		from = i
	}
	if from < len(text) {
		between(text[from:])
	}
}

// at returns the longest special token at the start of text, with marks only
// from the first border bytes.
func (s *specials) at(text string, border int, hidden bool) (id int32, size int) {
	id, size = s.words.longest(text, false)
	if mark, n := s.marks.longest(text[:border], hidden); n > size {
		return mark, n
	}
	return id, size
}

// Defuse returns a user's text with the given border put into everything that
// could be read as a mark of the prompt's structure, also together with text
// before or behind it. Rendered into a prompt and passed to
// [Tokenizer.EncodePrompt], the text can be nothing but text. border must not
// occur in it.
func (t *Tokenizer) Defuse(text, border string) string {
	var out strings.Builder
	if t.specials.continues(text) {
		out.WriteString(border)
	}
	from := 0
	for i := 0; i < len(text); {
		_, width := utf8.DecodeRuneInString(text[i:])
		if t.specials.marks.begins(text[i:]) {
			out.WriteString(text[from : i+width])
			out.WriteString(border)
			from = i + width
		}
		i += width
	}
	out.WriteString(text[from:])
	return out.String()
}

// continues reports whether text could be the middle or the end of a mark that
// text before it began.
func (s *specials) continues(text string) bool {
	if text == "" {
		return false
	}
	for _, mark := range s.structure {
		for i := 1; i < len(mark); i++ {
			next := strings.IndexByte(mark[i:], text[0])
			if next < 0 {
				break
			}
			i += next
			if strings.HasPrefix(text, mark[i:]) || strings.HasPrefix(mark[i:], text) {
				return true
			}
		}
	}
	return false
}

// cutBorders takes the borders out of a prompt and returns where they were.
func cutBorders(prompt, border string) (text string, borders []int) {
	if border == "" {
		return prompt, []int{len(prompt)}
	}
	var out strings.Builder
	for piece := range strings.SplitSeq(prompt, border) {
		out.WriteString(piece)
		if piece != "" {
			borders = append(borders, out.Len())
		}
	}
	return out.String(), borders
}

// trie finds the longest of many texts at a place.
type trie struct {
	next map[byte]*trie
	leaf leaf
	ends bool // a text ends here; leaf is valid
}

// leaf is a token in a trie.
type leaf struct {
	id     int32
	hidden bool // counts only where control tokens do
}

// add puts a token into the trie. The first of two with equal text stays; an
// empty text is never found.
func (t *trie) add(text string, token leaf) {
	if text == "" {
		return
	}
	for i := 0; i < len(text); i++ {
		if t.next == nil {
			t.next = make(map[byte]*trie)
		}
		child := t.next[text[i]]
		if child == nil {
			child = new(trie)
			t.next[text[i]] = child
		}
		t = child
	}
	if !t.ends {
		t.leaf, t.ends = token, true
	}
}

// longest returns the longest token at the start of text, and its size.
func (t *trie) longest(text string, hidden bool) (id int32, size int) {
	id = none
	for i := 0; i < len(text) && t.next != nil; i++ {
		if t = t.next[text[i]]; t == nil {
			break
		}
		if t.ends && (hidden || !t.leaf.hidden) {
			id, size = t.leaf.id, i+1
		}
	}
	return id, size
}

// begins reports whether text begins with a token or is the beginning of one.
func (t *trie) begins(text string) bool {
	for i := 0; i < len(text); i++ {
		if t = t.next[text[i]]; t == nil {
			return false
		}
		if t.ends {
			return true
		}
	}
	return true
}
