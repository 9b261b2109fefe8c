package huggingface

import (
	"fmt"
	"slices"
	"strings"
)

// pooling says how one vector is made of a text's, with the numbers of
// llama.cpp's enum llama_pooling_type.
var pooling = map[string]uint32{"mean": 1, "cls": 2, "lasttoken": 3}

const poolingRank = uint32(4) // a head says the scores of classes

// bertNames are the tensors under whatever prefix.
var bertNames = names{
	"embeddings.word_embeddings":                 {to: "token_embd"},
	"embeddings.position_embeddings":             {"position_embd", positions},
	"embeddings.token_type_embeddings":           {to: "token_types"},
	"embeddings.LayerNorm":                       {to: "token_embd_norm"},
	"embeddings.position_ids":                    {}, // 0, 1, 2, ...
	"embeddings.token_type_ids":                  {},
	"encoder.layer.*.attention.self.query":       {to: "blk.*.attn_q"},
	"encoder.layer.*.attention.self.key":         {to: "blk.*.attn_k"},
	"encoder.layer.*.attention.self.value":       {to: "blk.*.attn_v"},
	"encoder.layer.*.attention.output.dense":     {to: "blk.*.attn_output"},
	"encoder.layer.*.attention.output.LayerNorm": {to: "blk.*.attn_output_norm"},
	"encoder.layer.*.intermediate.dense":         {to: "blk.*.ffn_up"},
	"encoder.layer.*.output.dense":               {to: "blk.*.ffn_down"},
	"encoder.layer.*.output.LayerNorm":           {to: "blk.*.layer_output_norm"},
	"pooler.dense":                               {}, // of the next-sentence task
}

// olderNorms are the names of the norms in checkpoints of the first days.
func olderNorms(n names) names {
	all := join(n)
	for name, r := range n {
		if strings.HasSuffix(name, "LayerNorm") {
			all[name+".gamma"] = rule{r.to + ".weight", r.layout}
			all[name+".beta"] = rule{r.to + ".bias", r.layout}
		}
	}
	return all
}

// bert is BertModel: vectors of texts.
func bert(p *plan) names {
	p.bertKeys(0)
	p.poolingKey()
	return olderNorms(join(prefixed("bert.", bertNames), names{
		"cls.predictions.bias": {}, "cls.predictions.transform.dense": {}, "cls.predictions.transform.LayerNorm": {},
		"cls.predictions.decoder": {}, "cls.seq_relationship": {}, // heads of the training
	}))
}

// bertClassifier has the pooler before its head, which llama.cpp's own
// conversion leaves out; its graph has a place for it.
func bertClassifier(p *plan) names {
	p.bertKeys(0)
	p.labels()
	return olderNorms(join(prefixed("bert.", bertNames), names{
		"bert.pooler.dense": {to: "cls"},
		"classifier":        {to: "cls.output"},
	}))
}

// roberta counts positions from the padding token's id on.
func roberta(p *plan) names {
	p.bertKeys(1 + p.config.count(1, "pad_token_id"))
	p.poolingKey()
	return join(prefixed("roberta.", bertNames), names{
		"lm_head.dense": {}, "lm_head.layer_norm": {}, "lm_head.decoder": {}, "lm_head": {}, // of the training
	})
}

func robertaClassifier(p *plan) names {
	all := roberta(p)
	p.labels()
	return join(all, names{
		"classifier.dense":    {to: "cls"},
		"classifier.out_proj": {to: "cls.output"},
	})
}

// bertKeys sets the hyper-parameters; the first rows of the positions, as many
// as offset, are never used.
func (p *plan) bertKeys(offset int) {
	c := p.config
	p.activation("hidden_act", "gelu")
	if kind := c.text("absolute", "position_embedding_type"); kind != "absolute" {
		c.fail("position_embedding_type is %q: only absolute is supported", kind)
	}
	p.layers, p.heads = c.size("num_hidden_layers"), c.size("num_attention_heads")
	context := c.size("max_position_embeddings") - offset
	if context < 1 {
		c.fail("max_position_embeddings leaves no position after the %d that are never used", offset)
		context = 1
	}
	p.offset = offset
	p.count("block_count", p.layers)
	p.count("context_length", context)
	p.count("embedding_length", c.size("hidden_size"))
	p.count("feed_forward_length", c.size("intermediate_size"))
	p.count("attention.head_count", p.heads)
	p.normEps(1e-12)
	p.set("attention.causal", false)
	p.general("tokenizer.ggml.token_type_count", uint32(c.sizeOr(1, "type_vocab_size")))
}

// positions leaves out the rows that are never used.
func positions(p *plan, to string, t tensor) error {
	rows := t.rows()
	if len(t.dims) != 2 || rows <= p.offset {
		return fmt.Errorf("tensor %q of dimensions %v has no rows after the first %d", t.name, t.dims, p.offset)
	}
	return p.add(keep(to, t.part(p.offset, rows-p.offset)), t.name)
}

// poolingKey reads what sentence-transformers keeps beside the model.
func (p *plan) poolingKey() {
	kind, err := readPooling(p.dir)
	if err != nil {
		p.config.fail("%v", err)
	}
	if kind != 0 {
		p.set("pooling_type", kind)
	}
}

// labels names the classes of a head, unless by the names that say nothing.
func (p *plan) labels() {
	p.set("pooling_type", poolingRank)
	all := p.config.object("id2label").values
	list := make([]string, len(all))
	for i := range list {
		name, ok := all[fmt.Sprint(i)].(string)
		if !ok {
			p.config.fail("id2label has %d entries, but none for %d", len(all), i)
		}
		list[i] = name
	}
	if len(list) > 0 && !slices.Equal(list, []string{"LABEL_0", "LABEL_1"}) {
		p.set("classifier.output_labels", list)
	}
}
