package quant_test

import (
	"encoding/binary"
	"math"
	"strings"
	"testing"

	"github.com/a472be26/cusp/infer/quant"
)

// What has no representation is an error that says where, for every type.
func TestEncodeErrors(t *testing.T) {
	t.Parallel()
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	cases := []struct {
		kind quant.Type
		x    float32 // of element 300; the others are 1
		want string
	}{
		{quant.Q8_0, 65520 * 127, "quant: encode Q8_0: block 9: element 12 is 8.32104e+06: a block with it needs the scale 65520, beyond float16"},
		{quant.Q4_0, 1e6, "quant: encode Q4_0: block 9: element 12 is 1e+06: a block with it needs the scale -125000, beyond float16"},
		{quant.Q5_0, -3e6, "quant: encode Q5_0: block 9: element 12 is -3e+06: a block with it needs the scale 187500, beyond float16"},
		{quant.Q4_1, 1e6, "needs the scale 66666.6, beyond float16"},
		{quant.Q4_1, -65520, "needs the minimum -65520, beyond float16"},
		{quant.Q5_1, math.MaxFloat32, "block 9: element 12 is 3.4028235e+38: a block with it needs the scale"},
		{quant.Q2_K, 3e6, "quant: encode Q2_K: block 1: element 44 is 3e+06, beyond 2.94768e+06, the largest magnitude of a block"},
		{quant.Q2_K, -2e6, "block 1: element 44 is -2e+06: a block with it needs the minimum"},
		{quant.Q3_K, 1e30, "block 1: element 44 is 1e+30, beyond"},
		{quant.Q4_K, -math.MaxFloat32, "block 1: element 44 is -3.4028235e+38, beyond"},
		{quant.Q5_K, 1e20, "block 1: element 44 is 1e+20, beyond"},
		{quant.Q6_K, 1e9, "block 1: element 44 is 1e+09, beyond"},
		{quant.IQ4_NL, 1e7, "block 9: element 12 is 1e+07, beyond"},
		{quant.IQ4_XS, 1e9, "block 1: element 44 is 1e+09, beyond"},
		{quant.Type(16), 1, "quant: encode: IQ2_XXS is not supported (use F32, F16, BF16, Q2_K to Q8_0, IQ4_NL, IQ4_XS or MXFP4)"},
	}
	for _, kind := range blockTypes {
		for x, text := range map[float32]string{inf: "+Inf", -inf: "-Inf", nan: "NaN"} {
			cases = append(cases, struct {
				kind quant.Type
				x    float32
				want string
			}{kind, x, "is " + text + ": only finite values can be quantized"})
		}
	}
	for _, c := range cases {
		x := make([]float32, 512)
		for i := range x {
			x[i] = 1
		}
		x[300] = c.x
		data := make([]byte, len(x)/c.kind.BlockSize()*c.kind.BlockBytes())
		err := quant.Encode(c.kind, data, x)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s of %v: %v, want %q", c.kind, c.x, err, c.want)
		}
	}
}

// Nothing that is finite and small enough makes values that are not, or larger ones.
func TestEncodeEdges(t *testing.T) {
	t.Parallel()
	least := float32(math.SmallestNonzeroFloat32)
	for _, kind := range blockTypes {
		for _, values := range [][]float32{
			{0}, {float32(math.Copysign(0, -1))}, {least}, {-least, 0}, {1e-38, -1e-38}, {1e-20, 3e-20, -2e-20},
			{1e-15}, {1}, {-1}, {1, 1, 1, 2}, {-1, -1, -1, -2}, {1000, 0, 1e-9}, {60000, -60000}, {0, 0, 0, 0, 0, 0, 0, 1},
		} {
			x := make([]float32, 256)
			var peak float64
			for i := range x {
				x[i] = values[i%len(values)]
				peak = max(peak, math.Abs(float64(x[i])))
			}
			for i, v := range decode(t, kind, encode(t, kind, x)) {
				if off := math.Abs(float64(v - x[i])); !(off <= tolerance(kind, peak)) {
					t.Errorf("%s: of %v, %v comes back as %v", kind, values, x[i], v)
					break
				}
			}
		}
	}
}

