package huggingface

import (
	"encoding/binary"
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/a472be26/cusp/infer/modeltest"
	"github.com/a472be26/cusp/infer/quant"
)

// numbered is a tensor whose values are 0, 1, 2, ...
func numbered(name string, shape ...int) modeltest.Array {
	a := array(name, "F32", shape...)
	for i := range len(a.Data) / 4 {
		binary.LittleEndian.PutUint32(a.Data[4*i:], math.Float32bits(float32(i)))
	}
	return a
}

// opened is the values of the GGUF tensors of a folder.
func opened(t *testing.T, config string, arrays ...modeltest.Array) map[string][]float32 {
	t.Helper()
	f, err := Open(modeltest.Folder(t, map[string][]byte{"config.json": []byte(config), "model.safetensors": modeltest.Safetensors(t, arrays)}))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	values := map[string][]float32{}
	for _, tensor := range f.Tensors() {
		x := make([]float32, tensor.Elements())
		if err := quant.Decode(tensor.Type, x, tensor.Data); err != nil {
			t.Fatal(err)
		}
		values[tensor.Name] = x
	}
	return values
}

func check(t *testing.T, got map[string][]float32, name string, want ...float32) {
	t.Helper()
	if !slices.Equal(got[name], want) {
		t.Errorf("%s is %v, want %v", name, got[name], want)
	}
}

const llamaConfig = `{"architectures":["LlamaForCausalLM"],"hidden_size":8,"intermediate_size":4,"num_hidden_layers":1,
	"num_attention_heads":2,"num_key_value_heads":1,"max_position_embeddings":16,"vocab_size":3,"rms_norm_eps":1e-5}`

// Two heads of width 4: the values 0 and 2 of a head are rotated together, and 1
// and 3.
func TestLlamaPairs(t *testing.T) {
	t.Parallel()
	got := opened(t, llamaConfig,
		numbered("model.layers.0.self_attn.q_proj.bias", 8), numbered("model.layers.0.self_attn.k_proj.bias", 4),
		numbered("model.layers.0.self_attn.v_proj.bias", 4), numbered("model.layers.0.self_attn.k_proj.weight", 4, 2))
	check(t, got, "blk.0.attn_q.bias", 0, 2, 1, 3, 4, 6, 5, 7)
	check(t, got, "blk.0.attn_k.bias", 0, 2, 1, 3)
	check(t, got, "blk.0.attn_v.bias", 0, 1, 2, 3)
	check(t, got, "blk.0.attn_k.weight", 0, 1, 4, 5, 2, 3, 6, 7)
}

// The factors of Llama 3.1, whose formula is transformers'.
func TestLlama3Factors(t *testing.T) {
	t.Parallel()
	config := llamaConfig[:len(llamaConfig)-1] + `,"head_dim":4,"rope_theta":10000,"rope_scaling":{"rope_type":"llama3","factor":8,
		"low_freq_factor":1,"high_freq_factor":4,"original_max_position_embeddings":%d}}`
	for original, want := range map[string]float32{
		"8192": 1,                             // wave lengths 6.3 and 628 are short
		"16":   8,                             // the second is long
		"1000": 1 / ((1-0.19718)/8 + 0.19718), // and here between: (1000/628.3 - 1) / 3
	} {
		got := opened(t, string(slices.Concat([]byte(config[:len(config)-4]), []byte(original), []byte("}}"))))["rope_freqs.weight"]
		if len(got) != 2 || got[0] != 1 && original != "16" || math.Abs(float64(got[1]-want)) > 1e-3 {
			t.Errorf("original context %s: factors %v, want the second to be %v", original, got, want)
		}
	}
}

func TestGPT2Transposes(t *testing.T) {
	t.Parallel()
	got := opened(t, `{"architectures":["GPT2LMHeadModel"],"n_embd":2,"n_layer":1,"n_head":1,"n_positions":4,"vocab_size":3}`,
		numbered("transformer.h.0.mlp.c_fc.weight", 2, 3), numbered("h.0.mlp.c_fc.bias", 3), array("h.0.attn.bias", "U8", 4, 4))
	check(t, got, "blk.0.ffn_up.weight", 0, 3, 1, 4, 2, 5)
	check(t, got, "blk.0.ffn_up.bias", 0, 1, 2)
	if len(got) != 2 {
		t.Errorf("tensors %v", got)
	}
}

