package regular

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	maxPatternDepth = 64   // of groups
	maxQuantifier   = 4096 // in braces
)

// Pattern accepts the strings in which a regular expression is found, as JSON
// Schema's "pattern" means it: anywhere, unless it is anchored.
//
// The expressions are those of ECMA-262 in its Unicode mode that a finite
// automaton can have: alternatives, groups of all kinds but no references to
// them, the quantifiers * + ? {m} {m,} {m,n} and their lazy forms, classes, the
// escapes \d \w \s \D \W \S \t \n \r \f \v \0 \cX \xHH \uHHHH \u{H...}, and the
// anchors ^ and $ anywhere. Look-around, \b, \B, references and \p are errors.
func Pattern(source string) (DFA, error) {
	p := &pattern{source: source, n: newNFA()}
	from := p.n.node()
	p.n.eps(0, from)
	p.n.loopAny(from)
	end, err := p.alternatives(from, 0)
	if err == nil && p.at < len(p.source) {
		err = p.errorf("%q has no partner", p.source[p.at])
	}
	if err != nil {
		return nil, err
	}
	p.n.final = p.n.node()
	p.n.eps(end, p.n.final)
	p.n.loopAny(p.n.final)
	d, err := p.n.determinize()
	if err != nil {
		return nil, fmt.Errorf("pattern %s: %w", shorten(source), err)
	}
	return d, nil
}

func (n *nfa) loopAny(at int) {
	for _, r := range All {
		n.edge(at, r, at)
	}
}

// pattern is a parser that adds to an automaton as it reads.
type pattern struct {
	source string
	at     int
	n      *nfa
}

func (p *pattern) errorf(format string, args ...any) error {
	return fmt.Errorf("pattern %s, byte %d: %s", shorten(p.source), p.at, fmt.Sprintf(format, args...))
}

func shorten(s string) string {
	if len(s) > 60 {
		s = strings.ToValidUTF8(s[:60], "") + "..."
	}
	return strconv.Quote(s)
}

func (p *pattern) peek(text string) bool { return strings.HasPrefix(p.source[p.at:], text) }

func (p *pattern) take(text string) bool {
	if !p.peek(text) {
		return false
	}
	p.at += len(text)
	return true
}

// alternatives reads until the end or a closing parenthesis, and returns the
// node where all of them end.
func (p *pattern) alternatives(from, depth int) (int, error) {
	if depth > maxPatternDepth {
		return 0, p.errorf("groups are nested more than %d deep", maxPatternDepth)
	}
	end := p.n.node()
	for {
		start := p.n.node()
		p.n.eps(from, start)
		at, err := p.sequence(start, depth)
		if err != nil {
			return 0, err
		}
		p.n.eps(at, end)
		if !p.take("|") {
			return end, nil
		}
	}
}

func (p *pattern) sequence(from, depth int) (int, error) {
	for p.at < len(p.source) && !p.peek("|") && !p.peek(")") {
		to, err := p.term(from, depth)
		if err != nil {
			return 0, err
		}
		if p.n.tooBig {
			return 0, fmt.Errorf("pattern %s: %w", shorten(p.source), ErrTooLarge)
		}
		from = to
	}
	return from, nil
}

// term reads an atom with its quantifier. A quantifier that needs copies reads
// the atom again for each of them.
func (p *pattern) term(from, depth int) (int, error) {
	switch {
	case p.take("^"):
		to := p.n.node()
		p.n.nodes[from].begin = append(p.n.nodes[from].begin, to)
		return to, p.noQuantifier()
	case p.take("$"):
		to := p.n.node()
		p.n.nodes[from].end = append(p.n.nodes[from].end, to)
		return to, p.noQuantifier()
	}
	first := p.n.node()
	p.n.eps(from, first)
	start := p.at
	end, err := p.atom(first, depth)
	if err != nil {
		return 0, err
	}
	low, high, err := p.quantifier()
	if err != nil {
		return 0, err
	}
	after := p.at
	end, err = p.copies(first, end, start, low, high, depth)
	p.at = after
	return end, err
}

