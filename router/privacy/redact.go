package privacy

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Mode is what becomes of a question in which a category is found.
type Mode string

// Modes of a category.
const (
	Redact Mode = "redact"  // the cloud sees a placeholder
	Keep   Mode = "private" // the question stays on the device
	Allow  Mode = "allow"   // the value may leave
)

// maxValues is how many values one question may hide.
const maxValues = 4096

// Errors for which a question cannot be redacted.
var (
	errTooLong = errors.New("the texts are too long to be searched")
	errUnread  = errors.New("a text came up that was not searched")
	errTooMany = fmt.Errorf("there are more than %d values to hide", maxValues)
)

// Modes are those of all categories; one that is missing is redacted.
type Modes map[Category]Mode

func (m Modes) of(c Category) Mode {
	if mode := m[c]; mode != "" {
		return mode
	}
	return Redact
}

// redaction replaces values in the texts of one question. It reads all texts first
// (learn), then gives placeholders in the order of the texts (name), and then
// replaces (hide). A value that is known from one text is replaced in all of them.
type redaction struct {
	modes Modes
	left  int // bytes of text that may yet be read
	err   error

	found    map[string][]Finding // by text
	whole    map[string]Category  // values in JSON that are of a category as a whole
	literals map[string]bool      // what looks like a placeholder already
	order    []value
	known    map[string]string // placeholders by value
	spread   trie              // values that are replaced wherever they stand
	private  map[Category]bool // categories found whose mode is private

	Mapping Mapping
}

type value struct {
	category Category
	text     string
}

func newRedaction(modes Modes, max int) *redaction {
	return &redaction{
		modes: modes, left: max, found: map[string][]Finding{}, whole: map[string]Category{}, literals: map[string]bool{},
		known: map[string]string{}, private: map[Category]bool{}, Mapping: Mapping{},
	}
}

// placeholder is a name of the shape that we give.
var placeholder = regexp.MustCompile(`<[A-Z]{2,10}_[0-9]{1,9}>`)

// learn reads a text.
func (r *redaction) learn(text string) {
	if _, read := r.found[text]; read || r.err != nil {
		return
	}
	if r.take(text); r.err != nil {
		return
	}
	all, err := Find(text)
	if r.err = err; err != nil {
		return
	}
	r.found[text] = all
	for _, f := range all {
		r.note(f.Category, text[f.From:f.To])
	}
}

// take counts a text and notes what looks like placeholders in it.
func (r *redaction) take(text string) {
	if r.left -= len(text); r.left < 0 {
		r.err = errTooLong
		return
	}
	for _, l := range placeholder.FindAllString(text, -1) {
		r.literals[l] = true
	}
}

// learnJSON reads the strings and numbers of a JSON text, and what their places
// say of them: "hunter2" is a secret in {"password": "hunter2"}.
func (r *redaction) learnJSON(text string) {
	tokens := tokensOf(text)
	for _, t := range tokens {
		r.learn(t.value)
	}
	if r.take(text); r.err != nil {
		return
	}
	all, err := Find(text)
	r.err = err
	next := 0
	for _, f := range all { // its values are as JSON writes them, and not the ones to look for
		for ; next < len(tokens) && tokens[next].to <= f.From; next++ {
		}
		for k := next; k < len(tokens) && tokens[k].from < f.To; k++ {
			if t := tokens[k]; !t.key && len(r.found[t.value]) == 0 && t.value != "" {
				r.whole[t.value] = f.Category
				r.note(f.Category, t.value)
			}
		}
	}
}

// note keeps a value that was found.
func (r *redaction) note(c Category, text string) {
	switch r.modes.of(c) {
	case Keep:
		r.private[c] = true
	case Redact:
		if _, again := r.known[text]; again {
			return
		}
		if len(r.order) == maxValues {
			r.err = errTooMany
			return
		}
		r.known[text] = ""
		r.order = append(r.order, value{c, text})
	}
}

// name gives each value its placeholder, none that a text has already.
func (r *redaction) name() {
	last := map[Category]int{}
	for _, v := range r.order {
		var p string
		for p == "" || r.literals[p] {
			last[v.category]++
			p = fmt.Sprintf("<%s_%d>", strings.ToUpper(string(v.category)), last[v.category])
		}
		r.known[v.text], r.Mapping[p] = p, v.text
		if spreads(v) {
			r.spread.add(v.text, p)
		}
	}
}

// spreads reports whether a value is known by the words around it, so that it has to
// be looked for where other words, or none, are around.
func spreads(v value) bool {
	const shortest, longest = 4, 256
	switch v.category {
	case Name, Secret, Address, Phone:
		return len(v.text) >= shortest && len(v.text) <= longest
	}
	return false
}

// hide is the text with placeholders. One that was not learnt before is an error,
// which err has then.
func (r *redaction) hide(text string) string {
	var b strings.Builder
	last := 0
	all, read := r.found[text]
	if !read {
		r.err = errUnread
	}
	for _, f := range all {
		p := r.known[text[f.From:f.To]]
		if p == "" {
			continue // allowed
		}
		r.spread.replace(&b, text[last:f.From])
		b.WriteString(p)
		last = f.To
	}
	if last == 0 && r.spread.empty() {
		return text
	}
	r.spread.replace(&b, text[last:])
	return b.String()
}

// hideJSON is a JSON text with placeholders in its strings. A number that is hidden
// becomes a string.
func (r *redaction) hideJSON(text string) string {
	return replaceTokens(text, func(t token) string {
		if _, is := r.whole[t.value]; is && !t.key {
			if p := r.known[t.value]; p != "" {
				return p
			}
		}
		return r.hide(t.value)
	})
}

// counts is how many values are hidden, by category.
func (r *redaction) counts() map[string]int {
	n := map[string]int{}
	for _, v := range r.order {
		n[string(v.category)]++
	}
	return n
}
