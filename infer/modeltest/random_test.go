package modeltest

import (
	"testing"

	"github.com/a472be26/cusp/infer/quant"
)

// Every type makes a model file, of other types where rows do not fill its blocks.
func TestTypes(t *testing.T) {
	t.Parallel()
	cases := []struct{ kind, narrow quant.Type }{
		{quant.F32, quant.F32}, {quant.F16, quant.F16}, {quant.BF16, quant.BF16},
		{quant.Q4_0, quant.Q4_0}, {quant.Q4_1, quant.Q4_1}, {quant.Q5_0, quant.Q5_0}, {quant.Q5_1, quant.Q5_1},
		{quant.Q8_0, quant.Q8_0}, {quant.Q2_K, quant.Q4_0}, {quant.Q3_K, quant.Q4_0}, {quant.Q4_K, quant.Q5_0},
		{quant.Q5_K, quant.Q5_1}, {quant.Q6_K, quant.Q8_0}, {quant.IQ4_NL, quant.IQ4_NL}, {quant.IQ4_XS, quant.IQ4_NL},
		{quant.MXFP4, quant.MXFP4},
	}
	for _, c := range cases {
		s := Small()
		s.Type, s.Dim, s.Layers = c.kind, 256, 1 // FFN is narrow
		f := s.File(t)
		for name, want := range map[string]quant.Type{"blk.0.attn_q.weight": c.kind, "blk.0.ffn_down.weight": c.narrow} {
			if tensor, _ := f.Tensor(name); tensor.Type != want {
				t.Errorf("%s: %s is %s, want %s", c.kind, name, tensor.Type, want)
			}
		}
	}
}
