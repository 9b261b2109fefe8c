package grammar

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// value is a JSON value that knows where it stands.
type value struct {
	id     int // unique in its document
	parent *value
	token  string // of the JSON pointer, below parent
	data   any    // nil, bool, json.Number, string, []*value, *object
}

// object is a JSON object in its own order.
type object struct {
	names  []string
	member map[string]*value
}

// pointer is the JSON pointer of a value, "" for the document.
func (v *value) pointer() string {
	if v.parent == nil {
		return ""
	}
	token := strings.ReplaceAll(strings.ReplaceAll(v.token, "~", "~0"), "/", "~1")
	return v.parent.pointer() + "/" + token
}

// errorf makes an error that names the place.
func (v *value) errorf(format string, args ...any) error {
	return fmt.Errorf("grammar: schema at %q: %s", "#"+v.pointer(), fmt.Sprintf(format, args...))
}

// wrap makes an error that names the place out of another one.
func (v *value) wrap(err error) error {
	return fmt.Errorf("grammar: schema at %q: %w", "#"+v.pointer(), err)
}

// document is a JSON text as values.
type document struct {
	decoder *json.Decoder
	count   int
	// replaced: a string has U+FFFD, which stands for half a surrogate pair too.
	replaced bool
}

// parseDocument reads a JSON text. Names that come twice in an object, and what
// UTF-8 cannot write, are errors.
func parseDocument(source []byte) (*value, error) {
	if len(source) > MaxSource {
		return nil, fmt.Errorf("grammar: the schema has %d bytes, more than %d", len(source), MaxSource)
	}
	if !utf8.Valid(source) {
		return nil, fmt.Errorf("grammar: the schema is not UTF-8")
	}
	d := &document{decoder: json.NewDecoder(bytes.NewReader(source))}
	d.decoder.UseNumber()
	root, err := d.value(nil, "", 0)
	if err != nil {
		return nil, fmt.Errorf("grammar: the schema is no JSON: %w", err)
	}
	if _, err := d.decoder.Token(); err != io.EOF {
		return nil, fmt.Errorf("grammar: the schema is followed by something else, from byte %d on", d.decoder.InputOffset())
	}
	if d.replaced && !bytes.ContainsRune(source, utf8.RuneError) && !bytes.Contains(bytes.ToLower(source), []byte(`\ufffd`)) {
		return nil, fmt.Errorf("grammar: the schema has half of a surrogate pair in a string")
	}
	return root, nil
}

func (d *document) value(parent *value, token string, depth int) (*value, error) {
	if depth > MaxNesting {
		return nil, fmt.Errorf("it is nested more than %d deep", MaxNesting)
	}
	t, err := d.decoder.Token()
	if err != nil {
		return nil, err
	}
	v := &value{id: d.count, parent: parent, token: token, data: t}
	d.count++
	switch t := t.(type) {
	case string:
		d.replaced = d.replaced || strings.ContainsRune(t, utf8.RuneError)
	case json.Delim:
		if t == '[' {
			return v, d.array(v, depth)
		}
		return v, d.object(v, depth)
	}
	return v, nil
}

func (d *document) array(v *value, depth int) error {
	items := []*value{}
	for d.decoder.More() {
		item, err := d.value(v, strconv.Itoa(len(items)), depth+1)
		if err != nil {
			return err
		}
		items = append(items, item)
	}
	v.data = items
	_, err := d.decoder.Token()
	return err
}

func (d *document) object(v *value, depth int) error {
	o := &object{member: map[string]*value{}}
	for d.decoder.More() {
		name, err := d.decoder.Token()
		if err != nil {
			return err
		}
		text := name.(string)
		if o.member[text] != nil {
			return fmt.Errorf("%q has the name %.60q twice", "#"+v.pointer(), text)
		}
		d.replaced = d.replaced || strings.ContainsRune(text, utf8.RuneError)
		if o.member[text], err = d.value(v, text, depth+1); err != nil {
			return err
		}
		o.names = append(o.names, text)
	}
	v.data = o
	_, err := d.decoder.Token()
	return err
}

// get is a member of an object, or nil.
func (v *value) get(name string) *value {
	if o, ok := v.data.(*object); ok {
		return o.member[name]
	}
	return nil
}

// made is a value that stands for another one's place, such as a constant's item.
func made(at *value, data any) *value {
	return &value{id: -1, parent: at.parent, token: at.token, data: data}
}

// strings reads a list of strings.
func (v *value) strings() ([]string, error) {
	items, ok := v.data.([]*value)
	if !ok {
		return nil, v.errorf("a list of strings is expected")
	}
	all := make([]string, len(items))
	for i, item := range items {
		if all[i], ok = item.data.(string); !ok {
			return nil, item.errorf("a string is expected")
		}
	}
	return all, nil
}

// size reads a count. Larger ones than MaxRepeat mean the same as that.
func (v *value) size() (int, error) {
	n, ok := v.data.(json.Number)
	if !ok {
		return 0, v.errorf("a count is expected")
	}
	r, err := parseNumber(string(n))
	if err != nil {
		return 0, v.wrap(err)
	}
	if !r.IsInt() || r.Sign() < 0 {
		return 0, v.errorf("%s is no count", n)
	}
	if !r.Num().IsInt64() || r.Num().Int64() > MaxRepeat {
		return MaxRepeat, nil
	}
	return int(r.Num().Int64()), nil
}
