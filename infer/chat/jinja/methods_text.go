package jinja

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

type textMethod func(r *run, t *Text, a callArgs) Value

// textMethods are those of Python's str.
var textMethods = map[string]textMethod{
	"capitalize": cases(func(first bool, c rune) string {
		if first {
			return title(c)
		}
		return lower(c)
	}),
	"casefold":     cases(func(_ bool, c rune) string { return strings.ToLower(upper(c)) }),
	"center":       func(r *run, t *Text, a callArgs) Value { w, fill := width(r, a); return r.centered(t, w, fill) },
	"count":        count,
	"endswith":     affix(strings.HasSuffix),
	"find":         find(strings.Index, false),
	"format":       formatMethod,
	"index":        find(strings.Index, true),
	"isalnum":      all(func(c rune) bool { return unicode.IsLetter(c) || unicode.IsNumber(c) }),
	"isalpha":      all(unicode.IsLetter),
	"isascii":      func(_ *run, t *Text, _ callArgs) Value { return t.ascii() },
	"isdecimal":    all(unicode.IsDigit),
	"isdigit":      all(unicode.IsDigit),
	"islower":      func(r *run, t *Text, _ callArgs) Value { r.scan(len(t.s)); return cased(t.s, isLower, isUpper) },
	"isnumeric":    all(unicode.IsNumber),
	"isspace":      all(isSpace),
	"isupper":      func(r *run, t *Text, _ callArgs) Value { r.scan(len(t.s)); return cased(t.s, isUpper, isLower) },
	"join":         joinMethod,
	"ljust":        justify('<'),
	"lower":        cases(func(_ bool, c rune) string { return lower(c) }),
	"lstrip":       strip(true, false),
	"partition":    partition(strings.Index, false),
	"removeprefix": remove(strings.HasPrefix, func(t *Text, n int) (int, int) { return n, len(t.s) }),
	"removesuffix": remove(strings.HasSuffix, func(t *Text, n int) (int, int) { return 0, len(t.s) - n }),
	"replace": func(r *run, t *Text, a callArgs) Value {
		b := a.bind(r, "replace", 2, "old", "new", "count")
		return r.replace(t, wantText("replace", b.values[0]), wantText("replace", b.values[1]), b.integer(2, -1))
	},
	"rfind":      find(strings.LastIndex, false),
	"rindex":     find(strings.LastIndex, true),
	"rjust":      justify('>'),
	"rpartition": partition(strings.LastIndex, true),
	"rsplit":     splitMethod(true),
	"rstrip":     strip(false, true),
	"split":      splitMethod(false),
	"splitlines": func(r *run, t *Text, a callArgs) Value {
		return list(r.lines(t, a.bind(r, "splitlines", 0, "keepends").truth(0, false)))
	},
	"startswith": affix(strings.HasPrefix),
	"strip":      strip(true, true),
	"swapcase": cases(func(_ bool, c rune) string {
		if isUpper(c) {
			return lower(c)
		}
		return upper(c)
	}),
	"title": func(r *run, t *Text, a callArgs) Value {
		a.bind(r, "title", 0)
		within := false
		return t.mapped(r, func(_ bool, c rune) string {
			begins := !within
			if within = unicode.IsLetter(c); begins {
				return title(c)
			}
			return lower(c)
		})
	},
	"upper": cases(func(_ bool, c rune) string { return upper(c) }),
	"zfill": func(r *run, t *Text, a callArgs) Value {
		b, align := builder{r: r}, byte('=')
		if strings.HasPrefix(t.s, " ") { // no sign here
			align = '>'
		}
		r.pad(&b, t, a.bind(r, "zfill", 1, "width").size(0, 0), align, "0")
		return b.text().as(t.safe)
	},
}

// space is what Python takes for white space.
const space = " \t\n\v\f\r\x1c\x1d\x1e\x1f\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005" +
	"\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"

