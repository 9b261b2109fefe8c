package safetensors_test

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/a472be26/cusp/infer/modeltest"
	"github.com/a472be26/cusp/infer/safetensors"
)

// file is a header's text and data behind it.
func file(header, data string) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), data...)
}

func TestOpen(t *testing.T) {
	t.Parallel()
	data := file(`{"__metadata__":{"format":"pt"},`+
		`"b":{"dtype":"F16","shape":[2,3],"data_offsets":[4,16]},"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},`+
		`"none":{"dtype":"I64","shape":[5,0],"data_offsets":[16,16]}}   `, "0123456789abcdef")
	path := filepath.Join(t.TempDir(), "x.safetensors")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	want := []safetensors.Tensor{
		{Name: "a", DType: "F32", Shape: []int{}, Data: []byte("0123")},
		{Name: "b", DType: "F16", Shape: []int{2, 3}, Data: []byte("456789abcdef")},
		{Name: "none", DType: "I64", Shape: []int{5, 0}, Data: []byte{}},
	}
	if !reflect.DeepEqual(f.Tensors(), want) || f.Metadata()["format"] != "pt" || f.Name() != path {
		t.Errorf("tensors %v, metadata %v", f.Tensors(), f.Metadata())
	}
	if b, ok := f.Tensor("b"); !ok || !reflect.DeepEqual(b, want[1]) {
		t.Errorf("tensor b is %v", b)
	}
	if _, ok := f.Tensor("c"); ok {
		t.Error("there is a tensor c")
	}
	if err := f.Close(); err != nil || f.Close() != nil {
		t.Error(err)
	}
}

// one is a file of one tensor of four bytes.
func one(entry string) []byte { return file(`{"t":`+entry+`}`, "0123") }

