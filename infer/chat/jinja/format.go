package jinja

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// format is text % values, Python's formatting after C's printf.
func (r *run) format(t *Text, values Value) Value {
	f := formatter{r: r, b: builder{r: r}, one: values}
	if l, ok := values.(*List); ok && l.tuple {
		f.rest, f.several = l.items, true
	}
	r.scan(8 * len(t.s))
	for at := 0; at < len(t.s); {
		next := strings.IndexByte(t.s[at:], '%')
		if next < 0 {
			f.b.add(t.Slice(at, len(t.s)))
			break
		}
		f.b.add(t.Slice(at, at+next))
		at += next + 1
		at += f.directive(t.s[at:])
	}
	if f.several && len(f.rest) > 0 || !f.several && !f.used && isScalar(values) {
		fail("%%: not all arguments are used")
	}
	return f.b.text().as(t.safe)
}

// isScalar tells values that a format must use from those that it may look into.
func isScalar(v Value) bool {
	_, isNumber := number(v)
	return v == nil || isNumber || is[*Text](v)
}

type formatter struct {
	r       *run
	b       builder
	one     Value   // without several
	rest    []Value // of several
	several bool
	used    bool
}

// spec is how a value is written.
type spec struct {
	flags            string
	width, precision int // precision -1: none
	verb             byte
}

// directive writes the value for the directive at the start of s, behind its
// percent sign, and returns the directive's size.
func (f *formatter) directive(s string) int {
	at := 0
	var keyed Value
	if strings.HasPrefix(s, "(") {
		end := strings.IndexByte(s, ')')
		d, ok := f.one.(*Dict)
		if end < 0 || !ok {
			fail("%%(: a name in parentheses and a dictionary are wanted")
		}
		keyed, ok = d.find(s[1:end])
		if !ok {
			fail("%%(%s): there is no such entry", s[1:end])
		}
		at, f.used = end+1, true
	}
	p := spec{precision: -1}
	for at < len(s) && strings.IndexByte("-+ 0#", s[at]) >= 0 {
		p.flags += s[at : at+1]
		at++
	}
	p.width, at = digits(s, at)
	if at < len(s) && s[at] == '.' {
		p.precision, at = digits(s, at+1)
	}
	if at == len(s) {
		fail("%%: the format ends within a directive")
	}
	p.verb = s[at]
	switch {
	case p.verb == '%':
		f.b.own("%")
	case s[0] == '(':
		f.write(p, keyed)
	default:
		f.write(p, f.next())
	}
	return at + 1
}

func digits(s string, at int) (n, end int) {
	for ; at < len(s) && '0' <= s[at] && s[at] <= '9'; at++ {
		n = min(n*10+int(s[at]-'0'), MaxOutput+1)
	}
	return n, at
}

func (f *formatter) next() Value {
	if !f.several && !f.used {
		f.used = true
		return f.one
	}
	if len(f.rest) == 0 {
		fail("%%: not enough arguments")
	}
	v := f.rest[0]
	f.rest = f.rest[1:]
	return v
}

func (f *formatter) write(p spec, v Value) {
	t := f.r.formatted(p, v)
	if strings.Contains(p.flags, "-") {
		f.r.pad(&f.b, t, p.width, '<', " ")
		return
	}
	if strings.Contains(p.flags, "0") && p.verb != 's' && p.verb != 'r' {
		f.r.pad(&f.b, t, p.width, '=', "0")
		return
	}
	f.r.pad(&f.b, t, p.width, '>', " ")
}

// formatted is v as a directive wants it, without its width.
func (r *run) formatted(p spec, v Value) *Text {
	switch p.verb {
	case 's', 'r':
		t := r.str(v)
		if p.verb == 'r' {
			b := builder{r: r}
			r.repr(&b, v, 0)
			t = b.text()
		}
		if p.precision >= 0 && p.precision < t.length() {
			t = r.cut(t, 0, t.offset(p.precision))
		}
		return t
	case 'c':
		if i, ok := integer(v); ok && i >= 0 {
			return Own(string(rune(min(i, 0x110000))))
		}
		return wantText("%c", v)
	}
	s := r.digits(p, v)
	if !strings.HasPrefix(s, "-") {
		for _, sign := range []string{"+", " "} {
			if strings.Contains(p.flags, sign) {
				return Own(sign + s)
			}
		}
	}
	return Own(s)
}

