package jinja

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

type kind int

const (
	eof kind = iota
	data
	variableBegin
	variableEnd
	blockBegin
	blockEnd
	name
	text
	integerNumber
	floatNumber
	operator
)

// token is a piece of a template's source.
type token struct {
	kind kind
	text string // of a string: its value
	line int
}

func (t token) String() string {
	switch t.kind {
	case eof:
		return "the end of the template"
	case variableEnd, blockEnd:
		return "the end of the tag"
	}
	return fmt.Sprintf("%q", t.text)
}

// syntaxError is a failure of the source at a line.
func syntaxError(line int, format string, args ...any) {
	fail("line %d: %s", line, fmt.Sprintf(format, args...))
}

// lexer cuts a source into tokens, with the white space around tags gone as
// trim_blocks, lstrip_blocks and the signs in the tags want it.
type lexer struct {
	src    string
	at     int
	line   int
	fresh  bool // what was before at ended a line
	tokens []token
}

func lex(source string) []token {
	source = strings.ReplaceAll(strings.ReplaceAll(source, "\r\n", "\n"), "\r", "\n")
	l := &lexer{src: strings.TrimSuffix(source, "\n"), line: 1, fresh: true}
	for l.at < len(l.src) {
		l.outside()
	}
	l.add(eof, "")
	return l.tokens
}

func (l *lexer) add(k kind, text string) { l.tokens = append(l.tokens, token{k, text, l.line}) }

// advance moves behind the next n bytes.
func (l *lexer) advance(n int) {
	l.line += strings.Count(l.src[l.at:l.at+n], "\n")
	l.at += n
	l.fresh = l.src[l.at-1] == '\n'
}

// outside reads text up to a tag, and the tag.
func (l *lexer) outside() {
	start := nextTag(l.src[l.at:])
	if start < 0 {
		l.add(data, l.src[l.at:])
		l.advance(len(l.src) - l.at)
		return
	}
	rest := l.src[l.at+start:]
	sign := sign(rest, 2)
	l.text(start, sign, rest[1] != '{')
	l.advance(2 + len(sign))
	switch rest[1] {
	case '#':
		l.comment()
	case '{':
		l.add(variableBegin, "{{")
		l.inside(variableEnd, "}}")
	default:
		if l.raw() {
			return
		}
		l.add(blockBegin, "{%")
		l.inside(blockEnd, "%}")
	}
}

func nextTag(src string) int {
	for from := 0; ; {
		i := strings.IndexByte(src[from:], '{')
		if i < 0 || from+i+1 >= len(src) {
			return -1
		}
		if from += i; strings.IndexByte("{%#", src[from+1]) >= 0 {
			return from
		}
		from++
	}
}

// sign returns the white space control at a place of a tag.
func sign(tag string, at int) string {
	if at < len(tag) && (tag[at] == '-' || tag[at] == '+') {
		return tag[at : at+1]
	}
	return ""
}

// text takes the next n bytes as text before a tag with that sign.
func (l *lexer) text(n int, sign string, lstrip bool) {
	s := l.src[l.at : l.at+n]
	switch {
	case sign == "-":
		s = strings.TrimRight(s, space)
	case sign == "" && lstrip:
		line := strings.LastIndexByte(s, '\n') + 1
		if (line > 0 || l.fresh) && strings.Trim(s[line:], space) == "" {
			s = s[:line]
		}
	}
	if s != "" {
		l.add(data, s)
	}
	if n > 0 {
		l.advance(n)
	}
}

// close moves behind the end of a tag if it is next, with the newline that
// trim_blocks takes. plus says that + may stand before the end.
func (l *lexer) close(end string, plus, trim bool) bool {
	rest := l.src[l.at:]
	switch {
	case strings.HasPrefix(rest, "-"+end):
		n := 1 + len(end)
		l.advance(n + len(rest[n:]) - len(strings.TrimLeft(rest[n:], space)))
	case plus && strings.HasPrefix(rest, "+"+end):
		l.advance(1 + len(end))
	case strings.HasPrefix(rest, end):
		n := len(end)
		if trim && strings.HasPrefix(rest[n:], "\n") {
			n++
		}
		l.advance(n)
	default:
		return false
	}
	return true
}

