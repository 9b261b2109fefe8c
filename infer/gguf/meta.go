package gguf

import (
	"fmt"
	"math"
	"reflect"
)

// Keys lists the metadata keys in the order of the file.
func (f *File) Keys() []string { return f.keys }

// Has reports whether the metadata has the key.
func (f *File) Has(key string) bool {
	_, ok := f.values[key]
	return ok
}

// Value decodes the value of a key: a number of the width in the file, a bool, a
// string, a slice of one of these, or []any for an array of arrays. The result
// is a copy.
func (f *File) Value(key string) (any, bool) {
	v, ok := f.values[key]
	if !ok || f.data == nil {
		return nil, false
	}
	return v.decode(f.data), true
}

// String returns a string value.
func (f *File) String(key string) (string, error) { return scalar[string](f, key) }

// Bool returns a boolean value.
func (f *File) Bool(key string) (bool, error) { return scalar[bool](f, key) }

// Strings returns an array of strings.
func (f *File) Strings(key string) ([]string, error) { return scalar[[]string](f, key) }

// Floats returns an array of float32.
func (f *File) Floats(key string) ([]float32, error) { return scalar[[]float32](f, key) }

// Uint returns an integer value of any width that is not negative.
func (f *File) Uint(key string) (uint64, error) {
	v, err := f.need(key)
	if err != nil {
		return 0, err
	}
	n := reflect.ValueOf(v)
	switch {
	case n.CanUint():
		return n.Uint(), nil
	case n.CanInt() && n.Int() >= 0:
		return uint64(n.Int()), nil
	case n.CanInt():
		return 0, fmt.Errorf("gguf: %s: key %q is %d: negative", f.name, key, n.Int())
	}
	return 0, f.wrongType(key, "an integer", v)
}

// Float returns a float32 or float64 value.
func (f *File) Float(key string) (float64, error) {
	v, err := f.need(key)
	if err != nil {
		return 0, err
	}
	switch x := v.(type) {
	case float32:
		return float64(x), nil
	case float64:
		return x, nil
	}
	return 0, f.wrongType(key, "a float", v)
}

// Ints returns an array of integers of any width, each within int32.
func (f *File) Ints(key string) ([]int32, error) {
	v, err := f.need(key)
	if err != nil {
		return nil, err
	}
	if ints, ok := v.([]int32); ok {
		return ints, nil
	}
	array := reflect.ValueOf(v)
	if array.Kind() != reflect.Slice {
		return nil, f.wrongType(key, "an array of integers", v)
	}
	out := make([]int32, array.Len())
	for i := range out {
		switch e := array.Index(i); {
		case e.CanInt() && e.Int() >= math.MinInt32 && e.Int() <= math.MaxInt32:
			out[i] = int32(e.Int())
		case e.CanUint() && e.Uint() <= math.MaxInt32:
			out[i] = int32(e.Uint())
		case e.CanInt() || e.CanUint():
			return nil, fmt.Errorf("gguf: %s: key %q: element %d is %v: beyond int32", f.name, key, i, e)
		default:
			return nil, f.wrongType(key, "an array of integers", v)
		}
	}
	return out, nil
}

// scalar returns the value of a key if it is exactly a T.
func scalar[T any](f *File, key string) (T, error) {
	var zero T
	v, err := f.need(key)
	if err != nil {
		return zero, err
	}
	x, ok := v.(T)
	if !ok {
		return zero, f.wrongType(key, fmt.Sprintf("%T", zero), v)
	}
	return x, nil
}

func (f *File) need(key string) (any, error) {
	v, ok := f.Value(key)
	if !ok {
		return nil, fmt.Errorf("gguf: %s: key %q is missing", f.name, key)
	}
	return v, nil
}

func (f *File) wrongType(key, want string, v any) error {
	return fmt.Errorf("gguf: %s: key %q is of type %T, not %s", f.name, key, v, want)
}
