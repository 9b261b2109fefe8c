package toolcall

import "errors"

// closing takes a mark that ends a call. Where the answer ends, the model left
// it out: the call is complete without.
func (p *Parser) closing(mark string) error {
	p.in.space()
	if !p.in.has(1) {
		return nil
	}
	return p.in.want(mark)
}

// hermes is the format of Hermes, Qwen 2.5 and Qwen 3:
//
//	<tool_call>
//	{"name": "f", "arguments": {"a": 1}}
//	</tool_call>
func hermes(p *Parser, _ string) error {
	p.in.space()
	if err := p.call(false); err != nil {
		return err
	}
	return p.closing("</tool_call>")
}

// listUntil is a JSON list of calls with a mark behind it, or none.
func listUntil(mark string) func(*Parser, string) error {
	return func(p *Parser, _ string) error {
		p.in.space()
		if err := p.list(); err != nil || mark == "" {
			return err
		}
		return p.closing(mark)
	}
}

const pythonTag = "<|python_tag|>"

// llamaTag is what Llama 3 writes behind its python tag, where it does not
// leave that out.
func llamaTag(p *Parser, _ string) error {
	p.in.space()
	return p.objects(false)
}

// llama is the format of Llama 3, which begins the answer:
//
//	{"name": "f", "parameters": {"a": 1}}
func llama(p *Parser) error {
	if p.in.mark([]string{"{"}) == "" {
		return errNone
	}
	return p.objects(true)
}

// objects reads calls with semicolons or nothing between them.
func (p *Parser) objects(strict bool) error {
	for {
		if err := p.call(strict); err != nil {
			return err
		}
		strict = false
		p.in.space()
		if p.in.skip(";") {
			p.in.space()
		}
		if p.in.mark([]string{"{"}) == "" {
			return nil
		}
	}
}

const mistralBegin = "[TOOL_CALLS]"

// mistral reads both formats of Mistral:
//
//	[TOOL_CALLS][{"name": "f", "arguments": {"a": 1}, "id": "000000000"}]
//	[TOOL_CALLS]f[CALL_ID]000000000[ARGS]{"a": 1}
func mistral(p *Parser, _ string) error {
	p.in.space()
	switch p.in.mark([]string{"[", "{"}) {
	case "[":
		return p.list()
	case "{":
		return p.call(false)
	}
	name, err := p.in.name()
	if err != nil {
		return err
	}
	id := ""
	if p.in.skip("[CALL_ID]") {
		if id, err = p.in.name(); err != nil {
			return err
		}
	}
	if p.in.mark([]string{"{"}) == "" { // some leave the mark out
		if err := p.in.want("[ARGS]"); err != nil {
			return err
		}
	}
	return p.named(name, id)
}

// named reads the arguments behind a name.
func (p *Parser) named(name, id string) error {
	p.in.space()
	if p.in.mark([]string{"{"}) == "" {
		if len(p.in.buf) == 0 {
			return errEnds
		}
		return errors.New("its arguments are no object")
	}
	p.start(name, id)
	if err := p.object(); err != nil {
		return err
	}
	p.end(id)
	return nil
}

// nameLine is the format of GLM-4, which begins the answer:
//
//	f
//	{"a": 1}
func nameLine(p *Parser) error {
	name, err := p.in.name()
	if err != nil || !p.types.know(name) || !p.in.skip("\n") || p.in.mark([]string{"{"}) == "" {
		return errNone
	}
	return p.named(name, "")
}

const recipientMark = ">>>"

// recipient is the format of functionary v3.2, where each part begins with who
// it is for, all being the user:
//
//	>>>f
//	{"a": 1}
func recipient(p *Parser, _ string) error {
	name, err := p.in.name()
	if err != nil {
		return err
	}
	if err := p.in.want("\n"); err != nil || name == "all" {
		return err
	}
	return p.named(name, "")
}

// bareRecipient is recipient for the part that the prompt begins.
func bareRecipient(p *Parser) error {
	name, err := p.in.name()
	switch {
	case err != nil || name != "all" && !p.types.know(name) || !p.in.skip("\n"):
		return errNone
	case name == "all":
		return nil
	}
	return p.named(name, "")
}