// tolerance is how far an element may be off in a block whose largest magnitude
// is peak: a share of it, and what is lost when the scale is too small for
// float16. MXFP4 has scales for everything.
func tolerance(kind quant.Type, peak float64) float64 {
	share := map[quant.Type]float64{
		quant.Q4_0: 0.126, quant.Q4_1: 0.07, quant.Q5_0: 0.064, quant.Q5_1: 0.035, quant.Q8_0: 0.005,
		quant.Q2_K: 1, quant.Q3_K: 0.5, quant.Q4_K: 0.25, quant.Q5_K: 0.125, quant.Q6_K: 0.07,
		quant.IQ4_NL: 0.25, quant.IQ4_XS: 0.25, quant.MXFP4: 0.25,
	}
	return share[kind]*peak + 2e-4
}

// The forward pass decodes rows of the embedding.
func TestDecodeDoesNotAllocate(t *testing.T) {
	for _, kind := range blockTypes {
		x := make([]float32, 256)
		data := encode(t, kind, x)
		if n := testing.AllocsPerRun(10, func() { quant.Decode(kind, x, data) }); n != 0 {
			t.Errorf("%s: %v allocations", kind, n)
		}
	}
}

// FuzzDecode reads any bits as blocks of a type.
func FuzzDecode(f *testing.F) {
	for i := range blockTypes {
		f.Add(byte(i), []byte{})
		f.Add(byte(i), []byte(strings.Repeat("\xff", 300)))
		f.Add(byte(i), []byte("\x00\x3c\x00\x7c\x12\x34\x56\x78"))
	}
	f.Fuzz(func(t *testing.T, number byte, raw []byte) {
		kind := blockTypes[int(number)%len(blockTypes)]
		data := make([]byte, 256/kind.BlockSize()*kind.BlockBytes())
		copy(data, raw)
		decode(t, kind, data)
	})
}

// FuzzEncode checks on any bits that encoding either fails or comes back near,
// and where the scale follows from the largest magnitude, that what came back
// is encoded as itself.
func FuzzEncode(f *testing.F) {
	for i := range blockTypes {
		for _, bits := range []uint32{0, 1, 0x7f800000, 0x7fc00000, 0xff800000, 0x3f800000, 0x00800000, 0x4affffff, 0xc7800000} {
			f.Add(byte(i), binary.LittleEndian.AppendUint64(nil, uint64(bits)<<32|0x40000000))
		}
	}
	f.Fuzz(func(t *testing.T, number byte, raw []byte) {
		kind := blockTypes[int(number)%len(blockTypes)]
		x, peak := make([]float32, 256), 0.0
		for i := range x {
			if len(raw) >= 4 {
				x[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[i*4%(len(raw)-len(raw)%4):]))
			}
			peak = max(peak, math.Abs(float64(x[i])))
		}
		data := make([]byte, 256/kind.BlockSize()*kind.BlockBytes())
		if quant.Encode(kind, data, x) != nil {
			return
		}
		back := decode(t, kind, data)
		for i, v := range back {
			if off := math.Abs(float64(v) - float64(x[i])); !(off <= tolerance(kind, peak)) {
				t.Fatalf("%s: element %d: %v came back as %v", kind, i, x[i], v)
			}
		}
		switch kind {
		case quant.Q4_0, quant.Q5_0, quant.Q8_0, quant.MXFP4:
			for i, v := range decode(t, kind, encode(t, kind, back)) {
				if v != back[i] {
					t.Fatalf("%s: element %d: %v came back as %v, and this as %v", kind, i, x[i], back[i], v)
				}
			}
		}
	})
}
