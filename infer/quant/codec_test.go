package quant

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"
)

func TestHalf(t *testing.T) {
	t.Parallel()
	cases := []struct {
		x    float32
		want uint16
	}{
		{0, 0}, {float32(math.Copysign(0, -1)), 0x8000}, {1, 0x3c00}, {-2, 0xc000},
		{65504, 0x7bff}, {65519.996, 0x7bff}, {65520, 0x7c00}, {1e30, 0x7c00},
		{float32(math.Inf(-1)), 0xfc00}, {float32(math.NaN()), 0x7e00},
		{1 + 1.0/2048, 0x3c00}, {1 + 3.0/2048, 0x3c02}, // ties go to the even neighbour
		{0x1p-14, 0x0400}, {0x1p-24, 0x0001}, {0x1p-25, 0}, {0x1.8p-25, 1}, {0x1p-26, 0}, {0x1.ff8p-15, 0x03ff}, {0x1.ffcp-15, 0x0400},
	}
	for _, c := range cases {
		if got := ToF16(c.x); got != c.want {
			t.Errorf("ToF16(%v) = %#04x, want %#04x", c.x, got, c.want)
		}
	}
}

// Every half has an exact float32, which must round back to the same half.
func TestHalfRoundTrip(t *testing.T) {
	t.Parallel()
	for h := range 1 << 16 {
		x := FromF16(uint16(h))
		if x != x {
			if h&0x7c00 != 0x7c00 || h&0x3ff == 0 {
				t.Fatalf("%#04x reads as NaN", h)
			}
			continue
		}
		if got := ToF16(x); got != uint16(h) {
			t.Fatalf("%#04x reads as %v, which writes as %#04x", h, x, got)
		}
	}
}

func TestCodecRoundTrip(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	src := make([]float32, 4*Q8Block)
	var peak float64
	for i := range src {
		src[i] = float32(rng.NormFloat64())
		peak = max(peak, math.Abs(float64(src[i])))
	}
	for kind, tolerance := range map[Type]float64{F32: 0, F16: peak / 2048, BF16: peak / 256, Q8_0: peak / 250} {
		n, err := kind.RowBytes(len(src))
		if err != nil {
			t.Fatal(err)
		}
		row, back := make([]byte, n), make([]float32, len(src))
		if err := Encode(kind, row, src); err != nil {
			t.Fatal(err)
		}
		if err := Decode(kind, back, row); err != nil {
			t.Fatal(err)
		}
		for i := range src {
			if off := math.Abs(float64(back[i] - src[i])); off > tolerance {
				t.Fatalf("%s: element %d: %v came back as %v", kind, i, src[i], back[i])
			}
		}
	}
}

// The expected bytes follow from the definition: d = 127/127 = 1, so every
// element is its own quant, and halves move away from zero.
func TestQ8Bytes(t *testing.T) {
	t.Parallel()
	src := make([]float32, Q8Block)
	copy(src, []float32{127, -127, 0.5, -0.5, 1.5, 2.5, 0.49, -3})
	want := make([]byte, 34)
	binary.LittleEndian.PutUint16(want, 0x3c00)
	for i, q := range []int8{127, -127, 1, -1, 2, 3, 0, -3} {
		want[2+i] = byte(q)
	}
	got := make([]byte, 34)
	if err := Encode(Q8_0, got, src); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

// What has no representation is decided here once, the same on every machine.
func TestQ8Edges(t *testing.T) {
	t.Parallel()
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	cases := []struct {
		name  string
		x     float32
		fails bool
		back  float32
	}{
		{"zero", 0, false, 0},
		{"scale underflows float16", 1e-7, false, 0},
		{"scale without a reciprocal", math.SmallestNonzeroFloat32 * 200, false, 0},
		{"largest scale", 65504 * 127, false, 65504 * 127},
		{"scale beyond float16", 65520 * 127, true, 0},
		{"infinity", inf, true, 0},
		{"minus infinity", -inf, true, 0},
		{"not a number", nan, true, 0},
	}
	for _, c := range cases {
		src, dst := make([]float32, Q8Block), make([]byte, 34)
		src[5] = c.x
		err := Encode(Q8_0, dst, src)
		if (err != nil) != c.fails {
			t.Errorf("%s: error %v", c.name, err)
		}
		if err != nil {
			continue
		}
		back := make([]float32, Q8Block)
		if err := Decode(Q8_0, back, dst); err != nil || back[5] != c.back {
			t.Errorf("%s: came back as %v, %v", c.name, back[5], err)
		}
	}
}

func TestSizes(t *testing.T) {
	t.Parallel()
	cases := []struct {
		kind  Type
		n     int
		want  int
		fails bool
	}{
		{F32, 3, 12, false}, {F16, 3, 6, false}, {Q8_0, 64, 68, false}, {Q8_0, 0, 0, false},
		{Q8_0, 33, 0, true}, {F32, -1, 0, true}, {F32, math.MaxInt, 0, true}, {Type(4), 32, 0, true},
	}
	for _, c := range cases {
		got, err := c.kind.RowBytes(c.n)
		if got != c.want || (err != nil) != c.fails {
			t.Errorf("%s.RowBytes(%d) = %d, %v", c.kind, c.n, got, err)
		}
	}
	if err := Encode(F32, make([]byte, 3), make([]float32, 1)); err == nil {
		t.Error("a short destination was accepted")
	}
	if err := Decode(Type(16), make([]float32, 256), make([]byte, 66)); err == nil {
		t.Error("IQ2_XXS was decoded")
	}
}

// FuzzQ8 checks on any bits that encoding either fails or comes back within
// half a step, and that it gives the same bytes when what came back is encoded.
func FuzzQ8(f *testing.F) {
	for _, bits := range []uint32{0, 1, 0x7f800000, 0x7fc00000, 0xff800000, 0x3f800000, 0x00800000, 0x4affffff} {
		f.Add(binary.LittleEndian.AppendUint32(nil, bits))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		src := make([]float32, Q8Block)
		for i := range min(Q8Block, len(raw)/4) {
			src[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
		}
		block, back := make([]byte, 34), make([]float32, Q8Block)
		if Encode(Q8_0, block, src) != nil {
			return
		}
		if err := Decode(Q8_0, back, block); err != nil {
			t.Fatal(err)
		}
		var peak float64
		for _, v := range src {
			peak = max(peak, math.Abs(float64(v)))
		}
		// Half a step, the rounding of d to float16, and its underflow.
		tolerance := peak/254 + peak/2000 + 127*0x1p-25
		for i := range src {
			if math.Abs(float64(src[i])-float64(back[i])) > tolerance {
				t.Fatalf("element %d: %v came back as %v", i, src[i], back[i])
			}
		}
	})
}
