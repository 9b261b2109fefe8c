package kernel

import (
	"encoding/binary"
	"fmt"
	"math"
	"testing"

	"github.com/a472be26/cusp/infer/quant"
)

// dense encodes x; as binary16, x is replaced by what the encoding holds.
func dense(x []float32, halves bool) []byte {
	var b []byte
	for i, v := range x {
		if !halves {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
			continue
		}
		bits := uint16(math.Float32bits(v)>>16&0x8000) | uint16(0x3000+i*37%0x0c00)
		b = binary.LittleEndian.AppendUint16(b, bits)
		x[i] = quant.FromF16(bits)
	}
	return b
}

func TestDense(t *testing.T) {
	eachTier(t, func(t *testing.T, tier *tier) {
		for name, c := range map[string]struct {
			halves bool
			dot    func([]byte, []float32) float32
		}{"F32": {false, tier.dotF32}, "F16": {true, tier.dotF16}} {
			for _, n := range lengths {
				for _, offset := range offsets {
					r := random(n, offset)
					w := values(r, n)
					b := unaligned(dense(w, c.halves), offset)
					x := newGuard("x", offset, values(r, n))
					want, bound := dot64(w, x.x)
					near(t, fmt.Sprintf("%s dot of %d, offset %d", name, n, offset), c.dot(b, x.x), want, bound)
				}
			}
		}
	})
}

func TestMatMulDense(t *testing.T) {
	const rows, cols, n = 300, 70, 3
	p := NewPool(3)
	defer p.Close()
	for kind, halves := range map[quant.Type]bool{quant.F32: false, quant.F16: true} {
		r := random(1)
		w := values(r, rows*cols)
		weights := &Weights{kind, rows, cols, dense(w, halves)}
		x := values(r, n*cols)
		got, alone := make([]float32, n*rows), make([]float32, rows)
		var a Activations
		a.Set(x, n, cols)
		MatMul(p, &a, Product{weights, got})
		for i := range n {
			a.Set(x[i*cols:], 1, cols)
			MatMul(nil, &a, Product{weights, alone})
			for j, v := range alone {
				want, bound := dot64(w[j*cols:][:cols], x[i*cols:][:cols])
				near(t, kind.String(), v, want, bound)
				if got[i*rows+j] != v {
					t.Fatalf("%s: vector %d, row %d is %v, alone %v", kind, i, j, got[i*rows+j], v)
				}
			}
		}
	}
}

func TestDotBF16(t *testing.T) {
	eachTier(t, func(t *testing.T, tier *tier) {
		for _, n := range lengths {
			for _, offset := range offsets {
				r := random(n, offset)
				w, x := values(r, n), newGuard("x", offset, values(r, n))
				b := make([]byte, 2*n)
				if err := quant.Encode(quant.BF16, b, w); err != nil {
					t.Fatal(err)
				}
				if err := quant.Decode(quant.BF16, w, b); err != nil {
					t.Fatal(err)
				}
				want, bound := dot64(w, x.x)
				near(t, fmt.Sprintf("dot of %d bfloat16, offset %d", n, offset), tier.dotBF16(unaligned(b, offset), x.x), want, bound)
			}
		}
	})
}

// Every binary16 as every tier reads it, the hardware's conversions included.
func TestDotF16ReadsEveryValue(t *testing.T) {
	eachTier(t, func(t *testing.T, tier *tier) {
		w := make([]byte, 16)
		x := []float32{0, 0, 1, 0, 0, 0, 0, 0}
		for bits := range 1 << 16 {
			binary.LittleEndian.PutUint16(w[4:], uint16(bits))
			got, want := tier.dotF16(w, x), quant.FromF16(uint16(bits))
			if got != want && (got == got || want == want) {
				t.Fatalf("%#04x reads as %v, want %v", bits, got, want)
			}
		}
	})
}