// Large matrices are turned in squares; every value must arrive.
func TestTransposeOfManySquares(t *testing.T) {
	t.Parallel()
	const rows, cols = 70, 45
	got := opened(t, `{"architectures":["GPT2LMHeadModel"],"n_embd":2,"n_layer":1,"n_head":1,"n_positions":4,"vocab_size":3}`,
		numbered("h.0.mlp.c_fc.weight", rows, cols))["blk.0.ffn_up.weight"]
	for c := range cols {
		for r := range rows {
			if got[c*rows+r] != float32(r*cols+c) {
				t.Fatalf("row %d, column %d is %v", c, r, got[c*rows+r])
			}
		}
	}
}

// Two heads of width 1, each with query, key and value.
func TestGPTNeoXHeads(t *testing.T) {
	t.Parallel()
	got := opened(t, `{"architectures":["GPTNeoXForCausalLM"],"hidden_size":2,"intermediate_size":4,"num_hidden_layers":1,
		"num_attention_heads":2,"max_position_embeddings":4,"vocab_size":3,"rotary_pct":1}`,
		numbered("gpt_neox.layers.0.attention.query_key_value.bias", 6))
	check(t, got, "blk.0.attn_qkv.bias", 0, 3, 1, 4, 2, 5)
}

const expertConfig = `{"architectures":["Qwen3MoeForCausalLM"],"hidden_size":2,"intermediate_size":2,"moe_intermediate_size":1,"num_hidden_layers":1,
	"num_attention_heads":1,"max_position_embeddings":4,"vocab_size":3,"num_experts":2,"num_experts_per_tok":1}`

// Experts of a tensor each, in any order, become what one tensor of all is.
func TestExperts(t *testing.T) {
	t.Parallel()
	single := opened(t, expertConfig,
		numbered("model.layers.0.mlp.experts.1.gate_proj.weight", 1, 2), numbered("model.layers.0.mlp.experts.0.gate_proj.weight", 1, 2),
		numbered("model.layers.0.mlp.experts.0.down_proj.weight", 2, 1), numbered("model.layers.0.mlp.experts.1.down_proj.weight", 2, 1))
	check(t, single, "blk.0.ffn_gate_exps.weight", 0, 1, 0, 1)
	check(t, single, "blk.0.ffn_down_exps.weight", 0, 1, 0, 1)
	all := opened(t, expertConfig, numbered("model.layers.0.mlp.experts.gate_up_proj", 2, 2, 2), numbered("model.layers.0.mlp.experts.down_proj", 2, 2, 1))
	check(t, all, "blk.0.ffn_gate_exps.weight", 0, 1, 4, 5)
	check(t, all, "blk.0.ffn_up_exps.weight", 2, 3, 6, 7)
	check(t, all, "blk.0.ffn_down_exps.weight", 0, 1, 2, 3)
}

func TestBaichuan(t *testing.T) {
	t.Parallel()
	const config = `{"architectures":["BaichuanForCausalLM"],"hidden_size":4,"intermediate_size":4,"num_hidden_layers":1,
		"num_attention_heads":1,"vocab_size":2,"rms_norm_eps":1e-6,"z_loss_weight":0,`
	got := opened(t, config+`"max_position_embeddings":8}`,
		numbered("model.layers.0.self_attn.W_pack.weight", 12, 1), numbered("lm_head.weight", 2, 2))
	check(t, got, "blk.0.attn_q.weight", 0, 2, 1, 3)
	check(t, got, "blk.0.attn_k.weight", 4, 6, 5, 7)
	check(t, got, "blk.0.attn_v.weight", 8, 9, 10, 11)
	check(t, got, "output.weight", 0, 1, 2/float32(math.Sqrt(13)), 3/float32(math.Sqrt(13))) // the head of Baichuan 2
	for context, alibi := range map[string]bool{`"max_position_embeddings":8}`: false, `"model_max_length":8}`: true} {
		f, err := Open(modeltest.Folder(t, map[string][]byte{"config.json": []byte(config + context), "model.safetensors": modeltest.Safetensors(t, nil)}))
		if err != nil {
			t.Fatal(err)
		}
		if f.Has("baichuan.attention.max_alibi_bias") != alibi || f.Has("baichuan.rope.freq_base") == alibi {
			t.Errorf("%s: ALiBi is %v", context, !alibi)
		}
		if n, err := f.Uint("baichuan.context_length"); n != 8 || err != nil {
			t.Errorf("context %d, %v", n, err)
		}
		f.Close()
	}
}