func isSpace(c rune) bool { return strings.ContainsRune(space, c) }
func isLower(c rune) bool { return unicode.IsLower(c) }
func isUpper(c rune) bool { return unicode.IsUpper(c) || unicode.IsTitle(c) }

// upper and lower are of one rune; of those that have longer forms, only the
// sharp s is known.
func upper(c rune) string {
	if c == 'ß' {
		return "SS"
	}
	return string(unicode.ToUpper(c))
}

// title is the form of a rune that begins a word.
func title(c rune) string {
	if c == 'ß' {
		return "Ss"
	}
	return string(unicode.ToTitle(c))
}

func lower(c rune) string { return string(unicode.ToLower(c)) }

// cased reports whether s has runes of one case and none of the other.
func cased(s string, has, hasNot func(rune) bool) bool {
	return strings.ContainsFunc(s, has) && !strings.ContainsFunc(s, hasNot)
}

func cases(f func(first bool, c rune) string) textMethod {
	return func(r *run, t *Text, a callArgs) Value {
		a.bind(r, "the method", 0)
		return t.mapped(r, f)
	}
}

func all(f func(rune) bool) textMethod {
	return func(r *run, t *Text, a callArgs) Value {
		a.bind(r, "the method", 0)
		r.scan(len(t.s))
		return t.s != "" && !strings.ContainsFunc(t.s, func(c rune) bool { return !f(c) })
	}
}

func list(texts []*Text) *List {
	l := &List{items: make([]Value, len(texts))}
	for i, t := range texts {
		l.items[i] = t
	}
	return l
}

// window applies start and end of a method that looks for something, in runes,
// and returns the bytes between them.
func (b bound) window(r *run, t *Text, at int) (from, to int) {
	r.scan(4 * len(t.s))
	n := int64(t.length())
	start := min(clamp(b.integer(at, 0), int64(0), n, 0, n+1), n+1)
	end := clamp(b.integer(at+1, n), int64(0), n, 0, n)
	if start > end {
		return 1, 0 // nothing is there, not even an empty text
	}
	return t.offset(int(start)), t.offset(int(end))
}

func count(r *run, t *Text, a callArgs) Value {
	b := a.bind(r, "count", 1, "sub", "start", "end")
	sub := wantText("count", b.values[0])
	from, to := b.window(r, t, 1)
	if from > to {
		return int64(0)
	}
	return int64(strings.Count(t.s[from:to], sub.s))
}

func find(index func(s, sub string) int, must bool) textMethod {
	return func(r *run, t *Text, a callArgs) Value {
		b := a.bind(r, "find", 1, "sub", "start", "end")
		sub := wantText("find", b.values[0])
		if from, to := b.window(r, t, 1); from <= to {
			if at := index(t.s[from:to], sub.s); at >= 0 {
				return int64(utf8.RuneCountInString(t.s[:from+at]))
			}
		}
		if must {
			fail("index: the substring is not there")
		}
		return int64(-1)
	}
}

// affix is startswith or endswith: of one text or any in a tuple.
func affix(has func(s, affix string) bool) textMethod {
	return func(r *run, t *Text, a callArgs) Value {
		b := a.bind(r, "startswith and endswith", 1, "affix", "start", "end")
		from, to := b.window(r, t, 1)
		options := []Value{b.values[0]}
		if l, ok := b.values[0].(*List); ok && l.tuple {
			options = l.items
		}
		for _, o := range options {
			s := wantText("startswith and endswith", o).s
			r.scan(len(s))
			if from <= to && has(t.s[from:to], s) {
				return true
			}
		}
		return false
	}
}

func strip(left, right bool) textMethod {
	return func(r *run, t *Text, a callArgs) Value {
		strips := isSpace
		if chars := a.bind(r, "strip", 0, "chars").text(0); chars != nil {
			r.scan(16 * len(chars.s))
			r.alloc(32 * len(chars.s))
			set := map[rune]bool{}
			for _, c := range chars.s {
				set[c] = true
			}
			strips = func(c rune) bool { return set[c] }
		}
		r.scan(4 * len(t.s))
		from, to := 0, len(t.s)
		if left {
			from = to - len(strings.TrimLeftFunc(t.s, strips))
		}
		if right {
			to = from + len(strings.TrimRightFunc(t.s[from:], strips))
		}
		return r.cut(t, from, to)
	}
}

