package gguf

import (
	"encoding/binary"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/a472be26/cusp/infer/quant"
)

// raw writes files that Write would refuse.
type raw []byte

func (b raw) u8(v uint8) raw   { return append(b, v) }
func (b raw) u32(v uint32) raw { return binary.LittleEndian.AppendUint32(b, v) }
func (b raw) u64(v uint64) raw { return binary.LittleEndian.AppendUint64(b, v) }
func (b raw) text(s string) raw {
	return append(b.u64(uint64(len(s))), s...)
}

// head is a version 3 header.
func head(tensors, pairs uint64) raw {
	return append(raw{}, "GGUF"...).u32(3).u64(tensors).u64(pairs)
}

// pair begins a metadata entry.
func (b raw) pair(key string, k kind) raw { return b.text(key).u32(uint32(k)) }

// info is an entry of the tensor list.
func (b raw) info(name string, kind quant.Type, offset uint64, dims ...uint64) raw {
	b = b.text(name).u32(uint32(len(dims)))
	for _, d := range dims {
		b = b.u64(d)
	}
	return b.u32(uint32(kind)).u64(offset)
}

// pad fills up to a multiple of n, and then adds extra bytes.
func (b raw) pad(n, extra int) raw {
	for len(b)%n != 0 {
		b = append(b, 0)
	}
	return append(b, make([]byte, extra)...)
}

// room gives what follows the space that the plausibility of counts asks for.
func (b raw) room() raw { return append(b, make([]byte, 256)...) }

