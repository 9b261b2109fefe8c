package gguf

import (
	"reflect"
	"strings"
	"testing"
)

func TestTypedValues(t *testing.T) {
	t.Parallel()
	f, err := Parse("some.gguf", written(t, everyKind, nil))
	if err != nil {
		t.Fatal(err)
	}
	get := map[string]func(string) (any, error){
		"String":  func(k string) (any, error) { return f.String(k) },
		"Bool":    func(k string) (any, error) { return f.Bool(k) },
		"Uint":    func(k string) (any, error) { return f.Uint(k) },
		"Float":   func(k string) (any, error) { return f.Float(k) },
		"Strings": func(k string) (any, error) { return f.Strings(k) },
		"Ints":    func(k string) (any, error) { return f.Ints(k) },
		"Floats":  func(k string) (any, error) { return f.Floats(k) },
	}
	cases := []struct {
		method, key string
		want        any    // nil: an error
		says        string // part of the error
	}{
		{"String", "text", "grün\x00\xff", ""},
		{"String", "u8", nil, "uint8"},
		{"String", "absent", nil, "missing"},
		{"Bool", "yes", true, ""},
		{"Bool", "u8", nil, "uint8"},
		{"Uint", "u8", uint64(200), ""},
		{"Uint", "u64", uint64(1) << 63, ""},
		{"Uint", "i32", nil, "-2000000000"},
		{"Uint", "f32", nil, "float32"},
		{"Float", "f32", 1.5, ""},
		{"Float", "f64", 0.1, ""},
		{"Float", "u8", nil, "uint8"},
		{"Strings", "texts", []string{"", "a", "bc"}, ""},
		{"Strings", "none", []string{}, ""},
		{"Strings", "text", nil, "string"},
		{"Ints", "i32s", []int32{-4, 5}, ""},
		{"Ints", "u8s", []int32{1, 2}, ""},
		{"Ints", "i64s", []int32{-7}, ""},
		{"Ints", "f32s", nil, "[]float32"},
		{"Ints", "text", nil, "string"},
		{"Floats", "f32s", []float32{0.5, -2}, ""},
		{"Floats", "f64s", nil, "[]float64"},
	}
	for _, c := range cases {
		got, err := get[c.method](c.key)
		if c.want != nil {
			if err != nil || !reflect.DeepEqual(got, c.want) {
				t.Errorf("%s(%q) = %v, %v, want %v", c.method, c.key, got, err, c.want)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "some.gguf") || !strings.Contains(err.Error(), c.key) {
			t.Errorf("%s(%q): error %v does not name the file, the key and %s", c.method, c.key, err, c.says)
		}
	}
}

func TestIntsBeyondRange(t *testing.T) {
	t.Parallel()
	f, err := Parse("some.gguf", written(t, []KV{{"big", []uint32{1, 1 << 31}}, {"low", []int64{-1 << 40}}}, nil))
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"big", "low"} {
		if got, err := f.Ints(key); err == nil {
			t.Errorf("Ints(%q) = %v", key, got)
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		meta    []KV
		tensors []Tensor
	}{
		"key twice":           {[]KV{{"a", uint8(1)}, {"a", uint8(1)}}, nil},
		"no key":              {[]KV{{"", uint8(1)}}, nil},
		"value of a Go int":   {[]KV{{"a", 1}}, nil},
		"bad alignment":       {[]KV{{alignmentKey, uint32(3)}}, nil},
		"alignment as string": {[]KV{{alignmentKey, "32"}}, nil},
		"tensor twice":        {nil, []Tensor{{Name: "t", Dims: []int{1}, Data: make([]byte, 4)}, {Name: "t", Dims: []int{1}, Data: make([]byte, 4)}}},
		"too little data":     {nil, []Tensor{{Name: "t", Dims: []int{2}, Data: make([]byte, 4)}}},
		"dimension of 0":      {nil, []Tensor{{Name: "t", Dims: []int{0}}}},
		"long name":           {nil, []Tensor{{Name: strings.Repeat("n", 65), Dims: []int{1}, Data: make([]byte, 4)}}},
		"five dimensions":     {nil, []Tensor{{Name: "t", Dims: []int{1, 1, 1, 1, 1}, Data: make([]byte, 4)}}},
		"unknown type":        {nil, []Tensor{{Name: "t", Dims: []int{32}, Type: 4, Data: make([]byte, 18)}}},
	}
	for name, c := range cases {
		var b strings.Builder
		if err := Write(&b, c.meta, c.tensors); err == nil || b.Len() != 0 {
			t.Errorf("%s: error %v after %d bytes", name, err, b.Len())
		}
	}
}

type fullDisk struct{ left int }

func (d *fullDisk) Write(b []byte) (int, error) {
	n := min(d.left, len(b))
	d.left -= n
	if n < len(b) {
		return n, errFull
	}
	return n, nil
}

type diskError string

func (e diskError) Error() string { return string(e) }

const errFull = diskError("no space left")

func TestWriteReportsFullDisk(t *testing.T) {
	t.Parallel()
	for _, room := range []int{0, 10, 5000} {
		err := Write(&fullDisk{room}, []KV{{alignmentKey, uint32(8192)}}, someTensors(t))
		if err == nil || !strings.Contains(err.Error(), "no space left") {
			t.Errorf("with room for %d bytes: %v", room, err)
		}
	}
}