func (l *lexer) comment() {
	end := strings.Index(l.src[l.at:], "#}")
	if end < 0 {
		syntaxError(l.line, "a comment does not end; #} is wanted")
	}
	if s := l.src[l.at : l.at+end]; strings.HasSuffix(s, "-") || strings.HasSuffix(s, "+") {
		end--
	}
	if end > 0 {
		l.advance(end)
	}
	l.close("#}", true, true)
}

// raw reads a raw block behind its {% and reports whether there was one.
func (l *lexer) raw() bool {
	rest := l.src[l.at:]
	body, ok := strings.CutPrefix(strings.TrimLeft(rest, space), "raw")
	if !ok {
		return false
	}
	tag := strings.TrimLeft(body, space)
	if !strings.HasPrefix(tag, "%}") && !strings.HasPrefix(tag, "-%}") {
		return false
	}
	line := l.line
	l.advance(len(rest) - len(tag))
	l.close("%}", false, false)
	for from := l.at; ; {
		i := strings.Index(l.src[from:], "{%")
		if i < 0 {
			syntaxError(line, "raw does not end; {%% endraw %%} is wanted")
		}
		from += i
		sign := sign(l.src[from:], 2)
		after, ok := strings.CutPrefix(strings.TrimLeft(l.src[from+2+len(sign):], space), "endraw")
		after = strings.TrimLeft(after, space)
		if end := len(l.src) - len(after); ok && tagEnds(after) {
			l.text(from-l.at, sign, true)
			l.advance(end - l.at)
			return l.close("%}", true, true)
		}
		from += 2
	}
}

func tagEnds(s string) bool {
	return strings.HasPrefix(s, "%}") || strings.HasPrefix(s, "-%}") || strings.HasPrefix(s, "+%}")
}

// inside reads the tokens of a tag up to its end.
func (l *lexer) inside(ends kind, end string) {
	var open []byte
	begun := l.line
	for {
		l.skipSpace()
		if l.at >= len(l.src) {
			syntaxError(begun, "a tag does not end; %s is wanted", end)
		}
		if len(open) == 0 && l.close(end, ends == blockEnd, ends == blockEnd) {
			l.add(ends, end)
			return
		}
		switch op := l.token(); op {
		case "(", "[", "{":
			if open = append(open, op[0]); len(open) > maxBrackets {
				syntaxError(l.line, "brackets nest deeper than %d", maxBrackets)
			}
		case ")", "]", "}":
			if len(open) == 0 || partner[open[len(open)-1]] != op[0] {
				syntaxError(l.line, "%s without its partner", op)
			}
			open = open[:len(open)-1]
		}
	}
}

var partner = map[byte]byte{'(': ')', '[': ']', '{': '}'}

func (l *lexer) skipSpace() {
	rest := l.src[l.at:]
	if n := len(rest) - len(strings.TrimLeft(rest, space)); n > 0 {
		l.advance(n)
	}
}

// operators with the longer ones first.
var operators = []string{
	"//", "**", "==", "!=", ">=", "<=",
	"+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=", ".", ":", "|", ",", ";",
}

// token reads one token and returns it if it is an operator.
func (l *lexer) token() string {
	rest := l.src[l.at:]
	c, _ := utf8.DecodeRuneInString(rest)
	switch {
	case '0' <= c && c <= '9':
		l.number(rest)
	case c == '"' || c == '\'':
		l.string(rest)
	case isWord(c):
		word := rest[:len(rest)-len(strings.TrimLeftFunc(rest, isWord))]
		l.add(name, word)
		l.advance(len(word))
	default:
		for _, op := range operators {
			if strings.HasPrefix(rest, op) {
				l.add(operator, op)
				l.advance(len(op))
				return op
			}
		}
		syntaxError(l.line, "unexpected character %q", c)
	}
	return ""
}

func isWord(c rune) bool {
	return c == '_' || unicode.IsLetter(c) || unicode.IsDigit(c) || unicode.Is(unicode.Mn, c)
}