// hostile lists files that must be refused, and what the error must name.
var hostile = []struct {
	name string
	file raw
	want []string
}{
	{"empty", raw{}, []string{"0 bytes"}},
	{"only a magic", raw("GGUF"), []string{"4 bytes"}},
	{"header cut off", head(0, 0)[:23], []string{"23 bytes"}},
	{"other magic", append(raw("GGML"), head(0, 0)[4:]...), []string{"magic", `"GGML"`}},
	{"version 0", append(raw("GGUF"), raw{}.u32(0).u64(0).u64(0)...), []string{"version is 0"}},
	{"version 1", append(raw("GGUF"), raw{}.u32(1).u64(0).u64(0)...), []string{"version is 1"}},
	{"version of the future", append(raw("GGUF"), raw{}.u32(4).u64(0).u64(0)...), []string{"version is 4"}},
	{"big-endian", append(raw("GGUF"), raw{}.u32(3<<24).u64(0).u64(0)...), []string{"big-endian"}},
	{"tensor count beyond the file", head(1<<60, 0), []string{"tensor count", "1152921504606846976"}},
	{"tensor count of all ones", head(math.MaxUint64, 0).room(), []string{"tensor count", "18446744073709551615"}},
	{"metadata count beyond the file", head(0, 1<<61), []string{"metadata count", "2305843009213693952"}},
	{"metadata count one too many", head(0, 2).pair("a", kindUint8).u8(1).room()[:24+28], []string{"metadata entry 1"}},

	{"key of length 2^64-1", head(0, 1).u64(math.MaxUint64).room(), []string{"entry 0", "key", "18446744073709551615"}},
	{"key longer than the file", head(0, 1).u64(1000).room(), []string{"key", "1000"}},
	{"key of no length", head(0, 1).pair("", kindUint8).u8(1).room(), []string{"key is empty"}},
	{"key twice", head(0, 2).pair("a", kindUint8).u8(1).pair("a", kindUint8).u8(1), []string{`"a"`, "twice"}},
	{"unknown value type", head(0, 1).pair("a", 13).room(), []string{`"a"`, "value type is 13"}},
	{"value cut off", head(0, 1).pair("a", kindUint64).u32(7), []string{`"a"`, "8 bytes"}},
	{"bool of 2", head(0, 1).pair("a", kindBool).u8(2), []string{`"a"`, "bool is 2"}},
	{"string beyond the file", head(0, 1).pair("a", kindString).u64(1 << 63).room(), []string{`"a"`, "9223372036854775808"}},
	{"array type unknown", head(0, 1).pair("a", kindArray).u32(99).u64(1).room(), []string{`"a"`, "99"}},
	{"array of 2^60 bytes", head(0, 1).pair("a", kindArray).u32(0).u64(1 << 60).room(), []string{`"a"`, "array count", "1152921504606846976"}},
	{"array whose size overflows", head(0, 1).pair("a", kindArray).u32(uint32(kindUint64)).u64(1<<61 + 1).room(), []string{"array count", "2305843009213693953"}},
	{"array of 2^60 strings", head(0, 1).pair("a", kindArray).u32(uint32(kindString)).u64(1 << 60).room(), []string{"array count"}},
	{"array string beyond the file", head(0, 1).pair("a", kindArray).u32(uint32(kindString)).u64(2).text("x").u64(1 << 40).room(), []string{"array element 1", "1099511627776"}},
	{"array bool of 9", head(0, 1).pair("a", kindArray).u32(uint32(kindBool)).u64(2).u8(1).u8(9), []string{"array element 1", "bool is 9"}},
	{"array of 2^60 arrays", head(0, 1).pair("a", kindArray).u32(uint32(kindArray)).u64(1 << 60).room(), []string{"array count"}},
	{"arrays nested too deep", head(0, 1).pair("a", kindArray).nest(6).room(), []string{"nested"}},

	{"alignment 0", head(0, 1).pair(alignmentKey, kindUint32).u32(0), []string{alignmentKey, "0"}},
	{"alignment 24", head(0, 1).pair(alignmentKey, kindUint32).u32(24), []string{alignmentKey, "24"}},
	{"alignment of another type", head(0, 1).pair(alignmentKey, kindString).text("32"), []string{alignmentKey, "string"}},

	{"tensor name of length 2^64-1", head(1, 0).u64(math.MaxUint64).room(), []string{"tensor 0", "name", "18446744073709551615"}},
	{"tensor name of 65 bytes", head(1, 0).info(strings.Repeat("n", 65), quant.F32, 0, 1).pad(32, 32), []string{"name", "65"}},
	{"tensor twice", head(2, 0).info("t", quant.F32, 0, 1).info("t", quant.F32, 32, 1).pad(32, 64), []string{`"t"`, "twice"}},
	{"five dimensions", head(1, 0).info("t", quant.F32, 0, 1, 1, 1, 1, 1).pad(32, 32), []string{`"t"`, "dimensions is 5"}},
	{"2^32-1 dimensions", head(1, 0).text("t").u32(math.MaxUint32).room(), []string{`"t"`, "4294967295"}},
	{"dimension of 0", head(1, 0).info("t", quant.F32, 0, 4, 0).pad(32, 32), []string{`"t"`, "dimension 1 is 0"}},
	{"negative dimension", head(1, 0).info("t", quant.F32, 0, math.MaxUint64).pad(32, 32), []string{`"t"`, "18446744073709551615"}},
	{"row size overflows", head(1, 0).info("t", quant.F32, 0, math.MaxInt64).pad(32, 32), []string{`"t"`, "9223372036854775807"}},
	{"dimensions overflow", head(1, 0).info("t", quant.F32, 0, 1, 1<<62, 1<<62).pad(32, 32), []string{`"t"`, "overflow"}},
	{"dimensions that wrap to 0", head(1, 0).info("t", quant.F32, 0, 1<<32, 1<<32).pad(32, 32), []string{`"t"`, "overflow"}},
	{"size overflows", head(1, 0).info("t", quant.F32, 0, 1<<31, 1<<31).pad(32, 32), []string{`"t"`, "overflow"}},
	{"row of part of a block", head(1, 0).info("t", quant.Q8_0, 0, 33).pad(32, 64), []string{`"t"`, "33"}},
	{"unknown tensor type", head(1, 0).info("t", 4, 0, 32).pad(32, 64), []string{`"t"`, "type is 4"}},
	{"tensor list cut off", head(1, 0).info("t", quant.F32, 0, 1)[:24+26], []string{`"t"`, "offset"}},
	{"first offset not 0", head(1, 0).info("t", quant.F32, 32, 1).pad(32, 64), []string{`"t"`, "offset is 32"}},
	{"offset of 2^64-1", head(1, 0).info("t", quant.F32, math.MaxUint64, 1).pad(32, 64), []string{`"t"`, "18446744073709551615"}},
	{"tensors overlap", head(2, 0).info("t", quant.F32, 0, 32).info("u", quant.F32, 32, 1).pad(32, 256), []string{`"u"`, "offset is 32"}},
	{"offset off the alignment", head(2, 0).info("t", quant.F32, 0, 1).info("u", quant.F32, 4, 1).pad(32, 256), []string{`"u"`, "offset is 4"}},
	{"alignment other than declared", head(2, 1).pair(alignmentKey, kindUint32).u32(64).info("t", quant.F32, 0, 1).info("u", quant.F32, 32, 1).pad(64, 256), []string{`"u"`, "alignment 64"}},
	{"no tensor data at all", head(1, 0).info("t", quant.F32, 0, 1), []string{"tensor data"}},
	{"data one byte short", head(1, 0).info("t", quant.F32, 0, 8).pad(32, 31), []string{`"t"`, "32 bytes", "31"}},
	{"second tensor beyond the end", head(2, 0).info("t", quant.F32, 0, 8).info("u", quant.F32, 32, 8).pad(32, 63), []string{`"u"`}},
	{"alignment beyond the end", head(1, 1).pair(alignmentKey, kindUint32).u32(1<<31).info("t", quant.F32, 0, 8).pad(32, 64), []string{"tensor data", "2147483648"}},
}

