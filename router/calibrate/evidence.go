package calibrate

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Evidence is what is known of an answer when its worth is judged.
type Evidence struct {
	Tokens   []Token
	Question string // the last thing that the user said
	// Answer is the text; a tool call's arguments, a JSON object, stand behind it.
	Answer string
}

// Token is what the engine reports about one generated token.
type Token struct {
	LogProb float32 `json:"logprob"` // natural logarithm of the token's probability
	Margin  float32 `json:"margin"`  // log-probability of the best token less that of the second best, >= 0
}

// maxText bounds how much of a question and of an answer is looked at, bytes.
const maxText = 16 << 10

// values are the arguments that an answer in JSON gives: every string and
// number, of nested objects alone where there are any, since a tool's name
// stands beside them. An answer that is no JSON has none.
func values(answer string) (texts, numbers []string) {
	decoder := json.NewDecoder(strings.NewReader(answer[:min(len(answer), maxText)]))
	decoder.UseNumber()
	for {
		var v any
		if decoder.Decode(&v) != nil {
			return texts, numbers
		}
		for _, leaf := range leaves(arguments(v), nil) {
			switch leaf := leaf.(type) {
			case string:
				texts = append(texts, strings.ToLower(leaf))
			case json.Number:
				numbers = append(numbers, leaf.String())
			default: // true, false
				texts = append(texts, fmt.Sprint(leaf))
			}
		}
	}
}

// arguments are the nested objects of an object, or all of it if it has none.
func arguments(v any) any {
	object, ok := v.(map[string]any)
	if !ok {
		return v
	}
	var nested []any
	for _, member := range object {
		if inner, ok := member.(map[string]any); ok {
			nested = append(nested, inner)
		}
	}
	if len(nested) == 0 {
		return v
	}
	return nested
}

// leaves appends the plain values within v; of an object in no order.
func leaves(v any, out []any) []any {
	switch v := v.(type) {
	case map[string]any:
		for _, member := range v {
			out = leaves(member, out)
		}
	case []any:
		for _, member := range v {
			out = leaves(member, out)
		}
	case nil:
	default:
		out = append(out, v)
	}
	return out
}

// lastText is the end of a question, lower case, no rune cut.
func lastText(question string) string {
	from := max(0, len(question)-maxText)
	for from < len(question) && !utf8.RuneStart(question[from]) {
		from++
	}
	return strings.ToLower(question[from:])
}

// words are the runs of letters and digits of a text in lower case; Chinese
// writes no spaces, so each of its characters counts.
func words(text string) []string {
	var out []string
	from := -1
	end := func(at int) {
		if from >= 0 {
			out, from = append(out, text[from:at]), -1
		}
	}
	for i, r := range text {
		switch {
		case unicode.Is(unicode.Han, r):
			end(i)
			out = append(out, string(r))
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			end(i)
		case from < 0:
			from = i
		}
	}
	end(len(text))
	return out
}

// isNumber reports whether a word is made of digits.
func isNumber(word string) bool {
	return !slices.ContainsFunc([]rune(word), func(r rune) bool { return r < '0' || r > '9' })
}
