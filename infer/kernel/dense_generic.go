package kernel

import (
	"encoding/binary"
	"math"

	"github.com/a472be26/cusp/infer/quant"
)

// dotF32Generic is the product of len(x) little-endian float32 with x.
func dotF32Generic(w []byte, x []float32) float32 {
	var sum float32
	for i, v := range x {
		sum += math.Float32frombits(binary.LittleEndian.Uint32(w[4*i:])) * v
	}
	return sum
}

// dotF16Generic is the product of len(x) little-endian binary16 with x.
func dotF16Generic(w []byte, x []float32) float32 {
	var sum float32
	for i, v := range x {
		sum += quant.FromF16(binary.LittleEndian.Uint16(w[2*i:])) * v
	}
	return sum
}

// dotBF16Generic is the product of len(x) little-endian bfloat16 with x.
func dotBF16Generic(w []byte, x []float32) float32 {
	var sum float32
	for i, v := range x {
		sum += math.Float32frombits(uint32(binary.LittleEndian.Uint16(w[2*i:]))<<16) * v
	}
	return sum
}
