package daemon

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/a472be26/cusp/router/policy"
	"github.com/a472be26/cusp/router/privacy"
)

// source is a configuration's text, for errors that name the line.
type source struct{ path, text string }

// errorf names file, line and key before the message.
func (s source) errorf(key, format string, args ...any) error {
	where := s.path
	if line := s.line(strings.Split(key, ".")); line > 0 {
		where = fmt.Sprintf("%s:%d", s.path, line)
	}
	return fmt.Errorf("%s: %s: %s", where, key, fmt.Sprintf(format, args...))
}

// header is the name of the table, or of the array of tables, that a line begins.
func header(line string) (name string, ok bool) {
	name, ok = strings.CutPrefix(strings.TrimSpace(line), "[")
	name, _, _ = strings.Cut(strings.TrimPrefix(name, "["), "]")
	return strings.TrimSpace(name), ok
}

// member finds a key of one of an array of tables, or the table that it would stand
// in; where the array is written inline, the array.
func (s source) member(array string, index int, key string) int {
	found, in := 0, false
	for i, text := range strings.Split(s.text, "\n") {
		if name, ok := header(text); ok {
			if in {
				return found
			}
			if name == array {
				in = index == 0
				index--
			}
			if in {
				found = i + 1
			}
			continue
		}
		if name, _, assigned := strings.Cut(text, "="); in && assigned && strings.Trim(strings.TrimSpace(name), `"'`) == key {
			return i + 1
		}
	}
	if !in {
		return s.line([]string{array})
	}
	return found
}

// line finds where a key stands, or the table it would stand in; 0 if neither
// does. The text is known to be valid TOML.
func (s source) line(key []string) int {
	found, table := 0, ""
	want, in := strings.Join(key, "."), strings.Join(key[:len(key)-1], ".")
	for i, text := range strings.Split(s.text, "\n") {
		text = strings.TrimSpace(text)
		if name, ok := header(text); ok {
			table = strings.TrimSpace(name)
			if table == want {
				return i + 1
			}
			if table == in && found == 0 {
				found = i + 1
			}
			continue
		}
		name, _, assigned := strings.Cut(text, "=")
		full := strings.TrimPrefix(table+"."+strings.Trim(strings.TrimSpace(name), `"'`), ".")
		if assigned && full == want {
			return i + 1
		}
		if assigned && full == in { // an inline table
			found = i + 1
		}
	}
	return found
}

// unknownKeys reports what the file sets and nothing reads.
func unknownKeys(at source, meta toml.MetaData) error {
	known := slices.Concat(knownKeys("", reflect.TypeFor[Config]()),
		knownKeys("rule.", reflect.TypeFor[policy.Rule]()), knownKeys("privacy.rule.", reflect.TypeFor[privacy.Rule]()))
	var errs []error
	reported := map[string]bool{}
	for _, key := range meta.Undecoded() {
		name := key.String()
		reported[name] = true
		if reported[key[:len(key)-1].String()] {
			continue // its table is unknown already
		}
		hint := ""
		if near := nearest(name, known); near != "" {
			hint = fmt.Sprintf("; did you mean %s?", near)
		}
		errs = append(errs, at.errorf(name, "unknown key%s", hint))
	}
	return errors.Join(errs...)
}

// knownKeys lists the dotted keys of a configuration struct.
func knownKeys(prefix string, t reflect.Type) []string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	var keys []string
	for f := range t.Fields() {
		name := prefix + f.Tag.Get("toml")
		switch {
		case f.Anonymous:
			keys = append(keys, knownKeys(prefix, f.Type)...)
		case f.Type.Kind() == reflect.Struct, f.Type.Kind() == reflect.Pointer && f.Type.Elem().Kind() == reflect.Struct:
			keys = append(keys, name)
			keys = append(keys, knownKeys(name+".", f.Type)...)
		default:
			keys = append(keys, name)
		}
	}
	return keys
}

// nearest is the known key that a misspelt one most likely means, or "".
func nearest(name string, known []string) string {
	const tooFar = 4
	best, distance := "", tooFar
	for _, k := range known {
		if d := editDistance(name, k); d < distance {
			best, distance = k, d
		}
	}
	if best != "" {
		return best
	}
	// The right key in the wrong table.
	last := name[strings.LastIndexByte(name, '.')+1:]
	i := slices.IndexFunc(known, func(k string) bool { return strings.HasSuffix(k, "."+last) })
	if i < 0 {
		return ""
	}
	return known[i]
}

// editDistance counts insertions, deletions and replacements (Levenshtein).
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
