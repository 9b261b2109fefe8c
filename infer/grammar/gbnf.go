package grammar

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/a472be26/cusp/infer/grammar/regular"
)

// Parse reads a grammar in llama.cpp's GBNF; its rule root is what texts are.
//
//	root  ::= item ("," item){0,9}   # rules, groups, repetitions * + ? {m} {m,} {m,n}
//	item  ::= "text\n" | [a-z_] | [^"\x00-\x1F] | .
//
// A dot and a negated class stand for any one code point, line ends included. A
// rule ends with its line, except within parentheses and after "|". Errors name
// line and column, in characters: syntax, rules that are missing or defined
// twice, left recursion, and what is larger than the package's bounds. The
// notation for single tokens, <...>, is an error.
func Parse(source string) (*Grammar, error) {
	if len(source) > MaxSource {
		return nil, fmt.Errorf("grammar: it has %d bytes, more than %d", len(source), MaxSource)
	}
	p := &gbnf{source: source, index: map[string]int{}}
	if err := p.parse(); err != nil {
		return nil, err
	}
	return compile(p.rules)
}

// gbnf is a parser.
type gbnf struct {
	source string
	at     int
	rules  []rule
	index  map[string]int
	seen   []int // by rule: the byte where it is first named
	depth  int
}

const rootName = "root"

func (p *gbnf) parse() error {
	if !utf8.ValidString(p.source) {
		for i, r := range p.source {
			if _, size := utf8.DecodeRuneInString(p.source[i:]); r == utf8.RuneError && size == 1 {
				return p.errorAt(i, "this is not UTF-8")
			}
		}
	}
	p.rule(rootName, 0)
	p.space(true)
	for p.at < len(p.source) {
		if err := p.definition(); err != nil {
			return err
		}
	}
	for i, r := range p.rules {
		if r.body == nil && i == 0 {
			return p.errorAt(len(p.source), "there is no rule root")
		} else if r.body == nil {
			return p.errorAt(p.seen[i], "rule %q is not defined", r.name)
		}
	}
	if i := leftRecursive(p.rules); i >= 0 {
		return p.errorAt(p.seen[i], "rule %q is left recursive: it can begin with itself; write it as a repetition", p.rules[i].name)
	}
	return nil
}

// errorAt makes an error that says where.
func (p *gbnf) errorAt(at int, format string, args ...any) error {
	before := p.source[:at]
	line := strings.Count(before, "\n") + 1
	column := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
	return fmt.Errorf("grammar: line %d, column %d: %s", line, column, fmt.Sprintf(format, args...))
}

func (p *gbnf) errorf(format string, args ...any) error { return p.errorAt(p.at, format, args...) }

// rule is the number of a rule, defined or not yet.
func (p *gbnf) rule(name string, at int) int {
	i, ok := p.index[name]
	if !ok {
		i = len(p.rules)
		p.index[name] = i
		p.rules = append(p.rules, rule{name: name})
		p.seen = append(p.seen, at)
	}
	return i
}

// space skips spaces, comments and, if asked to, ends of lines.
func (p *gbnf) space(lines bool) {
	for p.at < len(p.source) {
		switch c := p.source[p.at]; {
		case c == '#':
			if end := strings.IndexAny(p.source[p.at:], "\r\n"); end >= 0 {
				p.at += end
			} else {
				p.at = len(p.source)
			}
		case c == ' ' || c == '\t' || lines && (c == '\r' || c == '\n'):
			p.at++
		default:
			return
		}
	}
}

func (p *gbnf) take(text string) bool {
	ok := strings.HasPrefix(p.source[p.at:], text)
	if ok {
		p.at += len(text)
	}
	return ok
}

// next is the byte that comes, or 0 at the end.
func (p *gbnf) next() byte {
	if p.at < len(p.source) {
		return p.source[p.at]
	}
	return 0
}

func isNameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-'
}

func (p *gbnf) name() string {
	start := p.at
	for isNameByte(p.next()) {
		p.at++
	}
	return p.source[start:p.at]
}

