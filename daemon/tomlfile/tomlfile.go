// Package tomlfile reads configuration files in TOML: errors name the file, the line
// and the key, and what nothing reads is one.
package tomlfile

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
)

// Source is a configuration's text, for errors that name the line.
type Source struct{ Path, Text string }

// Decode reads the file over the defaults in config, a pointer.
func Decode(path string, config any) (Source, toml.MetaData, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Source{}, toml.MetaData{}, fmt.Errorf("config: %w", err)
	}
	meta, err := toml.Decode(string(text), config)
	var parse toml.ParseError
	if errors.As(err, &parse) {
		return Source{}, meta, fmt.Errorf("config %s:%d: %s%s", path, parse.Position.Line, lastKey(parse), parse.Message)
	}
	if err != nil {
		return Source{}, meta, fmt.Errorf("config %s: %w", path, err)
	}
	return Source{path, string(text)}, meta, nil
}

func lastKey(e toml.ParseError) string {
	if e.LastKey == "" {
		return ""
	}
	return e.LastKey + ": "
}

// Errorf names file, line and key before the message.
func (s Source) Errorf(key, format string, args ...any) error {
	where := s.Path
	if line := s.Line(strings.Split(key, ".")); line > 0 {
		where = fmt.Sprintf("%s:%d", s.Path, line)
	}
	return fmt.Errorf("%s: %s: %s", where, key, fmt.Sprintf(format, args...))
}

// Line finds where a key stands, or the table it would stand in; 0 if neither
// does. The text is known to be valid TOML.
func (s Source) Line(key []string) int {
	found, table := 0, ""
	want, in := strings.Join(key, "."), strings.Join(key[:len(key)-1], ".")
	for i, text := range strings.Split(s.Text, "\n") {
		text = strings.TrimSpace(text)
		if name, ok := header(text); ok {
			table = name
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

// header is the name of the table, or of the array of tables, that a line begins.
func header(line string) (name string, ok bool) {
	name, ok = strings.CutPrefix(strings.TrimSpace(line), "[")
	name, _, _ = strings.Cut(strings.TrimPrefix(name, "["), "]")
	return strings.TrimSpace(name), ok
}

// Member finds a key of one of an array of tables, or the table that it would stand
// in; where the array is written inline, the array.
func (s Source) Member(array string, index int, key string) int {
	found, in := 0, false
	for i, text := range strings.Split(s.Text, "\n") {
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
		return s.Line([]string{array})
	}
	return found
}

// Unknown reports what the file sets and nothing of the configuration type reads; keys
// of its arrays of tables, which the type does not tell, may be named beside it.
func (s Source) Unknown(meta toml.MetaData, config reflect.Type, arrays ...string) error {
	known := append(Keys("", config), arrays...)
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
		errs = append(errs, s.Errorf(name, "unknown key%s", hint))
	}
	return errors.Join(errs...)
}

// Keys lists the dotted keys of a configuration struct.
func Keys(prefix string, t reflect.Type) []string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	var keys []string
	for f := range t.Fields() {
		name := prefix + f.Tag.Get("toml")
		switch {
		case f.Anonymous:
			keys = append(keys, Keys(prefix, f.Type)...)
		case f.Type.Kind() == reflect.Struct, f.Type.Kind() == reflect.Pointer && f.Type.Elem().Kind() == reflect.Struct:
			keys = append(keys, name)
			keys = append(keys, Keys(name+".", f.Type)...)
		default:
			keys = append(keys, name)
		}
	}
	return keys
}

// Within refuses a number out of range.
func (s Source) Within(key string, v, low, high int64) error {
	if v < low || v > high {
		return s.Errorf(key, "%d is out of range; write a number from %d to %d", v, low, high)
	}
	return nil
}

// Duration refuses a duration out of range.
func (s Source) Duration(key string, v, low, high time.Duration) error {
	if v < low || v > high {
		return s.Errorf(key, "%v is out of range; write a duration from %v to %v, for example \"%v\"", v, low, high, max(low, time.Minute))
	}
	return nil
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