func remove(has func(s, affix string) bool, kept func(t *Text, n int) (from, to int)) textMethod {
	return func(r *run, t *Text, a callArgs) Value {
		s := wantText("removeprefix and removesuffix", a.bind(r, "removeprefix and removesuffix", 1, "affix").values[0]).s
		r.scan(len(s))
		if !has(t.s, s) {
			return t
		}
		from, to := kept(t, len(s))
		return r.cut(t, from, to)
	}
}

// partition is what is before, at and behind a separator; where there is none,
// the whole is first, or last.
func partition(index func(s, sub string) int, last bool) textMethod {
	return func(r *run, t *Text, a callArgs) Value {
		sep := wantText("partition", a.bind(r, "partition", 1, "sep").values[0])
		if sep.s == "" {
			fail("partition: the separator is empty")
		}
		r.scan(len(t.s))
		at := index(t.s, sep.s)
		switch {
		case at >= 0:
			end := at + len(sep.s)
			return tuple(r.cut(t, 0, at), r.cut(t, at, end), r.cut(t, end, len(t.s)))
		case last:
			return tuple(&Text{}, &Text{}, t)
		}
		return tuple(t, &Text{}, &Text{})
	}
}

// replace replaces the first n occurrences of old, all for a negative n.
func (r *run) replace(t, old, new *Text, n int64) Value {
	r.scan(2 * len(t.s))
	b := builder{r: r}
	at := 0
	for ; n != 0 && at <= len(t.s); n-- {
		next := strings.Index(t.s[at:], old.s)
		if next < 0 {
			break
		}
		r.step(1)
		if old.s == "" { // between all runes
			b.add(new)
			next = len(firstRune(t.s[at:]))
			b.add(t.Slice(at, at+next))
			if at += next; next == 0 {
				return b.text().as(t.safe)
			}
			continue
		}
		b.add(t.Slice(at, at+next))
		b.add(new)
		at += next + len(old.s)
	}
	b.add(t.Slice(at, len(t.s)))
	return b.text().as(t.safe)
}

func joinMethod(r *run, sep *Text, a callArgs) Value {
	b := builder{r: r}
	for i, item := range r.items(a.bind(r, "join", 1, "iterable").values[0]) {
		if i > 0 {
			b.add(sep)
		}
		b.add(wantText("join", item))
	}
	return b.text()
}

// width returns the arguments of ljust and the like.
func width(r *run, a callArgs) (int, string) {
	b := a.bind(r, "the method", 1, "width", "fillchar")
	fill := b.text(1)
	if fill == nil {
		return b.size(0, 0), " "
	}
	if fill.length() != 1 {
		fail("the fill character must be one character")
	}
	return b.size(0, 0), fill.s
}

func justify(align byte) textMethod {
	return func(r *run, t *Text, a callArgs) Value {
		n, fill := width(r, a)
		b := builder{r: r}
		r.pad(&b, t, n, align, fill)
		return b.text().as(t.safe)
	}
}

// lines cuts a text at the ends of its lines.
func (r *run) lines(t *Text, ends bool) (lines []*Text) {
	r.scan(8 * len(t.s))
	from := 0
	for i, c := range t.s {
		if i < from || !strings.ContainsRune("\n\r\v\f\x1c\x1d\x1e\u0085\u2028\u2029", c) {
			continue
		}
		end := i + len(string(c))
		if strings.HasPrefix(t.s[i:], "\r\n") {
			end++
		}
		to := i
		if ends {
			to = end
		}
		r.slots(2)
		lines, from = append(lines, r.cut(t, from, to)), end
	}
	if from < len(t.s) {
		lines = append(lines, r.cut(t, from, len(t.s)))
	}
	return lines
}
