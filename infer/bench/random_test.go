package bench

import (
	"math"
	"strings"
	"testing"

	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/infer/quant"
)

// A matrix must keep the variance of a vector, whatever its type: the standard
// deviation of the weights is one over the square root of a row's length. Only
// powers of two are to be had for floats and for scales that are one.
func TestRandomWeightsHaveTheRightSpread(t *testing.T) {
	t.Parallel()
	const cols, rows = 256, 333 // odd, so that the last stencil is not whole
	coarse := map[quant.Type]bool{quant.F32: true, quant.F16: true, quant.BF16: true, quant.MXFP4: true}
	for kind := range blocks {
		tolerance := 1.03
		if coarse[kind] {
			tolerance = 1.5
		}
		size, err := kind.RowBytes(cols * rows)
		if err != nil {
			t.Fatal(err)
		}
		x := gguf.Tensor{Dims: []int{cols, rows}, Type: kind, Data: make([]byte, size)}
		fill([]gguf.Tensor{x})
		values := make([]float32, cols*rows)
		if err := quant.Decode(kind, values, x.Data); err != nil {
			t.Fatal(err)
		}
		sum, squares := 0.0, 0.0
		for _, v := range values {
			sum += float64(v)
			squares += float64(v) * float64(v)
		}
		n, want := float64(len(values)), 1/math.Sqrt(cols)
		if mean := sum / n; math.Abs(mean) > 0.05*want {
			t.Errorf("%s: mean %v", kind, mean)
		}
		if d := math.Sqrt(squares / n); d < want/tolerance || d > want*tolerance {
			t.Errorf("%s: standard deviation %v, want %v", kind, d, want)
		}
	}
}

func TestRandomRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"dim=1048576,layers=4096,heads=4,ffn=1048576,vocab=1048576": "of memory are free",
	} {
		s, err := ParseShape(text)
		if err != nil {
			t.Fatal(err)
		}
		_, err = NewRandom(s, quant.MixOf(quant.Q8_0), 16)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one about %q", text, err, want)
		}
	}
}
