package gguf

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
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

// Data that is made while the file is written makes the same file, and is
// checked like any other.
func TestWriteFunc(t *testing.T) {
	t.Parallel()
	tensors := []Tensor{
		{Name: "a", Dims: []int{3}, Type: quant.F32, Data: make([]byte, 12)},
		{Name: "b", Dims: []int{2, 2}, Type: quant.F16, Data: []byte("12345678")},
	}
	var want, got bytes.Buffer
	if err := Write(&want, nil, tensors); err != nil {
		t.Fatal(err)
	}
	bare := slices.Clone(tensors)
	bare[0].Data, bare[1].Data = nil, nil
	if err := WriteFunc(&got, nil, bare, func(i int) ([]byte, error) { return tensors[i].Data, nil }); err != nil || !bytes.Equal(got.Bytes(), want.Bytes()) {
		t.Errorf("other bytes than Write's, error %v", err)
	}
	if err := Write(&got, nil, bare); err == nil || !strings.Contains(err.Error(), `tensor "a": [3] of type F32 takes 12 bytes, but 0 are given`) {
		t.Errorf("missing data: error %v", err)
	}
	if err := WriteFunc(&got, nil, bare, func(int) ([]byte, error) { return make([]byte, 12), nil }); err == nil || !strings.Contains(err.Error(), `tensor "b": [2 2] of type F16 takes 8 bytes, but 12 are given`) {
		t.Errorf("wrong data: error %v", err)
	}
	failure := errors.New("no more")
	if err := WriteFunc(&got, nil, bare, func(int) ([]byte, error) { return nil, failure }); !errors.Is(err, failure) {
		t.Errorf("failing data: error %v", err)
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