// Gemma's norms are those of its weights and 1, in F32.
func TestGemmaNorms(t *testing.T) {
	t.Parallel()
	got := opened(t, `{"architectures":["Gemma2ForCausalLM"],"hidden_size":4,"intermediate_size":4,"num_hidden_layers":1,"vocab_size":3}`,
		numbered("model.norm.weight", 3), numbered("lm_head.weight", 3, 4))
	check(t, got, "output_norm.weight", 1, 2, 3)
	if len(got) != 1 {
		t.Errorf("tensors %v", got)
	}
}

// RoBERTa's first positions are never used; BERT's pooler is a classifier's.
func TestBERT(t *testing.T) {
	t.Parallel()
	const config = `,"hidden_size":2,"intermediate_size":4,"num_hidden_layers":1,"num_attention_heads":1,"max_position_embeddings":4,"vocab_size":3,"pad_token_id":1}`
	got := opened(t, `{"architectures":["RobertaModel"]`+config, numbered("roberta.embeddings.position_embeddings.weight", 4, 1))
	check(t, got, "position_embd.weight", 2, 3)
	got = opened(t, `{"architectures":["BertForSequenceClassification"]`+config, numbered("bert.pooler.dense.bias", 2),
		numbered("classifier.bias", 2), numbered("bert.embeddings.LayerNorm.gamma", 2), numbered("bert.encoder.layer.0.output.LayerNorm.beta", 2))
	check(t, got, "cls.bias", 0, 1)
	check(t, got, "cls.output.bias", 0, 1)
	check(t, got, "token_embd_norm.weight", 0, 1)
	check(t, got, "blk.0.layer_output_norm.bias", 0, 1)
	if got := opened(t, `{"architectures":["BertModel"]`+config, numbered("pooler.dense.bias", 2)); len(got) != 0 {
		t.Errorf("tensors %v", got)
	}
}

func TestBART(t *testing.T) {
	t.Parallel()
	got := opened(t, `{"architectures":["BartForConditionalGeneration"],"d_model":2,"encoder_layers":1,"decoder_layers":1,"encoder_ffn_dim":4,
		"decoder_ffn_dim":4,"encoder_attention_heads":1,"decoder_attention_heads":1,"max_position_embeddings":2,"vocab_size":3}`,
		numbered("model.shared.weight", 3, 2), numbered("model.encoder.embed_tokens.weight", 3, 2), numbered("lm_head.weight", 3, 2),
		numbered("model.encoder.embed_positions.weight", 4, 1), numbered("final_logits_bias", 1, 3),
		numbered("model.encoder.layernorm_embedding.bias", 2), numbered("model.encoder.layers.0.fc1.bias", 1),
		numbered("model.decoder.layers.0.encoder_attn.out_proj.bias", 1), numbered("model.decoder.layers.0.final_layer_norm.weight", 1))
	check(t, got, "token_embd.weight", 0, 1, 2, 3, 4, 5)
	check(t, got, "enc.position_embd.weight", 2, 3)
	check(t, got, "output.bias", 0, 1, 2)
	var names []string
	for name := range got {
		names = append(names, name)
	}
	slices.Sort(names)
	want := []string{"dec.blk.0.cross_attn_o.bias", "dec.blk.0.layer_output_norm.weight", "enc.blk.0.ffn_up.bias",
		"enc.position_embd.weight", "enc.token_embd_norm.bias", "output.bias", "token_embd.weight"}
	if !reflect.DeepEqual(names, want) {
		t.Errorf("tensors %v, want %v", names, want)
	}
}

// The first T5 scales what its tied head reads; a later one has its own head.
func TestT5Heads(t *testing.T) {
	t.Parallel()
	const config = `{"architectures":["T5ForConditionalGeneration"],"d_model":2,"d_kv":2,"d_ff":4,"num_layers":1,"num_heads":1,"vocab_size":3`
	head := numbered("lm_head.weight", 3, 2)
	if got := opened(t, config+`}`, head); len(got) != 0 {
		t.Errorf("tied: tensors %v", got)
	}
	for _, untied := range []string{`,"tie_word_embeddings":false}`, `,"tie_word_embeddings":true,"scale_decoder_outputs":false}`} {
		check(t, opened(t, config+untied, head), "output.weight", 0, 1, 2, 3, 4, 5)
	}
}