func (r *run) digits(p spec, v Value) string {
	if u, ok := v.(*undefined); ok {
		fail("%s", u.reason)
	}
	number, ok := number(v)
	if !ok {
		fail("%%%c: a number is wanted, not '%s'", p.verb, typeName(v))
	}
	const most = 400 // digits behind the point; a float has no more
	switch p.verb {
	case 'd', 'i', 'u':
		return strconv.FormatInt(wholeOf(v, number), 10)
	case 'x', 'X', 'o', 'b':
		return fmt.Sprintf("%"+string(p.verb), wholeOf(v, number))
	case 'f', 'F', 'e', 'E', 'g', 'G':
		if p.precision < 0 {
			p.precision = 6
		}
		r.alloc(most)
		return strconv.FormatFloat(number, p.verb|0x20, min(p.precision, most), 64)
	}
	fail("%%%c is not supported", p.verb)
	return ""
}

// wholeOf is a number without what is behind its point.
func wholeOf(v Value, f float64) int64 {
	if i, ok := integer(v); ok {
		return i
	}
	if math.IsNaN(f) || math.Abs(f) >= 1<<63 {
		fail("%s is no integer", floatText(f))
	}
	return int64(f)
}

// pad writes t, filled up to a width in runes; align is <, >, ^, or = for fill
// between sign and digits.
func (r *run) pad(b *builder, t *Text, width int, align byte, fill string) {
	space := max(width-t.length(), 0)
	left := 0
	switch align {
	case '>', '=':
		left = space
	case '^':
		left = space / 2
	}
	signs := 0
	if align == '=' && t.s != "" && strings.IndexByte("+- ", t.s[0]) >= 0 {
		signs = 1
	}
	b.add(t.Slice(0, signs))
	b.repeat(Own(fill), left)
	b.add(t.Slice(signs, len(t.s)))
	b.repeat(Own(fill), space-left)
}

// formatMethod is str.format: fields by position or name, with a format spec.
func formatMethod(r *run, t *Text, a callArgs) Value {
	b := builder{r: r}
	r.scan(8 * len(t.s))
	auto := 0
	for at := 0; at < len(t.s); {
		n := strings.IndexAny(t.s[at:], "{}")
		if n < 0 {
			b.add(t.Slice(at, len(t.s)))
			break
		}
		b.add(t.Slice(at, at+n))
		at += n
		if strings.HasPrefix(t.s[at+1:], t.s[at:at+1]) {
			b.own(t.s[at : at+1])
			at += 2
			continue
		}
		end := strings.IndexByte(t.s[at:], '}')
		if t.s[at] == '}' || end < 0 {
			fail("format: a brace without its partner")
		}
		field, layout, _ := strings.Cut(t.s[at+1:at+end], ":")
		if field == "" {
			field = strconv.Itoa(auto)
			auto++
		}
		r.formatField(&b, a.field(field), layout)
		at += end + 1
	}
	return b.text().as(t.safe)
}

func (a callArgs) field(field string) Value {
	if i, err := strconv.Atoi(field); err == nil && i >= 0 && i < len(a.plain) {
		return a.plain[i]
	}
	for _, n := range a.named {
		if n.name == field {
			return n.value
		}
	}
	fail("format: there is no argument %q", field)
	return nil
}

// formatField writes v by [[fill]align][sign][0][width][.precision][type].
func (r *run) formatField(b *builder, v Value, layout string) {
	p := spec{precision: -1, verb: 's'}
	fill, align := " ", byte('<')
	_, isNumber := number(v)
	if isNumber {
		align = '>'
	}
	if f := firstRune(layout); len(layout) > len(f) && strings.IndexByte("<>^=", layout[len(f)]) >= 0 {
		fill, align, layout = f, layout[len(f)], layout[len(f)+1:]
	} else if layout != "" && strings.IndexByte("<>^=", layout[0]) >= 0 {
		align, layout = layout[0], layout[1:]
	}
	if layout != "" && strings.IndexByte("+- ", layout[0]) >= 0 {
		p.flags, layout = layout[:1], layout[1:]
	}
	if isNumber && strings.HasPrefix(layout, "0") {
		fill, align = "0", '='
	}
	var at int
	p.width, at = digits(layout, 0)
	if at < len(layout) && layout[at] == '.' {
		p.precision, at = digits(layout, at+1)
	}
	switch rest := layout[at:]; {
	case len(rest) == 1:
		p.verb = rest[0]
	case rest != "":
		fail("format: spec %q is not supported", layout)
	case isNumber && p.precision >= 0:
		p.verb = 'g'
	}
	r.pad(b, r.formatted(p, v), p.width, align, fill)
}
