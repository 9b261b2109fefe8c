package model_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/infer/model"
	"github.com/a472be26/cusp/infer/modeltest"
	"github.com/a472be26/cusp/infer/quant"
)

// Texts of several lengths in one pass get what each gets alone, bit for bit.
func TestTextsTogether(t *testing.T) {
	t.Parallel()
	for _, kind := range []quant.Type{quant.F32, quant.Q8_0} {
		want, m := loadVectors(t, "bert_classify"), family(t, "bert_classify", kind)
		c := m.Config()
		texts := [][]int32{want.Inputs, want.Inputs[:1], want.Inputs[2:19], want.Inputs[:16]}
		for _, threads := range []int{1, 3} {
			r, pages := newRunner(t, m, quant.F32, model.Limits{Threads: threads, Sequences: len(texts), Rows: 100, Context: 64})
			var batch []model.Sequence
			for i, text := range texts {
				batch = append(batch, model.Sequence{Pages: pages[i], Tokens: text, Hidden: make([]float32, len(text)*c.Dim)})
				if i != 1 {
					batch[i].Logits = make([]float32, c.Labels)
				}
			}
			if err := r.Forward(batch); err != nil {
				t.Fatal(err)
			}
			for i, text := range texts {
				hidden, scores := encode(t, m, 1, text)
				if !slices.Equal(batch[i].Hidden, hidden) || batch[i].Logits != nil && !slices.Equal(batch[i].Logits, scores) {
					t.Errorf("%s on %d threads: text %d differs from being alone", kind, threads, i)
				}
			}
		}
	}
}

// However an answer is cut into passes, and whoever else is answered or begins
// in them, the bits are the same.
func TestAnswersTogether(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"t5", "t5_gated", "bart"} {
		for _, kind := range []quant.Type{quant.F32, quant.F16, quant.Q8_0} {
			t.Run(fmt.Sprintf("%s in %s", name, kind), func(t *testing.T) {
				t.Parallel()
				_, want := loadFamily(t, name)
				m := family(t, name, kind)
				text := slices.Concat(want.Prompt, want.Greedy)[:40]
				source := want.Source[3:20]
				alone := newDialogue(t, m, quant.F16, 1, source, len(text)).run(text, 1)
				for _, chunk := range []int{3, len(text)} {
					chunks := newDialogue(t, m, quant.F16, 3, source, len(text)).run(text, chunk)
					for i, got := range chunks {
						if last := min((i+1)*chunk, len(text)) - 1; !slices.Equal(got, alone[last]) {
							t.Errorf("chunks of %d: position %d differs from token by token", chunk, last)
						}
					}
				}
				checkCompany(t, m, source, want.Source, text, alone)
			})
		}
	}
}

// checkCompany answers a source beside others that begin before and after it.
func checkCompany(t *testing.T, m model.Model, source, other, text []int32, alone [][]float32) {
	t.Helper()
	r, pages := newRunner(t, m, quant.F16, model.Limits{Threads: 2, Sequences: 6, Rows: 80, Context: 64})
	sources := [][]int32{other, source, other[:1]}
	batch := make([]model.Sequence, len(sources))
	for i := range batch {
		batch[i] = model.Sequence{
			Pages: pages[2*i], SourcePages: pages[2*i+1], Source: sources[i], Logits: make([]float32, m.Config().Vocab),
		}
	}
	for step := range len(text) + 5 {
		var now []model.Sequence
		for i := range batch {
			if s := &batch[i]; step >= 2*i && s.Position < len(text) { // one after the other
				s.Tokens = text[s.Position : s.Position+1]
				now = append(now, *s)
				s.Position++
			}
		}
		if len(now) == 0 {
			break
		}
		if err := r.Forward(now); err != nil {
			t.Fatal(err)
		}
		if at := batch[1].Position - 1; step >= 2 && step-2 == at && !slices.Equal(batch[1].Logits, alone[at]) {
			t.Fatalf("position %d differs from being alone", at)
		}
	}
}

