package jinja

import (
	"iter"
	"strings"
	"unicode/utf8"
)

// Text is a string: UTF-8, counted in runes as Python does. It knows which of
// its bytes came from outside; the others were written by the template.
// Operations keep that apart: of '<|' + name the mark is the template's and the
// name is not. A Text does not change.
type Text struct {
	s    string
	out  []span // of s that came from outside: sorted, disjoint, not empty, whole runes
	safe bool   // Python's Markup: what is added to it is escaped for HTML
}

// span is a range of bytes.
type span struct{ from, to int }

// Own returns a text that counts as the template's own.
func Own(s string) *Text { return &Text{s: valid(s)} }

// Outside returns a text that came from outside.
func Outside(s string) *Text {
	s = valid(s)
	if s == "" {
		return &Text{}
	}
	return &Text{s: s, out: []span{{0, len(s)}}}
}

func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// String returns the text.
func (t *Text) String() string { return t.s }

// Pieces yields the text in pieces, each with whether it came from outside.
func (t *Text) Pieces() iter.Seq2[string, bool] {
	return func(yield func(string, bool) bool) {
		at := 0
		for _, o := range t.out {
			if o.from > at && !yield(t.s[at:o.from], false) || !yield(t.s[o.from:o.to], true) {
				return
			}
			at = o.to
		}
		if at < len(t.s) {
			yield(t.s[at:], false)
		}
	}
}

// Slice returns the bytes from i up to j, which must lie between runes.
func (t *Text) Slice(i, j int) *Text {
	cut := &Text{s: t.s[i:j], safe: t.safe}
	for _, o := range t.out {
		if from, to := max(o.from, i), min(o.to, j); from < to {
			cut.out = append(cut.out, span{from - i, to - i})
		}
	}
	return cut
}

// ascii reports whether runes are bytes.
func (t *Text) ascii() bool {
	for i := 0; i < len(t.s); i++ {
		if t.s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// length returns the number of runes.
func (t *Text) length() int { return utf8.RuneCountInString(t.s) }

// offset returns where the rune of that index begins; index may be the length.
func (t *Text) offset(index int) int {
	if t.ascii() {
		return index
	}
	at := 0
	for ; index > 0; index-- {
		_, width := utf8.DecodeRuneInString(t.s[at:])
		at += width
	}
	return at
}

// mapped returns the text with each rune replaced.
func (t *Text) mapped(r *run, f func(first bool, c rune) string) *Text {
	r.scan(8 * len(t.s))
	b := builder{r: r}
	for piece, outside := range t.Pieces() {
		for _, c := range piece {
			b.write(f(b.len() == 0, c), outside)
		}
	}
	return b.text().as(t.safe)
}

// as returns the text, marked as safe or not.
func (t *Text) as(safe bool) *Text {
	if t.safe == safe {
		return t
	}
	return &Text{s: t.s, out: t.out, safe: safe}
}

// builder joins texts. It pays for what it holds.
type builder struct {
	r   *run
	buf strings.Builder
	out []span
}

func (b *builder) len() int { return b.buf.Len() }

// write appends s; outside says that it came from there.
func (b *builder) write(s string, outside bool) {
	if s == "" {
		return
	}
	from := b.buf.Len()
	if from+len(s) > MaxOutput {
		fail("a text exceeds %d bytes", MaxOutput)
	}
	b.r.alloc(2 * len(s)) // a buffer grows by doubling
	b.buf.WriteString(s)
	if !outside {
		return
	}
	if n := len(b.out); n > 0 && b.out[n-1].to == from {
		b.out[n-1].to = b.buf.Len()
		return
	}
	b.r.alloc(2 * slotBytes)
	b.out = append(b.out, span{from, b.buf.Len()})
}

// own appends what the template wrote.
func (b *builder) own(s string) { b.write(s, false) }

func (b *builder) add(t *Text) {
	b.r.step(1 + len(t.out))
	if len(t.out) == 0 {
		b.own(t.s)
		return
	}
	for piece, outside := range t.Pieces() {
		b.write(piece, outside)
	}
}

// repeat appends t n times.
func (b *builder) repeat(t *Text, n int) {
	if n > 0 && len(t.s) > 0 && n > MaxOutput/len(t.s) {
		fail("a text exceeds %d bytes", MaxOutput)
	}
	if len(t.out) == 0 {
		b.r.scan(len(t.s) * max(n, 0))
		b.own(strings.Repeat(t.s, max(n, 0)))
		return
	}
	for range n {
		b.add(t)
	}
}

func (b *builder) text() *Text { return &Text{s: b.buf.String(), out: b.out} }

// concat joins texts.
func (r *run) concat(texts ...*Text) *Text {
	b := builder{r: r}
	for _, t := range texts {
		b.add(t)
	}
	return b.text()
}

// cut returns a part of t as a new value.
func (r *run) cut(t *Text, from, to int) *Text {
	r.alloc(textBytes)
	r.step(1 + len(t.out))
	return t.Slice(from, to)
}