// copies repeats an atom that stands between two nodes and begins at a place in
// the source.
func (p *pattern) copies(first, end, start, low, high, depth int) (int, error) {
	out := p.n.node()
	if low == 0 {
		p.n.eps(first, out)
	}
	if high == 0 { // the atom stands beside the path and is never entered
		skip := p.n.node()
		p.n.nodes[first] = node{eps: []int{skip}}
		return skip, nil
	}
	for i := 1; ; i++ {
		if i >= low {
			p.n.eps(end, out)
		}
		if high < 0 && i >= low {
			p.n.eps(end, first)
			return out, nil
		}
		if i == high {
			return out, nil
		}
		p.at = start
		next := p.n.node()
		p.n.eps(end, next)
		var err error
		if end, err = p.atom(next, depth); err != nil {
			return 0, err
		}
		first = next
		if p.n.tooBig {
			return 0, fmt.Errorf("pattern %s: %w", shorten(p.source), ErrTooLarge)
		}
	}
}

func (p *pattern) noQuantifier() error {
	if p.at < len(p.source) && strings.ContainsRune("*+?{", rune(p.source[p.at])) {
		return p.errorf("a quantifier behind an anchor")
	}
	return nil
}

// quantifier reads one if there is one. No bound is -1.
func (p *pattern) quantifier() (low, high int, err error) {
	switch {
	case p.take("*"):
		low, high = 0, -1
	case p.take("+"):
		low, high = 1, -1
	case p.take("?"):
		low, high = 0, 1
	case p.peek("{"):
		if low, high, err = p.braces(); err != nil {
			return 0, 0, err
		}
	default:
		return 1, 1, nil
	}
	p.take("?") // lazy: the same strings
	if p.at < len(p.source) && strings.ContainsRune("*+?{", rune(p.source[p.at])) {
		return 0, 0, p.errorf("a quantifier behind a quantifier")
	}
	return low, high, nil
}

func (p *pattern) braces() (low, high int, err error) {
	body, _, closed := strings.Cut(p.source[p.at+1:], "}")
	lowText, highText, comma := strings.Cut(body, ",")
	low, err = strconv.Atoi(lowText)
	high = low
	if err == nil && comma {
		if high = -1; highText != "" {
			high, err = strconv.Atoi(highText)
		}
	}
	switch {
	case err != nil || !closed || strings.ContainsAny(body, "+-"):
		return 0, 0, p.errorf("a brace that is no quantifier {m}, {m,} or {m,n}; write \\{ for the character")
	case low > maxQuantifier || high > maxQuantifier:
		return 0, 0, p.errorf("a quantifier of more than %d", maxQuantifier)
	case high >= 0 && high < low:
		return 0, 0, p.errorf("quantifier {%s} has its bounds the wrong way round", body)
	}
	p.at += len(body) + 2
	return low, high, nil
}

func (p *pattern) atom(from, depth int) (int, error) {
	if p.take("(") {
		return p.group(from, depth)
	}
	set, err := p.set()
	if err != nil {
		return 0, err
	}
	to := p.n.node()
	for _, r := range set {
		p.n.edge(from, r, to)
	}
	return to, nil
}

func (p *pattern) group(from, depth int) (int, error) {
	switch {
	case p.take("?:"):
	case p.peek("?=") || p.peek("?!") || p.peek("?<=") || p.peek("?<!"):
		return 0, p.errorf("look-around is not supported")
	case p.take("?<"):
		name, _, closed := strings.Cut(p.source[p.at:], ">")
		if !closed || name == "" {
			return 0, p.errorf("a group's name has no end")
		}
		p.at += len(name) + 1
	case p.peek("?"):
		return 0, p.errorf("an unknown kind of group")
	}
	end, err := p.alternatives(from, depth+1)
	if err != nil {
		return 0, err
	}
	if !p.take(")") {
		return 0, p.errorf("a group has no end")
	}
	return end, nil
}

// dot is what a dot stands for: everything but the ends of lines.
var dot = Of("\n\r\u2028\u2029").Not()

// set reads an atom that stands for one rune.
func (p *pattern) set() (Set, error) {
	switch c := p.source[p.at]; c {
	case '.':
		p.at++
		return dot, nil
	case '[':
		p.at++
		return p.class()
	case '\\':
		p.at++
		return p.escape(false)
	case '*', '+', '?', '{':
		return nil, p.errorf("a quantifier with nothing before it")
	case '}', ']':
		return nil, p.errorf("%q has no partner", c)
	}
	return p.char()
}

func (p *pattern) char() (Set, error) {
	r, size := utf8.DecodeRuneInString(p.source[p.at:])
	if r == utf8.RuneError && size <= 1 {
		return nil, p.errorf("no UTF-8")
	}
	p.at += size
	return Set{{r, r}}, nil
}