func TestTextsDoNotAllocate(t *testing.T) {
	for _, threads := range []int{1, 2} {
		for _, name := range []string{"t5", "bart"} {
			_, want := loadFamily(t, name)
			m := family(t, name, quant.Q8_0)
			d := newDialogue(t, m, quant.F16, threads, want.Source, 128)
			d.run(want.Prompt, 1)
			batch := []model.Sequence{d.next}
			if n := testing.AllocsPerRun(100, func() {
				if err := d.runner.Forward(batch); err != nil {
					t.Fatal(err)
				}
				batch[0].Position++
			}); n != 0 {
				t.Errorf("%s on %d threads: %v allocations per token of an answer", name, threads, n)
			}
			batch[0].Position = 0
			if n := testing.AllocsPerRun(20, func() {
				if err := d.runner.Forward(batch); err != nil {
					t.Fatal(err)
				}
			}); n != 0 {
				t.Errorf("%s on %d threads: %v allocations per source text", name, threads, n)
			}
		}
		want, m := loadVectors(t, "bert_classify"), family(t, "bert_classify", quant.Q8_0)
		r, pages := newRunner(t, m, quant.F16, model.Limits{Threads: threads, Sequences: 1, Rows: 64, Context: 64})
		batch := []model.Sequence{{
			Pages: pages[0], Tokens: want.Inputs, Hidden: make([]float32, len(want.Inputs)*m.Config().Dim), Logits: make([]float32, m.Config().Labels),
		}}
		if n := testing.AllocsPerRun(20, func() {
			if err := r.Forward(batch); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("bert on %d threads: %v allocations per text", threads, n)
		}
	}
}

// Shares that break what a kind of model promises are refused.
func TestForwardRefusesTexts(t *testing.T) {
	t.Parallel()
	limits := model.Limits{Threads: 1, Sequences: 2, Rows: 20, Context: 24}
	check := func(m model.Model, r model.Runner, want string, batch ...model.Sequence) {
		t.Helper()
		err := r.Forward(batch)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
	m := family(t, "bert_classify", quant.F32)
	r, pages := newRunner(t, m, quant.F16, limits)
	a, b := pages[0], pages[1]
	check(m, r, "in one pass", model.Sequence{Pages: a, Position: 1, Tokens: []int32{1}})
	check(m, r, "what is left of 20 rows", model.Sequence{Pages: a, Tokens: make([]int32, 21)})
	check(m, r, "what is left of 20 rows", model.Sequence{Pages: a, Tokens: make([]int32, 20)}, model.Sequence{Pages: b, Tokens: make([]int32, 1)})
	check(m, r, "room for 31 values", model.Sequence{Pages: a, Tokens: []int32{1}, Hidden: make([]float32, 31)})
	check(m, r, "room for 96 logits, but the model gives 3", model.Sequence{Pages: a, Tokens: []int32{1}, Logits: make([]float32, 96)})
	check(m, r, "no encoder for one", model.Sequence{Pages: a, Tokens: []int32{1}, Source: []int32{1}, SourcePages: b})

	m = family(t, "bert", quant.F32)
	r, pages = newRunner(t, m, quant.F16, limits)
	check(m, r, "room for 3 logits, but the model gives 0", model.Sequence{Pages: pages[0], Tokens: []int32{1}, Logits: make([]float32, 3)})

	m = family(t, "t5", quant.F32)
	r, pages = newRunner(t, m, quant.F16, limits)
	a, b = pages[0], pages[1]
	check(m, r, "no source text", model.Sequence{Pages: a, Tokens: []int32{1}})
	check(m, r, "source text: 17 positions are beyond the 16", model.Sequence{Pages: a, Tokens: []int32{1}, Source: make([]int32, 17), SourcePages: b[:1]})
	check(m, r, "source text: page 9", model.Sequence{Pages: a, Tokens: []int32{1}, Source: make([]int32, 7), SourcePages: []int32{9}})
	check(m, r, "source text: token 96", model.Sequence{Pages: a, Tokens: []int32{1}, Source: []int32{96}, SourcePages: b})
	check(m, r, "source text: 21 tokens do not fit", model.Sequence{Pages: a, Tokens: []int32{1}, Source: make([]int32, 21), SourcePages: b})
	check(m, r, "no encoder", model.Sequence{Pages: a, Tokens: []int32{1}, Source: []int32{1}, SourcePages: b, Hidden: make([]float32, 32)})

	m = load(t, modeltest.Small())
	r, pages = newRunner(t, m, quant.F16, limits)
	check(m, r, "no encoder", model.Sequence{Pages: pages[0], Tokens: []int32{1}, Hidden: make([]float32, 64)})
	check(m, r, "no encoder for one", model.Sequence{Pages: pages[0], Tokens: []int32{1}, Source: []int32{1}, SourcePages: pages[1]})
}

// A file that is no model of these architectures is refused with what is wrong
// with it.
func TestLoadRefusesTexts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		family string
		key    string // is set to value, or removed if that is nil
		value  any
		tensor string // is removed, or gets dims
		dims   []int
		want   []string
	}{
		{family: "bert", key: "bert.pooling_type", value: uint32(5), want: []string{"bert.pooling_type is 5"}},
		{family: "bert", key: "bert.context_length", value: uint32(65), want: []string{`"position_embd.weight"`, "[32 64]", "[32 65]"}},
		{family: "bert", key: "bert.attention.layer_norm_epsilon", want: []string{"bert.attention.layer_norm_epsilon", "missing"}},
		{family: "bert", tensor: "token_embd_norm.weight", want: []string{`"token_embd_norm.weight" is missing`}},
		{family: "bert", tensor: "token_types.weight", dims: []int{64}, want: []string{`"token_types.weight"`, "[64]"}},
		{family: "bert_classify", tensor: "cls.output.weight", want: []string{`"cls.`, "no place"}},
		{family: "bert_classify", tensor: "cls.output.weight", dims: []int{3, 32}, want: []string{`"cls.output.weight"`, "[3 32]", "[32 32]"}},
		{family: "t5", key: "t5.attention.relative_buckets_count", want: []string{"relative_buckets_count", "missing"}},
		{family: "t5", key: "t5.attention.relative_buckets_count", value: uint32(14), want: []string{"relative_buckets_count is 14"}},
		{family: "t5", key: "t5.attention.relative_buckets_count", value: uint32(32), want: []string{`"enc.blk.0.attn_rel_b.weight"`, "[4 16]", "[4 32]"}},
		{family: "t5", key: "t5.attention.relative_max_distance", value: uint32(8), want: []string{"relative_max_distance is 8"}},
		{family: "t5", key: "t5.attention.relative_max_distance", value: uint32(1 << 20), want: []string{"relative_max_distance is 1048576"}},
		{family: "t5", key: "t5.decoder_start_token_id", value: uint32(96), want: []string{"decoder_start_token_id is 96", "96 tokens"}},
		{family: "t5", key: "t5.decoder_block_count", value: uint32(3), want: []string{`"dec.blk.2.attn_norm.weight" is missing`}},
		{family: "t5", key: "t5.block_count", value: uint32(1), want: []string{`"enc.blk.1.`, "no place"}},
		{family: "t5", tensor: "dec.blk.1.cross_attn_k.weight", want: []string{`"dec.blk.1.cross_attn_k.weight" is missing`}},
		{family: "t5", tensor: "dec.blk.0.attn_rel_b.weight", want: []string{`"dec.blk.0.attn_rel_b.weight" is missing`}},
		{family: "bart", key: "bart.hidden_activation", value: "silu", want: []string{`hidden_activation is "silu"`}},
		{family: "bart", key: "bart.embedding_scale", value: float32(0), want: []string{"embedding_scale is 0"}},
		{family: "bart", tensor: "dec.blk.1.cross_attn_output_norm.bias", dims: []int{16, 2}, want: []string{`"dec.blk.1.cross_attn_output_norm.bias"`, "[16 2]"}},
		{family: "bart", tensor: "enc.position_embd.weight", want: []string{`"enc.position_embd.weight" is missing`}},
	} {
		f, _ := loadFamily(t, c.family)
		var meta []gguf.KV
		for _, key := range f.Keys() {
			if v, _ := f.Value(key); key != c.key {
				meta = append(meta, gguf.KV{Key: key, Value: v})
			}
		}
		if c.value != nil {
			meta = append(meta, gguf.KV{Key: c.key, Value: c.value})
		}
		var tensors []gguf.Tensor
		for _, tensor := range f.Tensors() {
			if tensor.Name == c.tensor {
				tensor.Dims = c.dims
			}
			if tensor.Dims != nil {
				tensors = append(tensors, tensor)
			}
		}
		g, err := gguf.Parse("some.gguf", modeltest.Bytes(t, meta, tensors))
		if err != nil {
			t.Fatalf("%+v: %v", c, err)
		}
		_, err = model.Load(g)
		if err == nil {
			t.Errorf("%+v: was loaded", c)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%+v: error %q does not name %s", c, err, want)
			}
		}
	}
}
