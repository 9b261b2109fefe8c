package huggingface

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
)

// Sizes above which a file is not what it claims to be: the largest published
// ones have a tenth.
const (
	maxConfigBytes = 16 << 20
	maxIndexBytes  = 256 << 20
)

// maxSize bounds every number that counts something, so that the product of two
// of them cannot overflow.
const maxSize = 1 << 28

// object is a JSON object of a file, with typed access. The first thing that is
// missing or wrong is kept, so that many values can be read before one look at
// the error. A null counts as absent, as it does in Python.
type object struct {
	where  string // the file, and the path within it
	values map[string]any
	err    *error // of all objects of the file
}

// readObject reads a JSON file of at most limit bytes.
func readObject(path string, limit int64) (object, error) {
	o := object{where: path, err: new(error)}
	text, err := readSmall(path, limit)
	if err != nil {
		return o, err
	}
	o.values, err = decodeObject(text)
	if err != nil {
		return o, fmt.Errorf("%s: %w", path, err)
	}
	return o, nil
}

func decodeObject(text []byte) (values map[string]any, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&values); err != nil {
		return nil, fmt.Errorf("no JSON object: %w", err)
	}
	if values == nil {
		return nil, fmt.Errorf("no JSON object")
	}
	return values, nil
}

// readSmall reads a regular file that has at most limit bytes.
func readSmall(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > limit {
		return nil, fmt.Errorf("%s: not a regular file of at most %d bytes", path, limit)
	}
	return os.ReadFile(path)
}

// exists reports whether there is a file of that name in the folder.
func exists(dir, name string) bool {
	_, err := os.Stat(filepath.Join(dir, name))
	return err == nil
}

func (o object) fail(format string, args ...any) {
	if *o.err == nil {
		*o.err = fmt.Errorf("%s: %s", o.where, fmt.Sprintf(format, args...))
	}
}

// find returns the first value of the names that is there.
func (o object) find(names []string) (any, bool) {
	for _, name := range names {
		if v := o.values[name]; v != nil {
			return v, true
		}
	}
	return nil, false
}

func (o object) has(names ...string) bool {
	_, ok := o.find(names)
	return ok
}

// size reads a whole number from 1 to maxSize under the first of the names that
// is there; it must be.
func (o object) size(names ...string) int {
	v, ok := o.find(names)
	if !ok {
		o.fail("%s is missing", strings.Join(names, " or "))
		return 1
	}
	n, ok := whole(v)
	if !ok || n < 1 || n > maxSize {
		o.fail("%s is %v, not a whole number between 1 and %d", strings.Join(names, " or "), v, maxSize)
		return 1
	}
	return int(n)
}

func (o object) sizeOr(otherwise int, names ...string) int {
	if !o.has(names...) {
		return otherwise
	}
	return o.size(names...)
}

// count is size for a number that may be 0.
func (o object) count(otherwise int, name string) int {
	if n, ok := whole(o.values[name]); ok && n == 0 {
		return 0
	}
	return o.sizeOr(otherwise, name)
}

// number reads a finite number; it must be there.
func (o object) number(names ...string) float64 {
	v, ok := o.find(names)
	if !ok {
		o.fail("%s is missing", strings.Join(names, " or "))
		return 1
	}
	x, ok := float(v)
	if !ok {
		o.fail("%s is %v, not a number", strings.Join(names, " or "), v)
		return 1
	}
	return x
}

func (o object) numberOr(otherwise float64, names ...string) float64 {
	if !o.has(names...) {
		return otherwise
	}
	return o.number(names...)
}

func (o object) flag(otherwise bool, name string) bool {
	v, ok := o.find([]string{name})
	if !ok {
		return otherwise
	}
	b, ok := v.(bool)
	if !ok {
		o.fail("%s is %v, not true or false", name, v)
	}
	return b
}

func (o object) text(otherwise string, names ...string) string {
	v, ok := o.find(names)
	if !ok {
		return otherwise
	}
	s, ok := v.(string)
	if !ok {
		o.fail("%s is %v, not a string", strings.Join(names, " or "), v)
	}
	return s
}

func (o object) list(name string) []any {
	v, ok := o.find([]string{name})
	if !ok {
		return nil
	}
	l, ok := v.([]any)
	if !ok {
		o.fail("%s is no list", name)
	}
	return l
}

// numbers reads a list of finite numbers; nil where there is none.
func (o object) numbers(name string) []float32 {
	var out []float32
	for _, v := range o.list(name) {
		x, ok := float(v)
		if !ok {
			o.fail("%s has %v in it, not a number", name, v)
		}
		out = append(out, float32(x))
	}
	return out
}

// object reads an object within this one; without values where there is none.
func (o object) object(name string) object {
	in := object{where: o.where + ": " + name, err: o.err}
	v, ok := o.find([]string{name})
	if !ok {
		return in
	}
	if in.values, ok = v.(map[string]any); !ok {
		o.fail("%s is no object", name)
	}
	return in
}

// objects reads a list of objects.
func (o object) objects(name string) []object {
	var out []object
	for i, v := range o.list(name) {
		in := object{where: fmt.Sprintf("%s: %s[%d]", o.where, name, i), err: o.err}
		var ok bool
		if in.values, ok = v.(map[string]any); !ok {
			in.fail("it is no object")
		}
		out = append(out, in)
	}
	return out
}

// whole reads a JSON number that is whole; 1.0 and 1e3 are, since Python writes
// them for some.
func whole(v any) (int64, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	if i, err := n.Int64(); err == nil {
		return i, true
	}
	x, err := n.Float64()
	if err != nil || x != math.Trunc(x) || math.Abs(x) > 1<<53 {
		return 0, false
	}
	return int64(x), true
}

// float reads a JSON number that float32 can hold.
func float(v any) (float64, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	x, err := n.Float64()
	return x, err == nil && math.Abs(x) <= math.MaxFloat32
}
