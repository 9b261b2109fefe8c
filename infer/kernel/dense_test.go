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
	const rows, cols = 300, 70
	p := NewPool(3)
	defer p.Close()
	r := random(1)
	w := values(r, rows*cols)
	b := dense(w, false)
	xs := [][]float32{values(r, cols), values(r, cols), values(r, cols)}
	got, alone := make([]float32, 3*rows), make([]float32, rows)
	MatMulF32(p, got, b, rows, cols, xs)
	for i, x := range xs {
		MatVecF32(nil, alone, b, rows, cols, x)
		for j, v := range alone {
			want, bound := dot64(w[j*cols:][:cols], x)
			near(t, "MatVecF32", v, want, bound)
			if got[i*rows+j] != v {
				t.Fatalf("MatMulF32: token %d, row %d is %v, alone %v", i, j, got[i*rows+j], v)
			}
		}
	}
	b = dense(w, true)
	MatMulF16(p, got, b, rows, cols, xs)
	MatVecF16(nil, alone, b, rows, cols, xs[2])
	for j, v := range alone {
		want, bound := dot64(w[j*cols:][:cols], xs[2])
		near(t, "MatVecF16", v, want, bound)
		if got[2*rows+j] != v {
			t.Fatalf("MatMulF16: row %d is %v, alone %v", j, got[2*rows+j], v)
		}
	}
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