// nest adds arrays of arrays, the innermost one empty.
func (b raw) nest(depth int) raw {
	for range depth {
		b = b.u32(uint32(kindArray)).u64(1)
	}
	return b.u32(0).u64(0)
}

func TestHostileFiles(t *testing.T) {
	t.Parallel()
	for _, c := range hostile {
		f, err := Parse("some.gguf", c.file)
		if err == nil {
			t.Errorf("%s: was accepted with %d tensors", c.name, len(f.Tensors()))
			continue
		}
		for _, want := range append(c.want, "some.gguf") {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %q does not name %s", c.name, err, want)
			}
		}
	}
}

// Refusing a file takes no memory to speak of, whatever counts it claims.
func TestHostileFilesTakeNoMemory(t *testing.T) {
	for _, c := range hostile {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		Parse("some.gguf", c.file)
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 16<<10 {
			t.Errorf("%s: %d bytes were allocated for a file of %d", c.name, grown, len(c.file))
		}
	}
}

// No prefix of a good file is a good file, and none makes the reader stumble.
func TestTruncatedFiles(t *testing.T) {
	t.Parallel()
	whole := written(t, everyKind, someTensors(t))
	const padding = 28 // after the 68 bytes of the last tensor, and not needed
	for n := range len(whole) - padding {
		if _, err := Parse("cut.gguf", whole[:n]); err == nil {
			t.Fatalf("the first %d of %d bytes were accepted", n, len(whole))
		}
	}
}

// Files that look odd but are right.
func TestUnusualFiles(t *testing.T) {
	t.Parallel()
	cases := map[string]raw{
		"nothing in it":               head(0, 0),
		"version 2":                   append(raw("GGUF"), raw{}.u32(2).u64(0).u64(0)...),
		"tensor without padding":      head(1, 0).info("t", quant.F32, 0, 1).pad(32, 4),
		"scalar tensor":               head(1, 0).info("t", quant.F32, 0).pad(32, 4),
		"bytes after the last tensor": head(1, 0).info("t", quant.F32, 0, 1).pad(32, 999),
		"type no model here can run":  head(1, 0).info("t", 12, 0, 256).pad(32, 144),
		"arrays of arrays":            head(0, 1).pair("a", kindArray).nest(3),
		"alignment 1":                 head(1, 1).pair(alignmentKey, kindUint32).u32(1).info("t", quant.F32, 0, 1).u32(0),
		"tensor name of 64 bytes":     head(1, 0).info(strings.Repeat("n", 64), quant.F32, 0, 1).pad(32, 32),
	}
	for name, file := range cases {
		f, err := Parse("odd.gguf", file)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		touch(t, f)
	}
}

// touch uses everything a file offers.
func touch(t *testing.T, f *File) {
	for _, key := range f.Keys() {
		if _, ok := f.Value(key); !ok {
			t.Errorf("key %q has no value", key)
		}
		f.Uint(key)
		f.Float(key)
		f.Ints(key)
		f.String(key)
		f.Strings(key)
	}
	for _, tensor := range f.Tensors() {
		want, err := tensor.size()
		if err != nil || uint64(len(tensor.Data)) != want || tensor.Elements() < 1 {
			t.Errorf("tensor %q: %d bytes, want %d, %v", tensor.Name, len(tensor.Data), want, err)
		}
		if len(tensor.Data) > 0 {
			_ = tensor.Data[0] + tensor.Data[len(tensor.Data)-1]
		}
	}
}

// FuzzParse checks that no file makes the reader panic, and that what it
// accepts can be used.
func FuzzParse(f *testing.F) {
	for _, c := range hostile {
		f.Add([]byte(c.file))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if file, err := Parse("fuzz.gguf", data); err == nil {
			touch(t, file)
		}
	})
}
