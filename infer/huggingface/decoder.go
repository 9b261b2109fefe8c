package huggingface

import (
	"github.com/a472be26/cusp/infer/quant"
)

// commonKeys sets the hyper-parameters that most decoders have under the same
// names, with the defaults of transformers for what a configuration may leave
// out. Rotations are set by rope.
func (p *plan) commonKeys() {
	c := p.config
	dim := c.size("hidden_size", "n_embd")
	p.layers = c.size("num_hidden_layers", "n_layer", "num_layers")
	p.heads = c.size("num_attention_heads", "n_head")
	p.kvHeads = c.sizeOr(p.heads, "num_key_value_heads")
	p.count("block_count", p.layers)
	p.count("context_length", c.size("max_position_embeddings", "n_positions", "model_max_length"))
	p.count("embedding_length", dim)
	p.count("feed_forward_length", c.sizeOr(4*dim, "intermediate_size", "n_inner"))
	p.count("attention.head_count", p.heads)
	p.count("attention.head_count_kv", p.kvHeads)
}

// headDim is the width of a head.
func (p *plan) headDim() int {
	n := p.config.sizeOr(p.config.size("hidden_size", "n_embd")/p.heads, "head_dim")
	if n > maxHeadDim {
		p.config.fail("the width of a head is %d: at most %d is supported", n, maxHeadDim)
		return 1
	}
	return n
}

// maxHeadDim bounds what is computed for each of its values.
const maxHeadDim = 1 << 16

// headWidth sets the width of a head where the configuration names it.
func (p *plan) headWidth() {
	if p.config.has("head_dim") {
		p.count("attention.key_length", p.headDim())
		p.count("attention.value_length", p.headDim())
	}
}

func (p *plan) rmsEps(otherwise float64) {
	p.float("attention.layer_norm_rms_epsilon", p.config.numberOr(otherwise, "rms_norm_eps"))
}

func (p *plan) normEps(otherwise float64) {
	p.float("attention.layer_norm_epsilon", p.config.numberOr(otherwise, "layer_norm_eps", "layer_norm_epsilon"))
}

func (p *plan) vocabSize() {
	p.count("vocab_size", p.config.size("vocab_size"))
}

// activation refuses a model whose feed-forward blocks compute what the
// architecture does not.
func (p *plan) activation(key string, known ...string) {
	name := p.config.text(known[0], key)
	for _, k := range known {
		if name == k {
			return
		}
	}
	p.config.fail("%s is %q: only %q is supported for this architecture", key, name, known)
}

// fileType is general.file_type of a file whose first matrix is of the type.
var fileType = map[quant.Type]uint32{quant.F32: 0, quant.F16: 1, quant.BF16: 32}

// decoderNames are the tensors of the families that share Llama's names.
var decoderNames = names{
	"model.embed_tokens":                           {to: "token_embd"},
	"model.norm":                                   {to: "output_norm"},
	"lm_head":                                      {to: "output"},
	"model.layers.*.input_layernorm":               {to: "blk.*.attn_norm"},
	"model.layers.*.self_attn.q_proj":              {to: "blk.*.attn_q"},
	"model.layers.*.self_attn.k_proj":              {to: "blk.*.attn_k"},
	"model.layers.*.self_attn.v_proj":              {to: "blk.*.attn_v"},
	"model.layers.*.self_attn.o_proj":              {to: "blk.*.attn_output"},
	"model.layers.*.post_attention_layernorm":      {to: "blk.*.ffn_norm"},
	"model.layers.*.mlp.gate_proj":                 {to: "blk.*.ffn_gate"},
	"model.layers.*.mlp.up_proj":                   {to: "blk.*.ffn_up"},
	"model.layers.*.mlp.down_proj":                 {to: "blk.*.ffn_down"},
	"model.layers.*.self_attn.rotary_emb.inv_freq": {}, // computed
	"model.rotary_emb.inv_freq":                    {},
}
