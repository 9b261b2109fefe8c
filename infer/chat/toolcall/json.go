package toolcall

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// maxNesting bounds how deep arguments nest.
const maxNesting = 100

// value reads a JSON value and passes it on as it is written, without the white
// space around it.
func (p *Parser) value(depth int, out func(text string)) error {
	if depth > maxNesting {
		return fmt.Errorf("its arguments nest deeper than %d", maxNesting)
	}
	c, err := p.in.peek()
	if err != nil {
		return err
	}
	switch c {
	case '{':
		return p.enclosed("}", out, func() error {
			if err := p.quoted(out); err != nil {
				return err
			}
			out(p.in.space())
			if err := p.in.want(":"); err != nil {
				return err
			}
			out(":" + p.in.space())
			return p.value(depth+1, out)
		})
	case '[':
		return p.enclosed("]", out, func() error { return p.value(depth+1, out) })
	case '"':
		return p.quoted(out)
	}
	return p.scalar(out)
}

// enclosed reads entries between brackets, with commas between them.
func (p *Parser) enclosed(last string, out func(string), entry func() error) error {
	out(p.in.take(1) + p.in.space())
	for first := true; ; first = false {
		if first && p.in.skip(last) {
			break
		}
		if err := entry(); err != nil {
			return err
		}
		out(p.in.space())
		if p.in.skip(last) {
			break
		}
		if err := p.in.want(","); err != nil {
			return err
		}
		out("," + p.in.space())
	}
	out(last)
	return nil
}

// quoted reads a string with its quotes.
func (p *Parser) quoted(out func(string)) error {
	if err := p.in.want(`"`); err != nil {
		return err
	}
	out(`"`)
	for {
		c, err := p.in.peek()
		switch {
		case err != nil:
			return err
		case c < 0x20:
			return fmt.Errorf("a string holds the raw character %q", c)
		case c == '\\':
			if err := p.escape(out); err != nil {
				return err
			}
			continue
		}
		out(p.in.rune())
		if c == '"' {
			return nil
		}
	}
}

func (p *Parser) escape(out func(string)) error {
	n := 2
	if p.in.has(2) && p.in.buf[1] == 'u' {
		n = 6
	}
	if !p.in.has(n) {
		return errEnds
	}
	if !json.Valid([]byte(`"` + p.in.buf[:n] + `"`)) {
		return errors.New("a string holds an escape that JSON does not know")
	}
	out(p.in.take(n))
	return nil
}

// maxScalar is longer than any number that means something.
const maxScalar = 400

// scalar reads a number, true, false or null.
func (p *Parser) scalar(out func(string)) error {
	var text []byte
	for p.in.has(1) && len(text) < maxScalar && strings.IndexByte("+-.", p.in.buf[0]) >= 0 || p.in.has(1) && len(text) < maxScalar && isWord(p.in.buf[0]) {
		text = append(text, p.in.take(1)...)
	}
	if !json.Valid(text) {
		if len(p.in.buf) == 0 {
			return errEnds
		}
		return errors.New("its arguments are not JSON")
	}
	out(string(text))
	return nil
}

func isWord(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// kept reads a value into a text.
func (p *Parser) kept() (string, error) {
	var b strings.Builder
	err := p.value(0, func(text string) { b.WriteString(text) })
	return b.String(), err
}

// string reads a string and returns what it stands for.
func (p *Parser) string() (string, error) {
	var b strings.Builder
	if err := p.quoted(func(text string) { b.WriteString(text) }); err != nil {
		return "", err
	}
	var s string
	err := json.Unmarshal([]byte(b.String()), &s)
	return s, err
}

// object reads the arguments of a call that has begun: an object, passed on as
// it comes.
func (p *Parser) object() error {
	c, err := p.in.peek()
	if err != nil {
		return err
	}
	if c != '{' {
		return errors.New("its arguments are no object")
	}
	return p.value(0, p.arguments)
}

// call reads {"name": ..., "arguments": {...}}; families differ in the names of
// the entries. strict says that an object counts as a call only if it has both.
func (p *Parser) call(strict bool) error {
	var c object
	err := p.entries(&c, strict)
	if err != nil && strict && c.name == "" {
		return errNone
	}
	return err
}

func (p *Parser) entries(c *object, strict bool) error {
	if err := p.in.want("{"); err != nil {
		return err
	}
	for {
		p.in.space()
		if err := p.entry(c); err != nil {
			return err
		}
		p.in.space()
		if p.in.skip("}") {
			return p.close(c, strict)
		}
		if err := p.in.want(","); err != nil {
			return err
		}
	}
}

// object is a call in JSON as far as it was read.
type object struct {
	name, id  string
	arguments string // read before the name was
	begun     bool   // the arguments were
}

// close ends a call whose object is complete.
func (p *Parser) close(c *object, strict bool) error {
	switch {
	case strict && !c.begun && c.arguments == "":
		return errNone
	case c.name == "":
		return errors.New("it names no function")
	case !c.begun:
		if c.arguments == "" {
			c.arguments = "{}"
		}
		p.whole(c.name, c.id, c.arguments)
	default:
		p.end(c.id)
	}
	return nil
}

// entry reads one entry of a call.
func (p *Parser) entry(c *object) error {
	key, err := p.string()
	if err != nil {
		return err
	}
	p.in.space()
	if err := p.in.want(":"); err != nil {
		return err
	}
	p.in.space()
	switch key {
	case "name", "tool_name":
		if c.name != "" {
			return errors.New("it names two functions")
		}
		c.name, err = p.string()
		return err
	case "arguments", "parameters":
		return p.entryArguments(c)
	case "id", "tool_call_id":
		c.id, err = p.kept()
		_ = json.Unmarshal([]byte(c.id), &c.id) // a number stays as it is
		return err
	}
	_, err = p.kept()
	return err
}

// entryArguments reads the arguments: at once to the caller if the name is
// known, an object, a string that holds one, or null.
func (p *Parser) entryArguments(c *object) error {
	if c.begun || c.arguments != "" {
		return errors.New("it has arguments twice")
	}
	first, err := p.in.peek()
	if err == nil && first == '{' && c.name != "" {
		c.begun = true
		p.start(c.name, c.id)
		return p.object()
	}
	if err != nil {
		return err
	}
	if c.arguments, err = p.kept(); err != nil {
		return err
	}
	if first == '"' {
		_ = json.Unmarshal([]byte(c.arguments), &c.arguments) // it was read as a string
	}
	if c.arguments == "null" {
		c.arguments = "{}"
	}
	if !json.Valid([]byte(c.arguments)) || !strings.HasPrefix(strings.TrimLeft(c.arguments, " \t\r\n"), "{") {
		return errors.New("its arguments are no object")
	}
	return nil
}

// list reads calls in a JSON list.
func (p *Parser) list() error {
	if err := p.in.want("["); err != nil {
		return err
	}
	for {
		p.in.space()
		if err := p.call(false); err != nil {
			return err
		}
		p.in.space()
		if p.in.skip("]") {
			return nil
		}
		if err := p.in.want(","); err != nil {
			return err
		}
	}
}
