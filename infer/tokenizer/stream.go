package tokenizer

import "unicode/utf8"

// Stream decodes tokens one at a time. What it returns, joined, is
// [Tokenizer.Decode] of the ids with U+FFFD for each byte that is no UTF-8;
// every single piece is whole runes. A Stream is for one goroutine.
type Stream struct {
	decoder decoder
	pending []byte // the beginning of a rune
}

// Stream returns a decoder for a new text.
func (t *Tokenizer) Stream() *Stream { return &Stream{decoder: decoder{t: t}} }

// Push returns the text that id completes; it is empty within a rune.
func (s *Stream) Push(id int32) string {
	s.pending = s.decoder.append(s.pending, id)
	end := 0
	for end < len(s.pending) && utf8.FullRune(s.pending[end:]) {
		_, width := utf8.DecodeRune(s.pending[end:])
		end += width
	}
	return s.take(end)
}

// Pending is how many bytes there are of a rune that is not complete.
func (s *Stream) Pending() int { return len(s.pending) }

// Flush returns what is left of a text that ended within a rune, and makes the
// stream ready for a new text.
func (s *Stream) Flush() string {
	s.decoder.at = atStart
	return s.take(len(s.pending))
}

// take returns the first end bytes of what is pending as UTF-8.
func (s *Stream) take(end int) string {
	text := string(s.pending[:end])
	s.pending = append(s.pending[:0], s.pending[end:]...)
	if utf8.ValidString(text) {
		return text
	}
	return string([]rune(text)) // one U+FFFD for each byte that is wrong
}
