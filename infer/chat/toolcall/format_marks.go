package toolcall

import (
	"errors"
	"strings"
)

const deepseekBegin = "<｜tool▁calls▁begin｜>"

// deepseek reads the formats of DeepSeek V3 and R1, and of V3.1:
//
//	<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>f
//	```json
//	{"a": 1}
//	```<｜tool▁call▁end｜><｜tool▁calls▁end｜>
//
//	<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{"a": 1}<｜tool▁call▁end｜><｜tool▁calls▁end｜>
func deepseek(p *Parser, _ string) error {
	return p.section("<｜tool▁call▁begin｜>", "<｜tool▁call▁end｜>", "<｜tool▁calls▁end｜>", func() error {
		name, err := p.in.name()
		if err != nil {
			return err
		}
		if err := p.in.want("<｜tool▁sep｜>"); err != nil {
			return err
		}
		if name == "function" && p.in.mark([]string{"{"}) == "" {
			return p.fenced()
		}
		return p.named(name, "")
	})
}

// fenced reads a name and arguments in a block of code.
func (p *Parser) fenced() error {
	name, err := p.in.name()
	if err != nil {
		return err
	}
	p.in.space()
	if err := p.in.want("```json"); err != nil {
		return err
	}
	if err := p.named(name, ""); err != nil {
		return err
	}
	return p.closing("```")
}

const kimiBegin = "<|tool_calls_section_begin|>"

// kimi is the format of Kimi K2, whose ids have the name in them:
//
//	<|tool_calls_section_begin|><|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>{"a": 1}<|tool_call_end|><|tool_calls_section_end|>
func kimi(p *Parser, _ string) error {
	return p.section("<|tool_call_begin|>", "<|tool_call_end|>", "<|tool_calls_section_end|>", func() error {
		id, err := p.in.name()
		if err != nil {
			return err
		}
		if err := p.in.want("<|tool_call_argument_begin|>"); err != nil {
			return err
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(id, "functions."), ":")
		if name == "" {
			return errors.New("its id names no function")
		}
		return p.named(name, id)
	})
}

// section reads calls, each between two marks, up to the mark that ends all.
func (p *Parser) section(begin, end, last string, call func() error) error {
	p.in.space()
	for {
		if err := p.in.want(begin); err != nil {
			return err
		}
		p.in.space()
		if err := call(); err != nil {
			return err
		}
		if err := p.closing(end); err != nil {
			return err
		}
		p.in.space()
		if p.in.mark([]string{begin}) == "" {
			return p.closing(last)
		}
	}
}

// functionTag is the format of functionary v3.1, and of Llama 3 with tools of
// the user's own:
//
//	<function=f>{"a": 1}</function>
func functionTag(p *Parser, mark string) error {
	if mark == pythonTag {
		return llamaTag(p, mark)
	}
	name, err := p.in.name()
	if err != nil {
		return err
	}
	if err := p.in.want(">"); err != nil {
		return err
	}
	if err := p.named(name, ""); err != nil {
		return err
	}
	return p.closing("</function>")
}
