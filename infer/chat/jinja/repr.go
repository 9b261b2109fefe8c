package jinja

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode"
)

// str is Python's str().
func (r *run) str(v Value) *Text {
	switch v := v.(type) {
	case *Text:
		return v
	case *undefined:
		return &Text{}
	}
	b := builder{r: r}
	r.repr(&b, v, 0)
	return b.text()
}

// repr writes what Python's repr() returns.
func (r *run) repr(b *builder, v Value, depth int) {
	r.step(1)
	nest(depth)
	switch v := v.(type) {
	case nil:
		b.own("None")
	case bool:
		b.own(map[bool]string{false: "False", true: "True"}[v])
	case int64:
		b.own(strconv.FormatInt(v, 10))
	case *big.Int:
		b.own(v.String())
	case float64:
		b.own(floatText(v))
	case *Text:
		r.quote(b, v)
	case *List:
		r.reprList(b, v, depth)
	case *Dict:
		r.reprDict(b, v, depth)
	case *namespace:
		b.own("<Namespace ")
		r.reprDict(b, v.attrs, depth)
		b.own(">")
	case *undefined:
		b.own("Undefined")
	case *sequence:
		r.reprSequence(b, v, depth)
	case interval:
		b.own(v.String())
	case *loop:
		b.own(fmt.Sprintf("<LoopContext %d/%d>", v.at+1, len(v.items)))
	case *macro:
		b.own("<Macro '" + v.name + "'>")
	case *function:
		b.own("<function " + v.name + ">")
	default:
		b.own("<" + typeName(v) + ">")
	}
}

func (v interval) String() string {
	if v.step == 1 {
		return fmt.Sprintf("range(%d, %d)", v.start, v.stop)
	}
	return fmt.Sprintf("range(%d, %d, %d)", v.start, v.stop, v.step)
}

func (r *run) reprList(b *builder, v *List, depth int) {
	first, last := "[", "]"
	if v.tuple {
		first, last = "(", ")"
		if len(v.items) == 1 {
			last = ",)"
		}
	}
	b.own(first)
	for i, item := range v.items {
		if i > 0 {
			b.own(", ")
		}
		r.repr(b, item, depth+1)
	}
	b.own(last)
}

func (r *run) reprDict(b *builder, v *Dict, depth int) {
	b.own("{")
	for i, key := range v.keys {
		if i > 0 {
			b.own(", ")
		}
		r.repr(b, key, depth+1)
		b.own(": ")
		r.repr(b, v.values[i], depth+1)
	}
	b.own("}")
}

func (r *run) reprSequence(b *builder, v *sequence, depth int) {
	if v.once {
		b.own("<" + v.kind + ">")
		return
	}
	b.own(v.kind + "(")
	r.reprList(b, &List{items: v.items}, depth)
	b.own(")")
}

// quote writes a text as a Python literal.
func (r *run) quote(b *builder, t *Text) {
	mark := '\''
	if strings.ContainsRune(t.s, '\'') && !strings.ContainsRune(t.s, '"') {
		mark = '"'
	}
	r.scan(8 * len(t.s))
	if t.safe {
		b.own("Markup(")
		defer b.own(")")
	}
	b.own(string(mark))
	for piece, outside := range t.Pieces() {
		b.write(escapeRunes(piece, func(c rune) string { return pythonEscape(c, mark) }), outside)
	}
	b.own(string(mark))
}

// escapeRunes replaces the runes for which escape has something.
func escapeRunes(s string, escape func(c rune) string) string {
	var out strings.Builder
	from := 0
	for i, c := range s {
		if e := escape(c); e != "" {
			out.WriteString(s[from:i])
			out.WriteString(e)
			from = i + len(string(c))
		}
	}
	if from == 0 {
		return s
	}
	out.WriteString(s[from:])
	return out.String()
}

func pythonEscape(c, mark rune) string {
	switch {
	case c == mark || c == '\\':
		return `\` + string(c)
	case c == '\n':
		return `\n`
	case c == '\r':
		return `\r`
	case c == '\t':
		return `\t`
	case c == ' ' || unicode.IsPrint(c):
		return ""
	case c < 0x100:
		return fmt.Sprintf(`\x%02x`, c)
	case c < 0x10000:
		return fmt.Sprintf(`\u%04x`, c)
	}
	return fmt.Sprintf(`\U%08x`, c)
}

// floatText is the shortest text that reads as f again, as Python writes it.
func floatText(f float64) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 0):
		return strings.TrimPrefix(strings.ToLower(strconv.FormatFloat(f, 'g', -1, 64)), "+")
	case f != 0 && (math.Abs(f) < 1e-4 || math.Abs(f) >= 1e16):
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// escape returns a text that is safe in HTML, as Python's Markup does.
func (r *run) escape(t *Text) *Text {
	if t.safe {
		return t
	}
	b := builder{r: r}
	r.scan(8 * len(t.s))
	for piece, outside := range t.Pieces() {
		b.write(htmlEscapes.Replace(piece), outside)
	}
	return b.text().as(true)
}

var htmlEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "'", "&#39;", `"`, "&#34;")
