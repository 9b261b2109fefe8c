package gguf

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/a472be26/cusp/infer/quant"
)

// everyKind holds one value of each kind the writer knows.
var everyKind = []KV{
	{"u8", uint8(200)}, {"i8", int8(-100)}, {"u16", uint16(60000)}, {"i16", int16(-30000)},
	{"u32", uint32(4e9)}, {"i32", int32(-2e9)}, {"f32", float32(1.5)}, {"yes", true}, {"no", false},
	{"text", "grün\x00\xff"}, {"u64", uint64(1) << 63}, {"i64", int64(-1) << 62}, {"f64", 0.1},
	{"u8s", []uint8{1, 2}}, {"i8s", []int8{-1}}, {"u16s", []uint16{3}}, {"i16s", []int16{-3}},
	{"u32s", []uint32{4}}, {"i32s", []int32{-4, 5}}, {"f32s", []float32{0.5, -2}}, {"bools", []bool{true, false}},
	{"texts", []string{"", "a", "bc"}}, {"u64s", []uint64{7}}, {"i64s", []int64{-7}}, {"f64s", []float64{2.5}},
	{"none", []string{}},
}

func someTensors(t *testing.T) []Tensor {
	t.Helper()
	row := make([]float32, 64)
	for i := range row {
		row[i] = float32(i) - 20
	}
	var out []Tensor
	for _, kind := range []quant.Type{quant.F32, quant.F16, quant.Q8_0} {
		n, err := kind.RowBytes(len(row))
		if err != nil {
			t.Fatal(err)
		}
		data := make([]byte, n)
		if err := quant.Encode(kind, data, row); err != nil {
			t.Fatal(err)
		}
		out = append(out, Tensor{Name: "t." + kind.String(), Dims: []int{32, 2}, Type: kind, Data: data})
	}
	return out
}

func written(t *testing.T, meta []KV, tensors []Tensor) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, meta, tensors); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	for _, align := range []uint32{1, 8, 32, 64, 8192} {
		meta := append([]KV{{alignmentKey, align}}, everyKind...)
		tensors := someTensors(t)
		path := filepath.Join(t.TempDir(), "m.gguf")
		if err := os.WriteFile(path, written(t, meta, tensors), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if f.Version() != 3 || f.Name() != path {
			t.Errorf("version %d, name %q", f.Version(), f.Name())
		}
		for i, kv := range meta {
			got, ok := f.Value(kv.Key)
			if !ok || !reflect.DeepEqual(got, kv.Value) || f.Keys()[i] != kv.Key {
				t.Errorf("alignment %d: %s = %#v, %v, want %#v", align, kv.Key, got, ok, kv.Value)
			}
		}
		if !reflect.DeepEqual(f.Tensors(), tensors) {
			t.Errorf("alignment %d: tensors differ", align)
		}
		if one, ok := f.Tensor("t.Q8_0"); !ok || one.Elements() != 64 {
			t.Errorf("tensor t.Q8_0: %v, %v", one, ok)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestOpenErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.gguf")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, empty, filepath.Join(dir, "absent.gguf")} {
		if f, err := Open(path); err == nil || f != nil {
			t.Errorf("Open(%q) = %v, %v: want an error", path, f, err)
		} else if !bytes.Contains([]byte(err.Error()), []byte(path)) {
			t.Errorf("error %q does not name the file", err)
		}
	}
}

// Another key, another size or other weights make another fingerprint; another
// name or place of the same bytes does not.
func TestFingerprint(t *testing.T) {
	t.Parallel()
	meta := []KV{{Key: "general.architecture", Value: "llama"}}
	tensor := Tensor{Name: "a", Dims: []int{4096}, Type: quant.F32, Data: make([]byte, 4*4096)}
	fingerprint := func(meta []KV, tensors ...Tensor) [32]byte {
		t.Helper()
		var b bytes.Buffer
		if err := Write(&b, meta, tensors); err != nil {
			t.Fatal(err)
		}
		f, err := Parse("any", b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		return f.Fingerprint()
	}
	same := fingerprint(meta, tensor)
	if fingerprint(meta, tensor) != same {
		t.Error("the same file has another fingerprint")
	}
	changed := tensor
	changed.Data = bytes.Repeat([]byte{1}, len(tensor.Data))
	renamed := tensor
	renamed.Name = "b"
	for what, other := range map[string][32]byte{
		"other metadata": fingerprint([]KV{{Key: "general.architecture", Value: "mistral"}}, tensor),
		"other weights":  fingerprint(meta, changed),
		"another name":   fingerprint(meta, renamed),
		"more tensors":   fingerprint(meta, tensor, renamed),
	} {
		if other == same {
			t.Errorf("a file with %s has the same fingerprint", what)
		}
	}
	none := fingerprint(meta)
	if none == same {
		t.Error("a file without tensors has the same fingerprint")
	}
}
