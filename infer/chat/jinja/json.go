package jinja

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strings"
	"unicode/utf16"
)

// toJSON writes a value as Python's json.dumps does; ensure_ascii is off where
// it is not given.
func toJSON(r *run, in Value, a callArgs) Value {
	b := a.bind(r, "tojson", 0, "indent", "ensure_ascii", "separators", "sort_keys")
	w := jsonWriter{b: &builder{r: r}, r: r, ascii: b.truth(1, false), sorted: b.truth(3, false), comma: Own(", "), colon: Own(": ")}
	switch indent := b.values[0].(type) {
	case nil:
	case *Text:
		w.indent = indent
	default:
		width := b.size(0, 0)
		spaces := builder{r: r}
		spaces.repeat(Own(" "), width)
		w.indent = spaces.text()
	}
	if w.indent != nil {
		w.comma = Own(",")
	}
	if b.values[2] != nil {
		pair := r.items(b.values[2])
		if len(pair) != 2 {
			fail("tojson: separators are two texts, not %d", len(pair))
		}
		w.comma, w.colon = wantText("tojson: separators", pair[0]), wantText("tojson: separators", pair[1])
	}
	w.value(in, 0)
	return w.b.text()
}

type jsonWriter struct {
	b             *builder
	r             *run
	indent        *Text // nil: all on one line
	comma, colon  *Text
	ascii, sorted bool
}

func (w *jsonWriter) value(v Value, depth int) {
	w.r.step(1)
	nest(depth)
	switch v := v.(type) {
	case nil:
		w.b.own("null")
	case bool:
		w.b.own(fmt.Sprint(v))
	case int64, *big.Int, float64:
		w.b.own(jsonNumber(w.r, v))
	case *Text:
		w.text(v)
	case *Dict:
		w.dict(v, depth)
	case *List:
		w.enclosed("[", "]", len(v.items), depth, func(i int) { w.value(v.items[i], depth+1) })
	default:
		fail("tojson: Object of type %s is not JSON serializable", typeName(v))
	}
}

// jsonNumber is the number's repr but for those that JSON does not have.
func jsonNumber(r *run, v Value) string {
	s := r.str(v).s
	if other, ok := map[string]string{"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[s]; ok {
		return other
	}
	return s
}

func (w *jsonWriter) dict(v *Dict, depth int) {
	order := make([]int, v.Len())
	w.r.slots(len(order))
	for i := range order {
		order[i] = i
	}
	if w.sorted {
		slices.SortStableFunc(order, func(i, j int) int { return w.r.order("<", v.keys[i], v.keys[j], 0) })
	}
	w.enclosed("{", "}", len(order), depth, func(i int) {
		w.key(v.keys[order[i]])
		w.b.add(w.colon)
		w.value(v.values[order[i]], depth+1)
	})
}

func (w *jsonWriter) key(key Value) {
	switch k := key.(type) {
	case *Text:
		w.text(k)
	case nil, bool, int64, *big.Int, float64:
		w.b.own(`"`)
		w.value(k, 0)
		w.b.own(`"`)
	default:
		fail("tojson: keys must be str, int, float, bool or None, not %s", typeName(key))
	}
}

func (w *jsonWriter) enclosed(first, last string, n, depth int, each func(i int)) {
	w.b.own(first)
	for i := range n {
		if i > 0 {
			w.b.add(w.comma)
		}
		w.newline(depth + 1)
		each(i)
	}
	if n > 0 {
		w.newline(depth)
	}
	w.b.own(last)
}

func (w *jsonWriter) newline(depth int) {
	if w.indent != nil {
		w.b.own("\n")
		w.b.repeat(w.indent, depth)
	}
}

func (w *jsonWriter) text(t *Text) {
	w.r.scan(8 * len(t.s))
	w.b.own(`"`)
	for piece, outside := range t.Pieces() {
		w.b.write(escapeRunes(piece, w.escape), outside)
	}
	w.b.own(`"`)
}

var jsonEscapes = map[rune]string{'"': `\"`, '\\': `\\`, '\n': `\n`, '\r': `\r`, '\t': `\t`, '\b': `\b`, '\f': `\f`}

func (w *jsonWriter) escape(c rune) string {
	switch e, ok := jsonEscapes[c]; {
	case ok:
		return e
	case c < 0x20, w.ascii && c >= 0x7f && c < 0x10000:
		return fmt.Sprintf(`\u%04x`, c)
	case w.ascii && c >= 0x10000:
		high, low := utf16.EncodeRune(c)
		return fmt.Sprintf(`\u%04x\u%04x`, high, low)
	}
	return ""
}

// maxDigits is how long an integer may be, as in Python.
const maxDigits = 4300

// FromJSON decodes a value; all of its texts come from outside. Objects keep
// the order of their keys; of equal keys the last one's value counts.
func FromJSON(raw []byte) (v Value, err error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if v, err = decode(d, 0); err != nil {
		return nil, fmt.Errorf("decode JSON: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("decode JSON: more than one value")
	}
	return v, nil
}

func decode(d *json.Decoder, depth int) (Value, error) {
	if depth > MaxNesting {
		return nil, fmt.Errorf("value nests deeper than %d", MaxNesting)
	}
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case json.Number:
		return decodeNumber(string(t))
	case string:
		return Outside(t), nil
	case json.Delim:
		if t == '{' {
			return decodeDict(d, depth)
		}
		return decodeList(d, depth)
	}
	return token, nil // nil or bool
}

func decodeNumber(s string) (Value, error) {
	n := json.Number(s)
	if strings.ContainsAny(s, ".eE") {
		return n.Float64()
	}
	if i, err := n.Int64(); err == nil {
		return i, nil
	}
	if i, ok := new(big.Int).SetString(s[:min(len(s), maxDigits+1)], 10); ok && len(s) <= maxDigits {
		return i, nil
	}
	return nil, fmt.Errorf("number with %d digits is too large", len(s))
}

func decodeDict(d *json.Decoder, depth int) (Value, error) {
	dict := NewDict()
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		value, err := decode(d, depth+1)
		if err != nil {
			return nil, err
		}
		dict.set(nil, Outside(key.(string)), value)
	}
	_, err := d.Token()
	return dict, err
}

func decodeList(d *json.Decoder, depth int) (Value, error) {
	items := []Value{}
	for d.More() {
		value, err := decode(d, depth+1)
		if err != nil {
			return nil, err
		}
		items = append(items, value)
	}
	_, err := d.Token()
	return NewList(items...), err
}

// fromJSON decodes a text.
func fromJSON(r *run, in Value, _ callArgs) Value {
	t := wantText("from_json", in)
	r.scan(8 * len(t.s))
	r.alloc(32 * len(t.s))
	v, err := FromJSON([]byte(t.s))
	if err != nil {
		fail("from_json: %w", err)
	}
	return v
}
