package jinja

import "fmt"

// parser reads tokens. Its methods are named by what they read.
type parser struct {
	tokens []token
	at     int
	depth  int
	loops  int             // around the current place
	used   map[string]bool // names in the macro that is read
}

func parse(source string) (body block, err error) {
	defer recoverTo(&err)
	if len(source) > MaxSource {
		return nil, fmt.Errorf("it has %d bytes, more than %d", len(source), MaxSource)
	}
	p := &parser{tokens: lex(valid(source)), used: map[string]bool{}}
	body = p.block()
	if t := p.peek(); t.kind != eof {
		syntaxError(t.line, "unexpected %v", t)
	}
	return body, nil
}

func (p *parser) peek() token { return p.tokens[p.at] }

func (p *parser) next() token {
	t := p.tokens[p.at]
	if t.kind != eof {
		p.at++
	}
	return t
}

// after is the token behind the next.
func (p *parser) after() token { return p.tokens[min(p.at+1, len(p.tokens)-1)] }

func (t token) is(k kind, text string) bool { return t.kind == k && t.text == text }

// skip takes a token if it is next.
func (p *parser) skip(k kind, text string) bool {
	if !p.peek().is(k, text) {
		return false
	}
	p.at++
	return true
}

func (p *parser) op(text string) bool   { return p.skip(operator, text) }
func (p *parser) word(text string) bool { return p.skip(name, text) }

func (p *parser) want(k kind, text string) {
	if t := p.peek(); !p.skip(k, text) {
		syntaxError(t.line, "%v where %q is wanted", t, text)
	}
}

func (p *parser) name() string {
	t := p.next()
	if t.kind != name {
		syntaxError(t.line, "%v where a name is wanted", t)
	}
	return t.text
}

// deeper counts a level of nesting; the caller takes it back.
func (p *parser) deeper() {
	if p.depth++; p.depth > maxBrackets {
		syntaxError(p.peek().line, "the template nests deeper than %d", maxBrackets)
	}
}

// block reads up to the end of the template or to a statement that it does not
// know, before its name.
func (p *parser) block() block {
	p.deeper()
	defer func() { p.depth-- }()
	var b block
	for {
		switch t := p.peek(); {
		case t.kind == data:
			b = append(b, &output{t.line, &literal{Own(t.text)}})
			p.at++
		case t.kind == variableBegin:
			p.at++
			b = append(b, &output{t.line, p.tuple(true)})
			p.want(variableEnd, "}}")
		case t.kind == blockBegin && !ending[p.after().text]:
			p.at++
			b = append(b, p.statement(t.line))
		default:
			return b
		}
	}
}

// ending are the statements that end or divide another.
var ending = map[string]bool{
	"elif": true, "else": true, "endif": true, "endfor": true, "endset": true, "endmacro": true,
	"endcall": true, "endfilter": true, "endwith": true, "endgeneration": true,
}

// body reads a block from behind a tag's content to one of the statements that
// end it, which it returns.
func (p *parser) body(ends ...string) (block, string) {
	p.op(":")
	p.want(blockEnd, "%}")
	begun := p.peek().line
	b := p.block()
	t := p.peek()
	for _, end := range ends {
		if t.kind == blockBegin && p.after().is(name, end) {
			p.at += 2
			return b, end
		}
	}
	syntaxError(begun, "a block does not end; %s is wanted", ends[len(ends)-1])
	return nil, ""
}

// whole reads a block and the tag that ends it.
func (p *parser) whole(end string) block {
	b, _ := p.body(end)
	p.want(blockEnd, "%}")
	return b
}