func (p *gbnf) definition() error {
	start := p.at
	name := p.name()
	if name == "" {
		return p.errorf("a rule's name is expected, of letters, digits and -")
	}
	i := p.rule(name, start)
	if p.rules[i].body != nil {
		return p.errorAt(start, "rule %q is defined twice", name)
	}
	p.seen[i] = start
	if len(p.rules) > MaxRules {
		return p.errorAt(start, "there are more than %d rules", MaxRules)
	}
	p.space(false)
	if !p.take("::=") {
		return p.errorf("::= is expected after the name of rule %q", name)
	}
	p.space(true)
	body, err := p.alternatives(false)
	if err != nil {
		return err
	}
	p.rules[i].body = body
	if c := p.next(); p.at < len(p.source) && c != '\n' && c != '\r' {
		return p.errorf("%q is not expected here", p.source[p.at:][:utf8Size(p.source[p.at:])])
	}
	p.space(true)
	return nil
}

func utf8Size(s string) int {
	_, size := utf8.DecodeRuneInString(s)
	return size
}

func (p *gbnf) alternatives(nested bool) (expr, error) {
	var all alt
	for {
		s, err := p.sequence(nested)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
		if !p.take("|") {
			break
		}
		p.space(true)
	}
	if len(all) == 1 {
		return all[0], nil
	}
	return all, nil
}

func (p *gbnf) sequence(nested bool) (expr, error) {
	var all seq
	for {
		x, err := p.symbol()
		if x == nil || err != nil {
			return all, err
		}
		p.space(nested)
		if x, err = p.repeated(x, nested); err != nil {
			return nil, err
		}
		all = append(all, x)
	}
}

// symbol reads what a repetition is of, or nothing.
func (p *gbnf) symbol() (expr, error) {
	start := p.at
	switch c := p.next(); {
	case p.take(`"`):
		return p.literal()
	case p.take("["):
		return p.class()
	case p.take("("):
		return p.group()
	case p.take("."):
		return class(regular.All), nil
	case c == '<' || c == '!':
		return nil, p.errorf("the notation for single tokens is not supported; write their text")
	case isNameByte(c):
		return ref(p.rule(p.name(), start)), nil
	case c == '*' || c == '+' || c == '?' || c == '{':
		return nil, p.errorf("%q repeats nothing", c)
	}
	return nil, nil
}

func (p *gbnf) group() (expr, error) {
	if p.depth++; p.depth > MaxNesting {
		return nil, p.errorf("groups are nested more than %d deep", MaxNesting)
	}
	defer func() { p.depth-- }()
	start := p.at - 1
	p.space(true)
	x, err := p.alternatives(true)
	if err == nil && !p.take(")") {
		if p.at == len(p.source) {
			return nil, p.errorAt(start, "the group has no end")
		}
		return nil, p.errorf(") is expected")
	}
	return x, err
}

func (p *gbnf) literal() (expr, error) {
	start := p.at - 1
	var b strings.Builder
	for !p.take(`"`) {
		if p.at == len(p.source) {
			return nil, p.errorAt(start, "the text has no end")
		}
		r, err := p.char()
		if err != nil {
			return nil, err
		}
		b.WriteRune(r)
	}
	return text(b.String()), nil
}

func (p *gbnf) class() (expr, error) {
	start := p.at - 1
	negated := p.take("^")
	var ranges []regular.Range
	for !p.take("]") {
		if p.at == len(p.source) {
			return nil, p.errorAt(start, "the class has no end")
		}
		r, err := p.span()
		if err != nil {
			return nil, err
		}
		ranges = append(ranges, r)
	}
	if len(ranges) == 0 {
		return nil, p.errorAt(start, "the class is empty")
	}
	set := regular.Runes(ranges...)
	if negated {
		set = set.Not()
	}
	return class(set), nil
}

// span reads a character of a class, or a range of them.
func (p *gbnf) span() (r regular.Range, err error) {
	start := p.at
	if r.Lo, err = p.char(); err != nil {
		return r, err
	}
	r.Hi = r.Lo
	if rest := p.source[p.at:]; strings.HasPrefix(rest, "-") && !strings.HasPrefix(rest, "-]") && len(rest) > 1 {
		p.at++
		if r.Hi, err = p.char(); err != nil {
			return r, err
		}
	}
	if r.Lo > r.Hi {
		return r, p.errorAt(start, "the range goes backwards")
	}
	return r, nil
}

var gbnfEscapes = map[byte]rune{'t': '\t', 'r': '\r', 'n': '\n', '\\': '\\', '"': '"', '[': '[', ']': ']', '-': '-'}

