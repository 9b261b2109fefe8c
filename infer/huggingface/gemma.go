package huggingface

import (
	"math"
	"slices"
)

// gemmaNames have norms that add 1 to their weights, and no head of their own.
var gemmaNames = join(decoderNames, names{
	"model.norm":                     {"output_norm", addOne},
	"lm_head":                        {},
	"model.layers.*.input_layernorm": {"blk.*.attn_norm", addOne},
	"model.layers.*.post_attention_layernorm":   {"blk.*.post_attention_norm", addOne},
	"model.layers.*.pre_feedforward_layernorm":  {"blk.*.ffn_norm", addOne},
	"model.layers.*.post_feedforward_layernorm": {"blk.*.post_ffw_norm", addOne},
	"model.layers.*.self_attn.q_norm":           {"blk.*.attn_q_norm", addOne},
	"model.layers.*.self_attn.k_norm":           {"blk.*.attn_k_norm", addOne},
})

func gemma2(p *plan) names {
	p.gemmaKeys(8192, 2)
	p.ropeKeys(p.rope(10000, 1))
	return gemmaNames
}

// gemma3 is the text part.
func gemma3(p *plan) names {
	p.gemmaKeys(131072, 6)
	r := p.rope(1e6, 1)
	if r.local == 0 {
		r.local = 10000
	}
	p.ropeKeys(r)
	return gemmaNames
}

// gemmaKeys sets what both have. The configurations of the larger models leave
// out what is a default of transformers.
func (p *plan) gemmaKeys(context, period int) {
	c := p.config
	p.activation("hidden_activation", "gelu_pytorch_tanh")
	p.layers, p.heads = c.size("num_hidden_layers"), c.sizeOr(8, "num_attention_heads")
	p.kvHeads = c.sizeOr(4, "num_key_value_heads")
	head := c.sizeOr(256, "head_dim")
	p.count("block_count", p.layers)
	p.count("context_length", c.sizeOr(context, "max_position_embeddings"))
	p.count("embedding_length", c.size("hidden_size"))
	p.count("feed_forward_length", c.size("intermediate_size"))
	p.count("attention.head_count", p.heads)
	p.count("attention.head_count_kv", p.kvHeads)
	p.count("attention.key_length", head)
	p.count("attention.value_length", head)
	p.rmsEps(1e-6)
	p.count("attention.sliding_window", c.sizeOr(4096, "sliding_window"))
	p.windowPattern(period)
	if scalar := c.numberOr(256, "query_pre_attn_scalar"); scalar != float64(head) {
		p.float("attention.scale", 1/math.Sqrt(scalar))
	}
	for _, key := range []string{"attn_logit_softcapping", "final_logit_softcapping"} {
		if c.has(key) {
			p.float(key, c.number(key))
		}
	}
	if c.flag(false, "use_bidirectional_attention") {
		c.fail("use_bidirectional_attention is true: that is not supported")
	}
}

// windowPattern says which layers have full attention where it is not the last
// of every period: by another period, or layer by layer.
func (p *plan) windowPattern(period int) {
	types := p.config.list("layer_types")
	if types == nil {
		if n := p.config.sizeOr(period, "sliding_window_pattern", "_sliding_window_pattern"); n != period {
			p.count("attention.sliding_window_pattern", n)
		}
		return
	}
	windows := make([]bool, len(types))
	for i, v := range types {
		windows[i] = v == "sliding_attention"
		if !windows[i] && v != "full_attention" {
			p.config.fail("layer_types[%d] is %v, neither sliding_attention nor full_attention", i, v)
		}
	}
	if len(windows) != p.layers {
		p.config.fail("layer_types has %d entries for %d layers", len(windows), p.layers)
	}
	of := func(period int) bool {
		for i, w := range windows {
			if w != (i%period < period-1) {
				return false
			}
		}
		return true
	}
	switch n := slices.Index(windows, false) + 1; {
	case of(period):
	case n > 0 && of(n):
		p.count("attention.sliding_window_pattern", n)
	default:
		p.set("attention.sliding_window_pattern", windows)
	}
}
