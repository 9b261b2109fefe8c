package jinja

// constants are names that are values.
var constants = map[string]bool{"true": true, "True": true, "false": true, "False": true, "none": true, "None": true}

// tuple reads one expression or several with commas, which make a tuple.
// conditions says whether they may have an if: a loop's list has its own.
func (p *parser) tuple(conditions bool) expression {
	one := p.expression
	if !conditions {
		one = p.or
	}
	first := one()
	if !p.peek().is(operator, ",") {
		return first
	}
	all := &sequenceOf{items: []expression{first}, tuple: true}
	for p.op(",") {
		if p.endsTuple() {
			break
		}
		all.items = append(all.items, one())
	}
	return all
}

func (p *parser) endsTuple() bool {
	t := p.peek()
	return t.kind == variableEnd || t.kind == blockEnd || t.is(operator, ")") || t.is(name, "recursive")
}

// expression reads a value with its conditions.
func (p *parser) expression() expression {
	p.deeper()
	defer func() { p.depth-- }()
	e := p.or()
	for p.word("if") {
		c := &conditional{value: e, condition: p.or()}
		if p.word("else") {
			c.otherwise = p.expression()
		}
		e = c
	}
	return e
}

func (p *parser) or() expression {
	e := p.and()
	for p.word("or") {
		e = &logical{e, p.and(), true}
	}
	return e
}

func (p *parser) and() expression {
	e := p.not()
	for p.word("and") {
		e = &logical{e, p.not(), false}
	}
	return e
}

func (p *parser) not() expression {
	if !p.word("not") {
		return p.comparison()
	}
	p.deeper()
	defer func() { p.depth-- }()
	return &not{p.not()}
}

var comparisons = map[string]bool{"==": true, "!=": true, "<": true, "<=": true, ">": true, ">=": true}

func (p *parser) comparison() expression {
	first := p.sum()
	var links []link
	for {
		t := p.peek()
		switch {
		case t.kind == operator && comparisons[t.text], t.is(name, "in"):
			p.at++
			links = append(links, link{t.text, p.sum()})
		case t.is(name, "not") && p.after().is(name, "in"):
			p.at += 2
			links = append(links, link{"not in", p.sum()})
		case links == nil:
			return first
		default:
			return &comparison{first, links}
		}
	}
}

func (p *parser) sum() expression { return p.binary(p.concat, "+", "-") }

func (p *parser) concat() expression {
	first := p.product()
	if !p.peek().is(operator, "~") {
		return first
	}
	all := &concat{[]expression{first}}
	for p.op("~") {
		all.parts = append(all.parts, p.product())
	}
	return all
}

func (p *parser) product() expression { return p.binary(p.power, "*", "/", "//", "%") }

func (p *parser) power() expression {
	return p.binary(func() expression { return p.unary(true) }, "**")
}

func (p *parser) binary(operand func() expression, operators ...string) expression {
	e := operand()
next:
	for {
		for _, op := range operators {
			if p.op(op) {
				e = &arithmetic{op, e, operand()}
				continue next
			}
		}
		return e
	}
}

// unary reads a value with its sign, what is behind it and its filters, which
// apply to the value with its sign.
func (p *parser) unary(filters bool) expression {
	p.deeper()
	defer func() { p.depth-- }()
	var e expression
	switch {
	case p.op("-"):
		e = &negation{p.unary(false)}
	case p.op("+"):
		e = p.unary(false)
	default:
		e = p.primary()
	}
	e = p.postfix(e)
	if filters {
		e = p.filtered(e)
	}
	return e
}

func (p *parser) primary() expression {
	t := p.next()
	switch {
	case t.kind == name:
		return p.named(t.text)
	case t.kind == text:
		s := t.text
		for p.peek().kind == text {
			s += p.next().text
		}
		return &literal{Own(s)}
	case t.kind == integerNumber:
		return &literal{t.integer()}
	case t.kind == floatNumber:
		return &literal{t.float()}
	case t.is(operator, "("):
		return p.parenthesis()
	case t.is(operator, "["):
		return &sequenceOf{items: p.list("]")}
	case t.is(operator, "{"):
		return p.dict()
	}
	syntaxError(t.line, "unexpected %v", t)
	return nil
}

func (p *parser) named(id string) expression {
	switch id {
	case "true", "True":
		return &literal{true}
	case "false", "False":
		return &literal{false}
	case "none", "None":
		return &literal{nil}
	}
	p.used[id] = true
	return variable(id)
}

func (p *parser) parenthesis() expression {
	if p.op(")") {
		return &sequenceOf{tuple: true}
	}
	e := p.tuple(true)
	p.want(operator, ")")
	return e
}

