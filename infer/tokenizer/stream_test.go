package tokenizer

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestStreamEmitsWholeRunes(t *testing.T) {
	t.Parallel()
	tok := small().load(t)
	for _, text := range []string{"hello world", " leading", "中文 😀 é", "\xe4\xb8", "a\xffb", "\xf0\x9f\x98x", "    ", ""} {
		s := tok.Stream()
		var out strings.Builder
		for _, id := range tok.Encode(text, false) {
			piece := s.Push(id)
			if !utf8.ValidString(piece) {
				t.Errorf("%q: half a rune in %q", text, piece)
			}
			out.WriteString(piece)
		}
		out.WriteString(s.Flush())
		var want strings.Builder
		for _, r := range text { // U+FFFD for every byte that is no UTF-8
			want.WriteRune(r)
		}
		if out.String() != want.String() {
			t.Errorf("%q was streamed as %q", text, out.String())
		}
	}
}

func TestStreamKeepsSpaces(t *testing.T) {
	t.Parallel()
	tok := pieces2().load(t)
	for _, text := range []string{"a b", " a", "a  ab b ", "   "} {
		s := tok.Stream()
		out := ""
		for _, id := range tok.Encode(text, false) {
			out += s.Push(id)
		}
		if out += s.Flush(); out != text {
			t.Errorf("%q was streamed as %q", text, out)
		}
	}
}

func TestStreamStartsAgainAfterFlush(t *testing.T) {
	t.Parallel()
	s := pieces2().load(t).Stream()
	for range 2 {
		if got := s.Push(pieceBlankA) + s.Flush(); got != "a" {
			t.Fatalf("got %q, want a", got)
		}
	}
}
