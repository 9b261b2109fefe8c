package regular

import (
	"strconv"
	"strings"
	"unicode/utf16"
)

// What the escapes stand for in ECMA-262.
var (
	digits = Set{{'0', '9'}}
	words  = Runes(Range{'0', '9'}, Range{'A', 'Z'}, Range{'_', '_'}, Range{'a', 'z'})
	spaces = Of("\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff")
)

// class reads what stands between brackets, after the opening one.
func (p *pattern) class() (Set, error) {
	negated := p.take("^")
	var all Set
	for !p.take("]") {
		item, err := p.classItem()
		if err != nil {
			return nil, err
		}
		if p.peek("-") && !p.peek("-]") {
			p.at++
			last, err := p.classItem()
			if err != nil {
				return nil, err
			}
			low, ok1 := item.single()
			high, ok2 := last.single()
			if !ok1 || !ok2 || low > high {
				return nil, p.errorf("a range in a class that goes nowhere")
			}
			item = Runes(Range{low, high})
		}
		all = all.Or(item)
	}
	if negated {
		all = all.Not()
	}
	return all, nil
}

func (s Set) single() (rune, bool) {
	if len(s) == 1 && s[0].Lo == s[0].Hi {
		return s[0].Lo, true
	}
	return 0, false
}

func (p *pattern) classItem() (Set, error) {
	if p.at >= len(p.source) {
		return nil, p.errorf("a class has no end")
	}
	if p.take("\\") {
		return p.escape(true)
	}
	return p.char()
}

// escape reads what stands behind a backslash.
func (p *pattern) escape(inClass bool) (Set, error) {
	if p.at >= len(p.source) {
		return nil, p.errorf("a backslash at the end")
	}
	c := p.source[p.at]
	p.at++
	switch c {
	case 'd':
		return digits, nil
	case 'D':
		return digits.Not(), nil
	case 'w':
		return words, nil
	case 'W':
		return words.Not(), nil
	case 's':
		return spaces, nil
	case 'S':
		return spaces.Not(), nil
	}
	r, err := p.escapedRune(c, inClass)
	if err != nil {
		return nil, err
	}
	set := Set{{r, r}}.And(All)
	if len(set) == 0 {
		return nil, p.errorf("half of a surrogate pair")
	}
	return set, nil
}

var simpleEscapes = map[byte]rune{'t': '\t', 'n': '\n', 'r': '\r', 'f': '\f', 'v': '\v'}

func (p *pattern) escapedRune(c byte, inClass bool) (rune, error) {
	if r, ok := simpleEscapes[c]; ok {
		return r, nil
	}
	switch {
	case c == 'b' && inClass:
		return '\b', nil
	case c == '0' && !(p.at < len(p.source) && p.source[p.at] >= '0' && p.source[p.at] <= '9'):
		return 0, nil
	case c == 'x':
		return p.hex(2)
	case c == 'u':
		return p.unicode()
	case c == 'c' && p.at < len(p.source) && isLetter(p.source[p.at]):
		p.at++
		return rune(p.source[p.at-1] % 32), nil
	case strings.IndexByte(`^$\.*+?()[]{}|/-`, c) >= 0:
		return rune(c), nil
	case c > ' ' && c < 0x7f && !isLetter(c) && (c < '0' || c > '9'):
		return rune(c), nil // other punctuation: tolerated, there is only one meaning
	}
	p.at--
	return 0, p.errorf("escape \\%c is not supported", c)
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

func (p *pattern) hex(digits int) (rune, error) {
	if p.at+digits > len(p.source) {
		return 0, p.errorf("an escape is cut off")
	}
	v, err := strconv.ParseUint(p.source[p.at:p.at+digits], 16, 32)
	if err != nil {
		return 0, p.errorf("an escape without its %d hexadecimal digits", digits)
	}
	p.at += digits
	return rune(v), nil
}

func (p *pattern) unicode() (rune, error) {
	if p.take("{") {
		body, _, closed := strings.Cut(p.source[p.at:], "}")
		v, err := strconv.ParseUint(body, 16, 32)
		if err != nil || !closed || v > 0x10FFFF {
			return 0, p.errorf("no code point in \\u{}")
		}
		p.at += len(body) + 1
		return rune(v), nil
	}
	r, err := p.hex(4)
	if err != nil || !utf16.IsSurrogate(r) || !p.take("\\u") {
		return r, err
	}
	low, err := p.hex(4)
	if err != nil {
		return 0, err
	}
	return utf16.DecodeRune(r, low), nil
}