var hostile = []struct {
	name string
	file []byte
	want string
}{
	{"empty", nil, "0 bytes"},
	{"length cut off", []byte("1234567"), "7 bytes"},
	{"length beyond the file", binary.LittleEndian.AppendUint64(nil, 5), "5 bytes reaches beyond the 0"},
	{"length of 2^64-1", binary.LittleEndian.AppendUint64(nil, math.MaxUint64), "18446744073709551615"},
	{"length beyond the limit", binary.LittleEndian.AppendUint64(nil, 100_000_001), "100000001"},
	{"no JSON", file("hello", ""), "header"},
	{"nothing", file("", ""), "unexpected EOF"},
	{"a list", file("[]", ""), `"{" was expected`},
	{"not closed", file(`{"t":{"dtype":"F32"`, ""), "header"},
	{"text behind", file(`{} {}`, ""), "after the closing brace"},
	{"no UTF-8", file("{\"\xff\":{}}", ""), "UTF-8"},
	{"name twice", file(`{"t":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"t":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, "01"), `"t" occurs twice`},
	{"field twice", one(`{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}`), `"dtype" occurs twice`},
	{"metadata twice", file(`{"__metadata__":{"a":"b","a":"c"}}`, ""), `"a" occurs twice`},
	{"metadata of numbers", file(`{"__metadata__":{"a":1}}`, ""), "is no string"},
	{"field missing", one(`{"dtype":"F32","shape":[1]}`), "missing"},
	{"unknown field", one(`{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":{}}`), `"x"`},
	{"deep", one(`{"dtype":"F32","shape":` + strings.Repeat("[", 5000)), "is no number"},
	{"unknown type", one(`{"dtype":"F33","shape":[1],"data_offsets":[0,4]}`), `"F33"`},
	{"type is a number", one(`{"dtype":1,"shape":[1],"data_offsets":[0,4]}`), "is no string"},
	{"negative size", one(`{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}`), "-1"},
	{"fraction", one(`{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}`), "1.0"},
	{"exponent", one(`{"dtype":"F32","shape":[1e0],"data_offsets":[0,4]}`), "1e0"},
	{"size of 2^64", one(`{"dtype":"F32","shape":[18446744073709551616],"data_offsets":[0,4]}`), "18446744073709551616"},
	{"size beyond int", one(`{"dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,4]}`), "18446744073709551615"},
	{"shape overflows", one(`{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}`), "overflow"},
	{"shape wraps to the size", one(`{"dtype":"F32","shape":[4611686018427387905],"data_offsets":[0,4]}`), "overflow"},
	{"part of a byte", one(`{"dtype":"F4","shape":[7],"data_offsets":[0,4]}`), "whole number of bytes"},
	{"shape smaller than the data", one(`{"dtype":"U8","shape":[3],"data_offsets":[0,4]}`), "takes 3 bytes"},
	{"shape larger than the data", one(`{"dtype":"U8","shape":[5],"data_offsets":[0,4]}`), "takes 5 bytes"},
	{"three offsets", one(`{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}`), "3 numbers"},
	{"offsets reversed", one(`{"dtype":"F32","shape":[1],"data_offsets":[4,0]}`), "begins at 4"},
	{"begins late", one(`{"dtype":"U8","shape":[3],"data_offsets":[1,4]}`), "begins at 1"},
	{"ends beyond the file", one(`{"dtype":"F64","shape":[1],"data_offsets":[0,8]}`), "cut off"},
	{"bytes left over", one(`{"dtype":"U8","shape":[3],"data_offsets":[0,3]}`), "1 bytes of data belong to no tensor"},
	{"offset of 2^64-1", one(`{"dtype":"U8","shape":[1],"data_offsets":[18446744073709551615,0]}`), "18446744073709551615"},
	{"hole", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}`, "012"), "begins at 2"},
	{"overlap", file(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}`, "012"), "begins at 1"},
	{"same place twice", file(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}`, "01"), "begins at 0"},
}

func TestHostileFiles(t *testing.T) {
	t.Parallel()
	for _, c := range hostile {
		_, err := safetensors.Parse("some.safetensors", c.file)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "some.safetensors") {
			t.Errorf("%s: error %v, want one about %s", c.name, err, c.want)
		}
	}
}

// Refusing a file takes memory in proportion to its header at most.
func TestHostileFilesTakeNoMemory(t *testing.T) {
	for _, c := range hostile {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		safetensors.Parse("some.safetensors", c.file)
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 32<<10+16*uint64(len(c.file)) {
			t.Errorf("%s: %d bytes were allocated for a file of %d", c.name, grown, len(c.file))
		}
	}
}

// No prefix of a good file is a good file.
func TestTruncatedFiles(t *testing.T) {
	t.Parallel()
	whole := modeltest.Safetensors(t, []modeltest.Array{
		{Name: "a", DType: "F32", Shape: []int{2}, Data: make([]byte, 8)}, {Name: "b", DType: "BF16", Shape: []int{1, 3}, Data: make([]byte, 6)},
	})
	for n := range whole {
		if _, err := safetensors.Parse("cut.safetensors", whole[:n]); err == nil {
			t.Fatalf("the first %d of %d bytes were accepted", n, len(whole))
		}
	}
	if _, err := safetensors.Parse("whole.safetensors", whole); err != nil {
		t.Error(err)
	}
}

// FuzzParse checks that no file makes the reader panic, and that what it
// accepts is all of the file.
func FuzzParse(f *testing.F) {
	for _, c := range hostile {
		f.Add(c.file)
	}
	f.Add(file(`{"__metadata__":{"a":"b"},"t":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}}`, "0123"))
	f.Fuzz(func(t *testing.T, data []byte) {
		g, err := safetensors.Parse("fuzz.safetensors", data)
		if err != nil {
			return
		}
		n := 8 + int(binary.LittleEndian.Uint64(data))
		for _, tensor := range g.Tensors() {
			n += len(tensor.Data)
		}
		if n != len(data) {
			t.Errorf("header and tensors have %d of %d bytes", n, len(data))
		}
	})
}
