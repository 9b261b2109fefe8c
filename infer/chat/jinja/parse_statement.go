package jinja

// statement reads one of the statements that a chat template may use, from its
// name on. Left out are those that read other templates.
func (p *parser) statement(line int) statement {
	t := p.next()
	switch t.text {
	case "break":
		return p.jump(t, breaks)
	case "call":
		return p.call(line)
	case "continue":
		return p.jump(t, continues)
	case "do":
		s := &evaluation{line, p.tuple(true)}
		p.want(blockEnd, "%}")
		return s
	case "filter":
		return p.filterBlock(line)
	case "for":
		return p.forLoop(line)
	case "generation":
		return &scoped{line, p.inner("endgeneration")}
	case "if":
		return p.ifElse(line)
	case "macro":
		return p.macro(line)
	case "set":
		return p.set(line)
	case "with":
		return p.with(line)
	}
	syntaxError(line, "statement %v is not known or not allowed in a chat template", t)
	return nil
}

func (p *parser) jump(t token, to flow) statement {
	if p.loops == 0 {
		syntaxError(t.line, "%s outside a loop", t.text)
	}
	p.want(blockEnd, "%}")
	return jump(to)
}

func (p *parser) ifElse(line int) statement {
	s := &ifElse{line: line}
	for {
		condition := p.tuple(false)
		body, end := p.body("elif", "else", "endif")
		s.branches = append(s.branches, branch{condition, body})
		switch end {
		case "elif":
			continue
		case "else":
			s.otherwise = p.whole("endif")
		default:
			p.want(blockEnd, "%}")
		}
		return s
	}
}

func (p *parser) forLoop(line int) statement {
	s := &forLoop{line: line, target: p.target(false)}
	p.want(name, "in")
	s.over = p.tuple(false)
	if p.word("if") {
		s.test = p.expression()
	}
	s.recursive = p.word("recursive")
	p.loops++
	body, end := p.body("else", "endfor")
	p.loops--
	s.body = body
	if end == "else" {
		s.otherwise = p.whole("endfor")
		return s
	}
	p.want(blockEnd, "%}")
	return s
}

func (p *parser) set(line int) statement {
	target := p.target(true)
	if p.op("=") {
		s := &assignment{line, target, p.tuple(true)}
		p.want(blockEnd, "%}")
		return s
	}
	filters := p.filters(captured)
	return &capture{line, p.whole("endset"), filters, target}
}

// inner reads a block that loops around it do not reach into.
func (p *parser) inner(end string) block {
	loops := p.loops
	p.loops = 0
	defer func() { p.loops = loops }()
	return p.whole(end)
}

func (p *parser) filterBlock(line int) statement {
	filters := p.filters(p.filter(captured))
	return &capture{line, p.whole("endfilter"), filters, nil}
}

func (p *parser) with(line int) statement {
	s := &with{line: line}
	for p.peek().kind != blockEnd {
		if len(s.targets) > 0 {
			p.want(operator, ",")
		}
		s.targets = append(s.targets, p.target(false))
		p.want(operator, "=")
		s.values = append(s.values, p.expression())
	}
	s.body = p.whole("endwith")
	return s
}

func (p *parser) macro(line int) statement {
	d := &definition{line: line, name: p.name()}
	p.signature(d)
	p.macroBody(d, "endmacro")
	return d
}

// call reads a call whose caller function is the block.
func (p *parser) call(line int) statement {
	d := &definition{line: line, name: "caller"}
	if p.peek().is(operator, "(") {
		p.signature(d)
	}
	target := p.peek()
	c, ok := p.expression().(*call)
	if !ok {
		syntaxError(target.line, "call: a call is wanted")
	}
	p.macroBody(d, "endcall")
	return &callBlock{line, c, d}
}

func (p *parser) macroBody(d *definition, end string) {
	around := p.used
	p.used = map[string]bool{}
	d.body = p.inner(end)
	d.used = p.used
	p.used = around
	for name := range d.used {
		around[name] = true
	}
}

func (p *parser) signature(d *definition) {
	p.want(operator, "(")
	for !p.peek().is(operator, ")") {
		if len(d.params) > 0 {
			p.want(operator, ",")
		}
		param := param{name: p.name()}
		if p.op("=") {
			param.otherwise = p.expression()
		} else if n := len(d.params); n > 0 && d.params[n-1].otherwise != nil {
			syntaxError(p.peek().line, "parameter %s without a default follows one with", param.name)
		}
		d.params = append(d.params, param)
	}
	p.want(operator, ")")
}

// target reads what a value is assigned to: a name, several, or, where attrs
// says so, the attribute of a namespace.
func (p *parser) target(attrs bool) target {
	first := p.oneTarget(attrs)
	if !p.peek().is(operator, ",") {
		return first
	}
	all := targets{first}
	for p.op(",") {
		if t := p.peek(); t.kind != name && !t.is(operator, "(") || t.is(name, "in") {
			break
		}
		all = append(all, p.oneTarget(attrs))
	}
	return all
}

func (p *parser) oneTarget(attrs bool) target {
	if p.op("(") {
		p.deeper()
		defer func() { p.depth-- }()
		t := p.target(attrs)
		p.want(operator, ")")
		return t
	}
	t := p.peek()
	id := p.name()
	if constants[id] {
		syntaxError(t.line, "can't assign to %s", id)
	}
	if attrs && p.op(".") {
		return &attributeTarget{id, p.name()}
	}
	if t := p.peek(); t.is(operator, ".") || t.is(operator, "[") {
		syntaxError(t.line, "only names and attributes of namespaces can be set")
	}
	return nameTarget(id)
}
