package tokenizer

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// specials finds the tokens that are matched in a text before anything else.
type specials struct {
	texts []string // of all tokens
	words *trie    // user-defined tokens that are ordinary text, such as a run of spaces
	marks *trie    // tokens that give a prompt its structure: control, unknown, and markers of a chat format
	// open are the marks without control and unknown tokens: what always counts.
	open *trie
	// begins are the bytes that a special token can begin with.
	begins [256]bool
	// structure lists the texts in marks.
	structure []string
	strip     strip
}

// maxSpecials bounds the bytes of all special tokens, for which the tries take
// many times the memory. Published vocabularies have less than a tenth.
const maxSpecials = 1 << 20

func newSpecials(v *vocab, strip strip) (*specials, error) {
	size := 0
	for id := range v.kinds {
		switch v.kind(int32(id)) {
		case userDefined, control, unknown:
			if size += len(v.tokens[id]); size > maxSpecials {
				return nil, fmt.Errorf("control and user-defined tokens have more than %d bytes", maxSpecials)
			}
		}
	}
	s := &specials{texts: v.tokens, strip: strip}
	isWord := func(id int32) bool { return v.kind(id) == userDefined && !v.isMark(id) }
	s.words = newTrie(v.tokens, isWord)
	s.marks = newTrie(v.tokens, v.isMark)
	s.open = newTrie(v.tokens, func(id int32) bool { return v.isMark(id) && v.kind(id) == userDefined })
	for id := range v.kinds {
		if text := v.tokens[id]; text != "" && (isWord(int32(id)) || v.isMark(int32(id))) {
			s.begins[text[0]] = true
		}
		if v.isMark(int32(id)) {
			s.structure = append(s.structure, v.tokens[id])
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
		if !s.begins[text[i]] {
			i++
			continue
		}
		for i >= borders[0] {
			borders = borders[1:]
		}
		id, size := s.at(text[i:], borders[0]-i, hidden)
		if size == 0 {
			i++
			continue
		}
		if before := s.strip.left(text[from:i], s.texts[id]); before != "" {
			between(before)
		}
		token(id)
		i += size
		i = len(text) - len(s.strip.right(text[i:], s.texts[id]))
		from = i
	}
	if from < len(text) {
		between(text[from:])
	}
}

// at returns the longest special token at the start of text, with marks only
// from the first border bytes.
func (s *specials) at(text string, border int, hidden bool) (id int32, size int) {
	marks := s.open
	if hidden {
		marks = s.marks
	}
	id, size = s.words.longest(text)
	if mark, n := marks.longest(text[:border]); n > size {
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
