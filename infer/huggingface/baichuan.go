package huggingface

import (
	"fmt"
	"math"

	"github.com/a472be26/cusp/infer/quant"
)

// baichuan is Baichuan 1 and 2. The 7B rotates; the 13B has ALiBi instead, and
// no max_position_embeddings. Both rotate in pairs half a head apart, which the
// order of the rows hides as for Llama; that of the 13B does not matter, and is
// the same as in llama.cpp.
func baichuan(p *plan) names {
	p.activation("hidden_act", "silu")
	p.commonKeys()
	p.headWidth()
	p.rmsEps(1e-6)
	p.set("tensor_data_layout", "Meta AI original pth")
	p.count("rope.dimension_count", p.headDim())
	if p.config.has("max_position_embeddings") {
		p.ropeKeys(p.rope(10000, 1))
	} else {
		p.float("attention.max_alibi_bias", 8)
	}
	return join(decoderNames, names{
		"model.layers.*.self_attn.W_pack": {"blk.*.", packed},
		"lm_head":                         {"output", p.normHead()},
	})
}

// packed parts a matrix of queries, keys and values.
func packed(p *plan, to string, t tensor) error {
	rows := t.rows()
	if len(t.dims) != 2 || rows%3 != 0 {
		return fmt.Errorf("tensor %q of dimensions %v is not three matrices of one size", t.name, t.dims)
	}
	prefix := to[:len(to)-len(".weight")]
	for i, name := range []string{"attn_q", "attn_k"} {
		part := t.part(i*rows/3, rows/3)
		from, err := pairs(part, p.heads)
		if err != nil {
			return err
		}
		if err := p.add(gathered(prefix+name+".weight", part, from), t.name); err != nil {
			return err
		}
	}
	return p.add(keep(prefix+"attn_v.weight", t.part(2*rows/3, rows/3)), t.name)
}

// normHead is the head of Baichuan 2, which is known by z_loss_weight: its rows
// are scaled to length 1 before they are used, so here once.
func (p *plan) normHead() layout {
	if !p.config.has("z_loss_weight") {
		return nil
	}
	return func(p *plan, to string, t tensor) error { return p.add(unitRows(to, t), t.name) }
}

// unitRows is a matrix with each row divided by its length, as torch's
// functional.normalize does.
func unitRows(to string, t tensor) weight {
	return made(to, t, func(dst []byte) {
		row := make([]float32, t.dims[0])
		size := len(t.data) / t.rows()
		for r := range t.rows() {
			_ = quant.Decode(t.kind, row, t.data[r*size:][:size]) // sizes fit
			var sum float64
			for _, x := range row {
				sum += float64(x) * float64(x)
			}
			length := float32(max(math.Sqrt(sum), 1e-12))
			for i := range row {
				row[i] /= length
			}
			_ = quant.Encode(t.kind, dst[r*size:][:size], row)
		}
	})
}
