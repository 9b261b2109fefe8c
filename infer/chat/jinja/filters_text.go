package jinja

import (
	"fmt"
	"strings"
	"unicode"
)

// center is not quite symmetric, as in Python: an odd space goes by the width.
func center(r *run, in Value, a callArgs) Value {
	width := a.bind(r, "center", 0, "width").size(0, 80)
	return r.centered(r.str(in), width, " ")
}

func (r *run) centered(t *Text, width int, fill string) Value {
	space := max(width-t.length(), 0)
	left := space/2 + space&width&1
	b := builder{r: r}
	b.repeat(Own(fill), left)
	b.add(t)
	b.repeat(Own(fill), space-left)
	return b.text().as(t.safe)
}

func indent(r *run, in Value, a callArgs) Value {
	b := a.bind(r, "indent", 0, "width", "first", "blank")
	t := wantText("indent", in)
	var by *Text
	if s, ok := b.values[0].(*Text); ok {
		by = s
	} else {
		spaces := builder{r: r}
		spaces.repeat(Own(" "), b.size(0, 4))
		by = spaces.text()
	}
	out := builder{r: r}
	if b.truth(1, false) {
		out.add(by)
	}
	lines := r.lines(r.concat(t, Own("\n")), false)
	for i, line := range lines {
		if i > 0 {
			out.own("\n")
			if line.s != "" || b.truth(2, false) {
				out.add(by)
			}
		}
		out.add(line)
	}
	return out.text().as(t.safe)
}

func replaceFilter(r *run, in Value, a callArgs) Value {
	b := a.bind(r, "replace", 2, "old", "new", "count")
	return r.replace(r.str(in), r.str(b.values[0]), r.str(b.values[1]), b.integer(2, -1))
}

// titleFilter begins each word with a capital letter and goes on small; words
// begin behind space, hyphens and opening brackets.
func titleFilter(r *run, in Value, a callArgs) Value {
	a.bind(r, "title", 0)
	start := true
	return r.str(in).mapped(r, func(_ bool, c rune) string {
		begins := start
		start = strings.ContainsRune("-({[<", c) || isSpace(c)
		if begins {
			return upper(c)
		}
		return lower(c)
	})
}

// leeway is how much longer than wanted a text may be before truncate cuts it.
const leeway = 5

func truncate(r *run, in Value, a callArgs) Value {
	b := a.bind(r, "truncate", 0, "length", "killwords", "end", "leeway")
	end := b.text(2)
	if end == nil {
		end = Own("...")
	}
	length := b.size(0, 255)
	if length < end.length() {
		fail("truncate: the length %d is less than that of the end", length)
	}
	if r.length(in) <= int64(length+b.size(3, leeway)) {
		return in
	}
	t := wantText("truncate", in)
	r.scan(2 * len(t.s))
	kept := t.offset(length - end.length())
	if !b.truth(1, false) {
		if at := strings.LastIndexByte(t.s[:kept], ' '); at >= 0 {
			kept = at
		}
	}
	return r.concat(r.cut(t, 0, kept), end)
}

func urlEncode(r *run, in Value, a callArgs) Value {
	a.bind(r, "urlencode", 0)
	if d, ok := in.(*Dict); ok {
		in = &List{items: r.pairs(d)}
	}
	if _, ok := in.(*Text); ok || !tests["iterable"].holds(r, in, nil) {
		return r.str(in).mapped(r, func(_ bool, c rune) string { return percent(c, "/") })
	}
	b := builder{r: r}
	for i, item := range r.items(in) {
		pair := r.items(item)
		if len(pair) != 2 {
			fail("urlencode: a pair has %d values", len(pair))
		}
		if i > 0 {
			b.own("&")
		}
		for j, part := range pair {
			b.own([]string{"", "="}[j])
			b.add(r.str(part).mapped(r, func(_ bool, c rune) string { return percent(c, " ") }))
		}
	}
	return b.text()
}

// percent encodes a rune of a URL; the runes of also stay, a space as plus.
func percent(c rune, also string) string {
	switch {
	case c < 0x80 && (unicode.IsLetter(c) || unicode.IsDigit(c)) || strings.ContainsRune("_.-~", c):
		return string(c)
	case c == ' ' && also == " ":
		return "+"
	case strings.ContainsRune(also, c):
		return string(c)
	}
	var out strings.Builder
	for _, b := range []byte(string(c)) {
		fmt.Fprintf(&out, "%%%02X", b)
	}
	return out.String()
}

func wordCount(r *run, in Value, a callArgs) Value {
	a.bind(r, "wordcount", 0)
	t := r.str(in)
	r.scan(8 * len(t.s))
	n, within := int64(0), false
	for _, c := range t.s {
		if isWord(c) && !within {
			n++
		}
		within = isWord(c)
	}
	return n
}
