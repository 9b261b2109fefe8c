package dataset

import (
	"fmt"
	"strings"
	"unicode"
)

// A template is the notation of Home Assistant's sentences
// (https://developers.home-assistant.io/docs/voice/intent-recognition/template-sentence-syntax):
//
//	(a|b)        one of
//	[a]          optional; [a|b] optionally one of
//	(a;b)        both, in any order
//	{list}       a value of the list, kept in the slot of that name
//	{list:slot}  a value of the list, kept in slot
//	<rule>       the template of that name
type kind uint8

const (
	kindText kind = iota
	kindSeq
	kindAlt
	kindPerm
	kindList
)

// node is a parsed template. Rules are inlined while parsing.
type node struct {
	kind kind
	text string // kindText: the text; kindList: the list's name
	slot string // kindList
	kids []node // an optional is a kindAlt with an empty kindSeq
}

// maxRuleDepth is how deep rules may use rules; more is taken for a circle.
const maxRuleDepth = 16

// parser reads one template.
type parser struct {
	src   []rune
	pos   int
	rules func(name string) (string, bool)
	depth int
}

// parseTemplate parses src; rules gives the template of a rule.
func parseTemplate(src string, rules func(string) (string, bool)) (node, error) {
	return parseAt(src, rules, 0)
}

func parseAt(src string, rules func(string) (string, bool), depth int) (node, error) {
	if depth > maxRuleDepth {
		return node{}, fmt.Errorf("rules nest deeper than %d", maxRuleDepth)
	}
	p := parser{src: []rune(src), rules: rules, depth: depth}
	n, err := p.alternatives()
	if err != nil {
		return node{}, fmt.Errorf("template %q: %w", src, err)
	}
	if p.pos < len(p.src) {
		return node{}, fmt.Errorf("template %q: unexpected %q at %d", src, p.src[p.pos], p.pos)
	}
	return n, nil
}

// alternatives = permutation { "|" permutation }
func (p *parser) alternatives() (node, error) {
	return p.separated('|', kindAlt, func() (node, error) {
		return p.separated(';', kindPerm, p.sequence)
	})
}

// separated parses items with sep between them; a single item stays bare.
func (p *parser) separated(sep rune, k kind, item func() (node, error)) (node, error) {
	first, err := item()
	if err != nil {
		return node{}, err
	}
	n := node{kind: k, kids: []node{first}}
	for p.pos < len(p.src) && p.src[p.pos] == sep {
		p.pos++
		next, err := item()
		if err != nil {
			return node{}, err
		}
		n.kids = append(n.kids, next)
	}
	if len(n.kids) == 1 {
		return first, nil
	}
	return n, nil
}

// sequence = { text | group | optional | list | rule }
func (p *parser) sequence() (node, error) {
	n := node{kind: kindSeq}
	for p.pos < len(p.src) && !strings.ContainsRune("|;)]", p.src[p.pos]) {
		kid, err := p.element()
		if err != nil {
			return node{}, err
		}
		n.kids = append(n.kids, kid)
	}
	if len(n.kids) == 1 {
		return n.kids[0], nil
	}
	return n, nil
}

func (p *parser) element() (node, error) {
	switch p.src[p.pos] {
	case '(':
		return p.group(')')
	case '[':
		inner, err := p.group(']')
		if err != nil {
			return node{}, err
		}
		return optional(inner), nil
	case '{':
		name, err := p.until('}')
		if err != nil {
			return node{}, err
		}
		list, slot, ok := strings.Cut(name, ":")
		if !ok {
			slot = list
		}
		return node{kind: kindList, text: list, slot: slot}, nil
	case '<':
		return p.rule()
	}
	start := p.pos
	for p.pos < len(p.src) && !strings.ContainsRune("|;()[]{}<>", p.src[p.pos]) {
		p.pos++
	}
	if p.pos == start {
		return node{}, fmt.Errorf("unexpected %q at %d", p.src[p.pos], p.pos)
	}
	return node{kind: kindText, text: string(p.src[start:p.pos])}, nil
}

func (p *parser) group(end rune) (node, error) {
	open := p.pos
	p.pos++
	n, err := p.alternatives()
	if err != nil {
		return node{}, err
	}
	if p.pos >= len(p.src) || p.src[p.pos] != end {
		return node{}, fmt.Errorf("%q at %d is not closed", p.src[open], open)
	}
	p.pos++
	return n, nil
}

func (p *parser) rule() (node, error) {
	name, err := p.until('>')
	if err != nil {
		return node{}, err
	}
	body, ok := p.rules(name)
	if !ok {
		return node{}, fmt.Errorf("no rule <%s>", name)
	}
	return parseAt(body, p.rules, p.depth+1)
}

// until reads what stands between the bracket at the position and end.
func (p *parser) until(end rune) (string, error) {
	start := p.pos + 1
	for i := start; i < len(p.src); i++ {
		if p.src[i] == end {
			p.pos = i + 1
			return strings.TrimSpace(string(p.src[start:i])), nil
		}
	}
	return "", fmt.Errorf("%q at %d is not closed", p.src[p.pos], p.pos)
}

// optional leaves inner out in half of the draws, however many choices it has.
func optional(inner node) node {
	return node{kind: kindAlt, kids: []node{{kind: kindSeq}, inner}}
}

// withoutLatin removes the choices that are written with Latin letters: some
// Chinese templates carry English words that nobody would say. It reports
// false when nothing is left.
func (n node) withoutLatin() (node, bool) {
	switch n.kind {
	case kindText:
		return n, !strings.ContainsFunc(n.text, func(r rune) bool { return r < unicode.MaxASCII && unicode.IsLetter(r) })
	case kindList:
		return n, true
	}
	kept := make([]node, 0, len(n.kids))
	for _, kid := range n.kids {
		k, ok := kid.withoutLatin()
		if ok {
			kept = append(kept, k)
		} else if n.kind != kindAlt {
			return node{}, false
		}
	}
	if len(kept) == 0 && len(n.kids) > 0 {
		return node{}, false
	}
	n.kids = kept
	return n, true
}