var gbnfHex = map[byte]int{'x': 2, 'u': 4, 'U': 8}

// char reads a character, which may be escaped.
func (p *gbnf) char() (rune, error) {
	if !p.take(`\`) {
		r, size := utf8.DecodeRuneInString(p.source[p.at:])
		p.at += size
		return r, nil
	}
	c := p.next()
	if r, ok := gbnfEscapes[c]; ok {
		p.at++
		return r, nil
	}
	digits, ok := gbnfHex[c]
	if !ok {
		p.at--
		return 0, p.errorf(`the escape is none of \t \r \n \\ \" \[ \] \- \xHH \uHHHH \UHHHHHHHH`)
	}
	p.at++
	if p.at+digits > len(p.source) {
		return 0, p.errorf("%d hexadecimal digits are expected", digits)
	}
	v, err := strconv.ParseUint(p.source[p.at:p.at+digits], 16, 32)
	if err != nil {
		return 0, p.errorf("%d hexadecimal digits are expected", digits)
	}
	if v > utf8.MaxRune || !utf8.ValidRune(rune(v)) {
		return 0, p.errorf("U+%04X is no character", v)
	}
	p.at += digits
	return rune(v), nil
}

// repeated reads the repetitions behind a symbol.
func (p *gbnf) repeated(x expr, nested bool) (expr, error) {
	for turns := 0; ; turns++ {
		r := repeat{x: x}
		switch {
		case p.take("*"):
			r.max = -1
		case p.take("+"):
			r.min, r.max = 1, -1
		case p.take("?"):
			r.max = 1
		case p.take("{"):
			if err := p.braces(&r); err != nil {
				return nil, err
			}
		default:
			return x, nil
		}
		if turns >= MaxNesting {
			return nil, p.errorf("more than %d repetitions of each other", MaxNesting)
		}
		x = r
		p.space(nested)
	}
}

// braces reads the bounds of a repetition, after the opening brace.
func (p *gbnf) braces(r *repeat) (err error) {
	start := p.at - 1
	p.space(true)
	if r.min, err = p.number(); err != nil {
		return err
	}
	r.max = r.min
	if p.space(true); p.take(",") {
		r.max = -1
		if p.space(true); p.next() != '}' {
			if r.max, err = p.number(); err != nil {
				return err
			}
			p.space(true)
		}
	}
	if !p.take("}") {
		return p.errorf("} is expected")
	}
	if r.max >= 0 && r.max < r.min {
		return p.errorAt(start, "the repetition's bounds are the wrong way round")
	}
	return nil
}

func (p *gbnf) number() (int, error) {
	start := p.at
	for c := p.next(); c >= '0' && c <= '9'; c = p.next() {
		p.at++
	}
	n, err := strconv.Atoi(p.source[start:p.at])
	if start == p.at {
		return 0, p.errorf("a number is expected")
	}
	if err != nil || n > MaxRepeat {
		return 0, p.errorAt(start, "the number is more than %d", MaxRepeat)
	}
	return n, nil
}

// leftRecursive finds a rule that can begin with itself, or returns -1.
func leftRecursive(rules []rule) int {
	f := analyze(rules)
	const visiting, done = 1, 2
	state := make([]int, len(rules))
	var visit func(i int) int
	visit = func(i int) int {
		state[i] = visiting
		for _, j := range f.begins(rules[i].body, nil) {
			if state[j] == visiting {
				return j
			}
			if state[j] == 0 {
				if found := visit(j); found >= 0 {
					return found
				}
			}
		}
		state[i] = done
		return -1
	}
	for i := range rules {
		if state[i] == 0 {
			if found := visit(i); found >= 0 {
				return found
			}
		}
	}
	return -1
}

// begins adds the rules that an expression can begin with.
func (f *facts) begins(e expr, found []int) []int {
	switch e := e.(type) {
	case ref:
		if !slices.Contains(found, int(e)) {
			found = append(found, int(e))
		}
	case repeat:
		return f.begins(e.x, found)
	case alt:
		for _, x := range e {
			found = f.begins(x, found)
		}
	case seq:
		for _, x := range e {
			found = f.begins(x, found)
			if !f.empty(x) {
				break
			}
		}
	}
	return found
}
