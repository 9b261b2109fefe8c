package privacy

import (
	"bytes"
	"encoding/json"
	"strings"
)

// token is a string or a number of a JSON text.
type token struct {
	from, to int    // with the quotation marks
	value    string // decoded
	key      bool   // of an object
	number   bool
}

// isJSON reports whether a text is an object or an array.
func isJSON(text string) bool {
	t := strings.TrimLeft(text, " \t\r\n")
	return t != "" && (t[0] == '{' || t[0] == '[') && json.Valid([]byte(text))
}

// tokensOf are the strings and numbers of valid JSON.
func tokensOf(text string) []token {
	var all []token
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			t := stringToken(text, i)
			all = append(all, t)
			i = t.to - 1
		case c == '-' || digit(c):
			j := i
			for j < len(text) && strings.IndexByte("+-.0123456789eE", text[j]) >= 0 {
				j++
			}
			all = append(all, token{from: i, to: j, value: text[i:j], number: true})
			i = j - 1
		}
	}
	return all
}

func stringToken(text string, i int) token {
	j := i + 1
	for j < len(text) && text[j] != '"' {
		if text[j] == '\\' {
			j++
		}
		j++
	}
	j = min(j+1, len(text))
	t := token{from: i, to: j, value: text[i:j]}
	_ = json.Unmarshal([]byte(text[i:j]), &t.value) // valid before: the text was checked
	rest := strings.TrimLeft(text[j:min(len(text), j+16)], " \t\r\n")
	t.key = strings.HasPrefix(rest, ":")
	return t
}

// replaceTokens is the text with values replaced; what stays the same stays as it
// was written.
func replaceTokens(text string, replace func(token) string) string {
	var b strings.Builder
	last := 0
	for _, t := range tokensOf(text) {
		v := replace(t)
		if v == t.value {
			continue
		}
		b.WriteString(text[last:t.from])
		b.WriteString(`"` + escaped(v) + `"`)
		last = t.to
	}
	if last == 0 {
		return text
	}
	b.WriteString(text[last:])
	return b.String()
}

// escaped is a text as it stands within a JSON string.
func escaped(text string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(text) // of a string it cannot fail
	s := strings.TrimSuffix(b.String(), "\n")
	return s[1 : len(s)-1]
}
