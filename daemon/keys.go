package daemon

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
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

// line finds where a key stands, or the table it would stand in; 0 if neither
// does. The text is known to be valid TOML.
func (s source) line(key []string) int {
	found, table := 0, ""
	want, in := strings.Join(key, "."), strings.Join(key[:len(key)-1], ".")
	for i, text := range strings.Split(s.text, "\n") {
		text = strings.TrimSpace(text)
		if name, ok := strings.CutPrefix(text, "["); ok {
			name, _, _ = strings.Cut(name, "]")
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
	known := knownKeys("", reflect.TypeFor[Config]())
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
		case f.Type.Kind() == reflect.Struct, f.Type.Kind() == reflect.Pointer:
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