// list reads expressions up to the closing bracket.
func (p *parser) list(end string) (items []expression) {
	for !p.op(end) {
		if len(items) > 0 {
			p.want(operator, ",")
			if p.op(end) {
				break
			}
		}
		items = append(items, p.expression())
	}
	return items
}

func (p *parser) dict() expression {
	d := &dictOf{}
	for !p.op("}") {
		if len(d.keys) > 0 {
			p.want(operator, ",")
			if p.op("}") {
				break
			}
		}
		d.keys = append(d.keys, p.expression())
		p.want(operator, ":")
		d.values = append(d.values, p.expression())
	}
	return d
}

// postfix reads the attributes, elements and calls behind a value.
func (p *parser) postfix(e expression) expression {
	for {
		switch {
		case p.op("."):
			e = p.attribute(e)
		case p.op("["):
			e = p.subscript(e)
		case p.op("("):
			e = &call{e, p.arguments()}
		default:
			return e
		}
	}
}

func (p *parser) attribute(of expression) expression {
	switch t := p.next(); t.kind {
	case name:
		return &attribute{of, Own(t.text)}
	case integerNumber:
		return &element{of, &literal{t.integer()}}
	default:
		syntaxError(t.line, "%v where a name or a number is wanted", t)
		return nil
	}
}

func (p *parser) subscript(of expression) expression {
	var all []expression
	for !p.op("]") {
		if len(all) > 0 {
			p.want(operator, ",")
		}
		if p.peek().is(operator, ":") {
			return p.slice(of, nil)
		}
		e := p.expression()
		if p.peek().is(operator, ":") && all == nil {
			return p.slice(of, e)
		}
		all = append(all, e)
	}
	if len(all) == 1 {
		return &element{of, all[0]}
	}
	return &element{of, &sequenceOf{items: all, tuple: true}}
}

// slice reads the rest of [from:to:step], from the colon on.
func (p *parser) slice(of, from expression) expression {
	s := &slice{of: of, from: from}
	p.want(operator, ":")
	if t := p.peek(); !t.is(operator, ":") && !t.is(operator, "]") {
		s.to = p.expression()
	}
	if p.op(":") && !p.peek().is(operator, "]") {
		s.step = p.expression()
	}
	p.want(operator, "]")
	return s
}

// arguments reads those of a call, behind its parenthesis.
func (p *parser) arguments() (a arguments) {
	for first := true; !p.op(")"); first = false {
		if !first {
			p.want(operator, ",")
			if p.op(")") {
				break
			}
		}
		switch t := p.peek(); {
		case p.op("*"):
			a.list = p.expression()
		case p.op("**"):
			a.dict = p.expression()
		case t.kind == name && p.after().is(operator, "="):
			p.at += 2
			a.named = append(a.named, named{t.text, p.expression()})
		case a.named != nil || a.list != nil || a.dict != nil:
			syntaxError(t.line, "an argument without a name follows one with")
		default:
			a.plain = append(a.plain, p.expression())
		}
	}
	return a
}

// filtered reads the filters and tests behind a value.
func (p *parser) filtered(e expression) expression {
	for {
		switch {
		case p.peek().is(operator, "|"):
			e = p.filters(e)
		case p.word("is"):
			e = p.test(e)
		case p.op("("):
			e = &call{e, p.arguments()}
		default:
			return e
		}
	}
}

func (p *parser) filters(e expression) expression {
	for p.op("|") {
		e = p.filter(e)
	}
	return e
}

func (p *parser) filter(e expression) expression {
	f := &filter{of: e, name: p.name()}
	if p.op("(") {
		f.args = p.arguments()
	}
	return f
}

func (p *parser) test(e expression) expression {
	negated := p.word("not")
	t := &test{of: e, name: p.name()}
	if p.op("(") {
		t.args = p.arguments()
	} else if p.startsArgument() {
		t.args.plain = []expression{p.postfix(p.primary())}
	}
	if negated {
		return &not{t}
	}
	return t
}

// startsArgument reports whether the argument of a test without parentheses is next.
func (p *parser) startsArgument() bool {
	switch t := p.peek(); t.kind {
	case text, integerNumber, floatNumber:
		return true
	case operator:
		return t.text == "[" || t.text == "{"
	case name:
		if t.text == "is" {
			syntaxError(t.line, "tests cannot be chained")
		}
		return t.text != "else" && t.text != "or" && t.text != "and" && t.text != "if" && t.text != "in" && t.text != "not"
	}
	return false
}
