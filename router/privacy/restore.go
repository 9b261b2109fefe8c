package privacy

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/a472be26/cusp/router"
)

// Mapping has what each placeholder stands for.
type Mapping map[string]string

// Text is an answer with the values put back. In what is JSON by its beginning they
// are escaped, so that it stays JSON.
func (m Mapping) Text(text string) string {
	s := m.stream(false)
	return s.add(text) + s.end()
}

// JSON is Text for what is known to be JSON, such as the arguments of a tool call.
func (m Mapping) JSON(text string) string {
	s := m.stream(true)
	return s.add(text) + s.end()
}

// answer is an answer of the cloud with the values put back.
func (m Mapping) answer(q router.Question, a router.CloudAnswer) router.CloudAnswer {
	text := m.stream(wantsJSON(q))
	a.Text = text.add(a.Text) + text.end()
	a.Reasoning = m.Text(a.Reasoning)
	a.ToolCalls = pen{json: m.JSON, text: m.JSON}.calls(a.ToolCalls)
	return a
}

// question is a question that was hidden as it was before.
func (m Mapping) question(q router.Question) router.Question {
	text := func(t string) string {
		s := m.stream(false)
		s.plain = true
		return s.add(t) + s.end()
	}
	return pen{text: text, json: m.JSON}.question(q)
}

// counts is how many values there are, by category.
func (m Mapping) counts() map[string]int {
	n := map[string]int{}
	for p := range m {
		category, _, _ := strings.Cut(strings.TrimPrefix(p, "<"), "_")
		n[strings.ToLower(category)]++
	}
	return n
}

// wantsJSON reports whether a question asks for an answer in JSON.
func wantsJSON(q router.Question) bool {
	var format struct{ Type string }
	_ = json.Unmarshal(q.Options.ResponseFormat, &format) // what is no format asks for nothing
	return format.Type != "" && format.Type != "text"
}

// stream restores an answer that comes in pieces. What may be the beginning of a
// placeholder is held back until that is certain, and nothing else.
type stream struct {
	mapping Mapping
	names   []string // sorted
	json    bool     // the answer is JSON
	plain   bool     // it is text, whatever it begins with
	head    string   // the first bytes of the answer that are no space, until json is certain
	held    string
}

func (m Mapping) stream(isJSON bool) *stream {
	names := make([]string, 0, len(m))
	for p := range m {
		names = append(names, p)
	}
	slices.Sort(names)
	return &stream{mapping: m, names: names, json: isJSON}
}

// headBytes are enough to tell JSON from text.
const headBytes = 16

// add takes a piece and returns what can be shown.
func (s *stream) add(piece string) string {
	if len(s.head) < headBytes {
		head := strings.TrimLeft(s.head+piece, " \t\r\n")
		s.head = head[:min(headBytes, len(head))]
	}
	text := s.held + piece
	s.held = ""
	var b strings.Builder
	for text != "" {
		k := s.opening(text)
		b.WriteString(text[:k])
		if text = text[k:]; text == "" {
			break
		}
		name, n, partial := s.name(text)
		switch {
		case partial:
			s.held = text
			return b.String()
		case n > 0:
			b.WriteString(s.value(name))
			text = text[n:]
		default:
			n = 1
			if text[0] == '\\' { // with what it escapes
				n = min(2, len(text))
			}
			b.WriteString(text[:n])
			text = text[n:]
		}
	}
	return b.String()
}

// end returns what was held back.
func (s *stream) end() string {
	held := s.held
	s.held = ""
	return held
}

// opening is where the next placeholder may begin, the end of the text if nowhere.
func (s *stream) opening(text string) int {
	marks := "<"
	if s.isJSON() {
		marks = `<\`
	}
	if k := strings.IndexAny(text, marks); k >= 0 {
		return k
	}
	return len(text)
}

// value is what a placeholder stands for, as it is written here.
func (s *stream) value(name string) string {
	if s.isJSON() {
		return escaped(s.mapping[name])
	}
	return s.mapping[name]
}

// isJSON tells by the beginning whether the answer is JSON.
func (s *stream) isJSON() bool {
	if s.json || s.plain {
		return s.json
	}
	head := strings.TrimLeft(strings.TrimPrefix(strings.TrimPrefix(s.head, "```json"), "```"), " \t\r\n")
	switch {
	case strings.HasPrefix(head, "{"):
		return true
	case strings.HasPrefix(head, "["):
		next := strings.TrimLeft(head[1:], " \t\r\n")
		return next != "" && strings.IndexByte(`{["-0123456789]<\`, next[0]) >= 0
	}
	return false
}

// name reads a placeholder at the beginning of a text that begins with < or a
// backslash: its name and how many bytes it takes, or whether the text ends within
// what may be one.
func (s *stream) name(text string) (name string, n int, partial bool) {
	first, n, partial := s.angle(text, "<", `\u003c`)
	if partial || n == 0 {
		return "", 0, partial
	}
	name = first
	for n < len(text) && (upper(text[n]) || digit(text[n]) || text[n] == '_') && len(name) < 24 {
		name += text[n : n+1]
		n++
	}
	if n == len(text) {
		return "", 0, s.begins(name)
	}
	last, more, partial := s.angle(text[n:], ">", `\u003e`)
	if partial {
		return "", 0, s.begins(name)
	}
	if _, known := s.mapping[name+last]; more == 0 || !known {
		return "", 0, false
	}
	return name + last, n + more, false
}

// angle reads one bracket, which JSON may have escaped.
func (s *stream) angle(text, plain, escape string) (string, int, bool) {
	if strings.HasPrefix(text, plain) {
		return plain, len(plain), false
	}
	if !s.isJSON() || text == "" || text[0] != '\\' {
		return "", 0, false
	}
	low := strings.ToLower(text[:min(len(text), len(escape))])
	if low == escape {
		return plain, len(escape), false
	}
	return "", 0, len(text) < len(escape) && strings.HasPrefix(escape, low)
}

// begins reports whether a known placeholder begins so.
func (s *stream) begins(prefix string) bool {
	i, _ := slices.BinarySearch(s.names, prefix)
	return i < len(s.names) && strings.HasPrefix(s.names[i], prefix)
}
