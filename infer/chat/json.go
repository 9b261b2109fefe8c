package chat

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/nikolalohinski/gonja/v2/exec"
)

// filters replace those of gonja whose output differs from Hugging Face's.
var filters = exec.NewFilterSet(map[string]exec.FilterFunction{"tojson": toJSON})

// toJSON writes a value as Python's json.dumps does with ensure_ascii off: a
// space after each comma and colon, keys in their order, only what JSON must
// escape escaped.
func toJSON(_ *exec.Evaluator, in *exec.Value, params *exec.VarArgs) *exec.Value {
	if in.IsError() {
		return in
	}
	indent := -1
	if v := params.GetKeywordArgument("indent", nil); v.IsInteger() {
		indent = v.Integer()
	} else if len(params.Args) > 0 && params.Args[0].IsInteger() {
		indent = params.Args[0].Integer()
	}
	if indent > 16 {
		return exec.AsValue(fmt.Errorf("tojson: indent %d is more than 16", indent))
	}
	w := jsonWriter{indent: indent}
	if err := w.value(in, 0); err != nil {
		return exec.AsValue(fmt.Errorf("tojson: %w", err))
	}
	return exec.AsSafeValue(w.out.String())
}

type jsonWriter struct {
	out    strings.Builder
	indent int // spaces; negative: all on one line
}

// maxNesting bounds values that contain themselves.
const maxNesting = 100

func (w *jsonWriter) value(v *exec.Value, depth int) error {
	switch {
	case depth > maxNesting:
		return fmt.Errorf("value nests deeper than %d", maxNesting)
	case v.IsError():
		return v
	case v.IsNil():
		w.out.WriteString("null")
	case v.IsString():
		return w.scalar(v.String())
	case v.IsBool(), v.IsInteger(), v.IsFloat():
		return w.scalar(v.Interface())
	case v.IsDict():
		return w.dict(v, depth)
	case v.IsList():
		return w.list(v, depth)
	default:
		return fmt.Errorf("%s has no JSON form", v.String())
	}
	return nil
}

func (w *jsonWriter) scalar(v any) error {
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	text := strings.TrimSuffix(buf.String(), "\n")
	// Go escapes these two for JavaScript's sake. The first pair keeps an
	// escaped backslash before such letters what it is.
	text = strings.NewReplacer(`\\`, `\\`, `\u2028`, "\u2028", `\u2029`, "\u2029").Replace(text)
	w.out.WriteString(text)
	return nil
}

func (w *jsonWriter) dict(v *exec.Value, depth int) error {
	return w.sequence('{', '}', depth, pairsOf(v), func(p *exec.Pair) error {
		if err := w.scalar(p.Key.String()); err != nil {
			return err
		}
		w.out.WriteString(": ")
		return w.value(p.Value, depth+1)
	})
}

// pairsOf returns the pairs of a dictionary in their order, which a Go map does
// not have: it is sorted by key.
func pairsOf(v *exec.Value) []*exec.Pair {
	switch d := v.Interface().(type) {
	case *exec.Dict:
		return d.Pairs
	case exec.Dict:
		return d.Pairs
	}
	pairs := v.Items()
	slices.SortFunc(pairs, func(a, b *exec.Pair) int { return strings.Compare(a.Key.String(), b.Key.String()) })
	return pairs
}

func (w *jsonWriter) list(v *exec.Value, depth int) error {
	items := make([]*exec.Pair, v.Len())
	for i := range items {
		items[i] = &exec.Pair{Value: v.Index(i)}
	}
	return w.sequence('[', ']', depth, items, func(p *exec.Pair) error { return w.value(p.Value, depth+1) })
}

func (w *jsonWriter) sequence(first, last byte, depth int, items []*exec.Pair, each func(*exec.Pair) error) error {
	w.out.WriteByte(first)
	for i, item := range items {
		switch {
		case w.indent >= 0 && i > 0:
			w.out.WriteString(",")
		case i > 0:
			w.out.WriteString(", ")
		}
		w.newline(depth + 1)
		if err := each(item); err != nil {
			return err
		}
	}
	if len(items) > 0 {
		w.newline(depth)
	}
	w.out.WriteByte(last)
	return nil
}

func (w *jsonWriter) newline(depth int) {
	if w.indent >= 0 {
		w.out.WriteString("\n" + strings.Repeat(" ", w.indent*depth))
	}
}

// ordered decodes JSON into values that keep the order of keys.
func ordered(raw json.RawMessage) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	v, err := decode(d, 0)
	if err != nil {
		return nil, fmt.Errorf("decode JSON: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("decode JSON: more than one value")
	}
	return v, nil
}

func decode(d *json.Decoder, depth int) (any, error) {
	if depth > maxNesting {
		return nil, fmt.Errorf("value nests deeper than %d", maxNesting)
	}
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case json.Number:
		return number(t)
	case json.Delim:
		if t == '{' {
			return decodeDict(d, depth)
		}
		return decodeList(d, depth)
	default:
		return t, nil
	}
}

func number(n json.Number) (any, error) {
	if i, err := n.Int64(); err == nil {
		return int(i), nil
	}
	return n.Float64()
}

func decodeDict(d *json.Decoder, depth int) (any, error) {
	dict := exec.NewDict()
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		value, err := decode(d, depth+1)
		if err != nil {
			return nil, err
		}
		dict.Pairs = append(dict.Pairs, &exec.Pair{Key: exec.AsValue(key), Value: exec.AsValue(value)})
	}
	_, err := d.Token()
	return dict, err
}

func decodeList(d *json.Decoder, depth int) (any, error) {
	items := list{}
	for d.More() {
		value, err := decode(d, depth+1)
		if err != nil {
			return nil, err
		}
		items = append(items, value)
	}
	_, err := d.Token()
	return items, err
}
