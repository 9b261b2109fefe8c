package jinja

import (
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

var (
	integerPattern = regexp.MustCompile(`^(?i:0b(_?[01])+|0o(_?[0-7])+|0x(_?[\da-f])+|[1-9](_?\d)*|0(_?0)*)`)
	floatPattern   = regexp.MustCompile(`^(?i:(\d+_)*\d+((\.(\d+_)*\d+)?e[+\-]?(\d+_)*\d+|\.(\d+_)*\d+))`)
)

// number reads a number. Behind a dot it is the index of an element.
func (l *lexer) number(rest string) {
	kind, match := integerNumber, ""
	if l.at == 0 || l.src[l.at-1] != '.' {
		match, kind = floatPattern.FindString(rest), floatNumber
	}
	if match == "" {
		match, kind = integerPattern.FindString(rest), integerNumber
	}
	l.add(kind, match)
	l.advance(len(match))
}

func (t token) integer() int64 {
	i, err := strconv.ParseInt(strings.ReplaceAll(t.text, "_", ""), 0, 64)
	if err != nil {
		syntaxError(t.line, "integer %s is too large", t.text)
	}
	return i
}

func (t token) float() float64 {
	f, err := strconv.ParseFloat(strings.ReplaceAll(t.text, "_", ""), 64)
	if err != nil {
		syntaxError(t.line, "number %s is too large", t.text)
	}
	return f
}

// string reads a quoted string.
func (l *lexer) string(rest string) {
	for i := 1; i < len(rest); i++ {
		switch rest[i] {
		case '\\':
			i++
		case rest[0]:
			l.add(text, unquote(l.line, rest[1:i]))
			l.advance(i + 1)
			return
		}
	}
	syntaxError(l.line, "a string does not end; %c is wanted", rest[0])
}

// escapes are those of a single letter; others stay as they are.
var escapes = map[byte]string{
	'n': "\n", 't': "\t", 'r': "\r", 'b': "\b", 'f': "\f", 'v': "\v", 'a': "\a",
	'\\': `\`, '\'': "'", '"': `"`, '\n': "",
}

// unquote resolves the escapes of a Python string.
func unquote(line int, s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		if c, ok := escapes[s[i]]; ok {
			b.WriteString(c)
			continue
		}
		code, n := codeEscape(line, s[i:])
		if n == 0 {
			b.WriteString(s[i-1 : i+1])
			continue
		}
		b.WriteRune(code)
		i += n - 1
	}
	return valid(b.String())
}

// codeEscape reads an escape by number behind its backslash, such as u00e9, and
// returns its size.
func codeEscape(line int, s string) (code rune, n int) {
	digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[s[0]]
	base, from := 16, 1
	if digits == 0 {
		base, from = 8, 0
		for digits < min(3, len(s)) && '0' <= s[digits] && s[digits] <= '7' {
			digits++
		}
		if digits == 0 {
			return 0, 0
		}
	}
	if len(s) < from+digits {
		syntaxError(line, `escape \%s is too short`, s)
	}
	v, err := strconv.ParseUint(s[from:from+digits], base, 32)
	if err != nil || v > utf8.MaxRune {
		syntaxError(line, `escape \%s is no character`, s[:from+digits])
	}
	return rune(v), from + digits
}
