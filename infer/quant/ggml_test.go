package quant_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"testing"

	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/infer/quant"
)

// blockTypes are those of testdata/ggml.gguf, which make_ggml.py describes.
var blockTypes = []quant.Type{
	quant.Q4_0, quant.Q4_1, quant.Q5_0, quant.Q5_1, quant.Q8_0, quant.Q2_K, quant.Q3_K,
	quant.Q4_K, quant.Q5_K, quant.Q6_K, quant.IQ4_NL, quant.IQ4_XS, quant.MXFP4,
}

type fixture struct {
	t    *testing.T
	file *gguf.File
}

func openFixture(t *testing.T) fixture {
	t.Helper()
	f, err := gguf.Open("testdata/ggml.gguf")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return fixture{t, f}
}

func (f fixture) bytes(name string) []byte {
	f.t.Helper()
	tensor, ok := f.file.Tensor(name)
	if !ok {
		f.t.Fatalf("testdata/ggml.gguf has no tensor %q", name)
	}
	return tensor.Data
}

func (f fixture) floats(name string) []float32 {
	f.t.Helper()
	return decode(f.t, quant.F32, f.bytes(name))
}

func decode(t *testing.T, kind quant.Type, data []byte) []float32 {
	t.Helper()
	x := make([]float32, len(data)/kind.BlockBytes()*kind.BlockSize())
	if err := quant.Decode(kind, x, data); err != nil {
		t.Fatal(err)
	}
	return x
}

func encode(t *testing.T, kind quant.Type, x []float32) []byte {
	t.Helper()
	data := make([]byte, len(x)/kind.BlockSize()*kind.BlockBytes())
	if err := quant.Encode(kind, data, x); err != nil {
		t.Fatal(err)
	}
	return data
}

func TestEncodesAsGGML(t *testing.T) {
	t.Parallel()
	f := openFixture(t)
	rows := f.floats("rows")
	for _, kind := range blockTypes {
		got, want := encode(t, kind, rows), f.bytes(kind.String())
		for n := kind.BlockBytes(); len(want) > 0; got, want = got[n:], want[n:] {
			if !bytes.Equal(got[:n], want[:n]) {
				t.Errorf("%s: block\n%x, want\n%x", kind, got[:n], want[:n])
				break
			}
		}
	}
}

func TestDecodesAsGGML(t *testing.T) {
	t.Parallel()
	f := openFixture(t)
	for _, kind := range blockTypes {
		for _, name := range []string{kind.String(), kind.String() + ".any"} {
			got, want := decode(t, kind, f.bytes(name)), f.floats(name+".decoded")
			for i := range want {
				same := math.Float32bits(got[i]) == math.Float32bits(want[i]) || got[i] != got[i] && want[i] != want[i]
				if !same {
					t.Errorf("%s: element %d is %v, want %v", name, i, got[i], want[i])
					break
				}
			}
		}
	}
}

// What comes back of many blocks is what comes back from ggml, on every
// processor. The codes of a scale of 0, which stand for nothing, may differ.
func TestManyRowsAsGGML(t *testing.T) {
	t.Parallel()
	f := openFixture(t)
	rows := wideRows()
	for _, kind := range blockTypes {
		want, err := f.file.String(kind.String() + ".wide")
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.New()
		for _, x := range decode(t, kind, encode(t, kind, rows)) {
			sum.Write(binary.LittleEndian.AppendUint32(nil, math.Float32bits(x+0))) // -0 becomes 0
		}
		if got := hex.EncodeToString(sum.Sum(nil)); got != want {
			t.Errorf("%s: other values than ggml's", kind)
		}
	}
}

// wideRows is wide_rows of make_ggml.py.
func wideRows() []float32 {
	rows := make([]float32, 256*256)
	var exponent int
	for i := range rows {
		z := uint64(i+1) * 0x9e3779b97f4a7c15
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		z ^= z >> 31
		if i%16 == 0 {
			exponent = int(z%7) - 3
		}
		sum := int(z&0xffff) + int(z>>16&0xffff) + int(z>>32&0xffff) + int(z>>48) - 4*0x8000
		rows[i] = float32(math.Ldexp(float64(sum), exponent-16))
	}
	return rows
}
