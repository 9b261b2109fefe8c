//go:build cuda

package cuda_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/infer/model"
	"github.com/a472be26/cusp/infer/modeltest"
	"github.com/a472be26/cusp/infer/quant"
)

// Every family of decoders gives the logits of the CPU, and its greedy tokens
// where nothing is rounded.
func TestDecodersEqualCPU(t *testing.T) {
	t.Parallel()
	tested := 0
	for _, name := range fixtures(t) {
		for _, kind := range []quant.Type{quant.F32, quant.Q8_0} {
			m, want := fixture(t, name, kind)
			if m.Config().Kind != model.Decoder {
				continue
			}
			tested++
			t.Run(fmt.Sprintf("%s in %s", name, kind), func(t *testing.T) {
				t.Parallel()
				g, _ := onGPU(t, m, "")
				text := slices.Concat(want.Prompt, want.Greedy)
				limits := model.Limits{Threads: 1, Sequences: 1, Rows: len(want.Prompt), Context: len(text)}
				cpu, gpu := newRun(t, m, quant.F16, limits), newRun(t, g, quant.F16, limits)
				for at, n := 0, len(want.Prompt); at+n <= min(len(text), len(want.Prompt)+8); at, n = at+n, 1 {
					a, b := cpu.logits(0, at, text[at:at+n]...), gpu.logits(0, at, text[at:at+n]...)
					checkWithin(t, fmt.Sprintf("position %d", at+n-1), b, a, closeness(kind))
					if kind == quant.F32 && best(a) != best(b) {
						t.Errorf("position %d: token %d, the CPU's is %d", at+n-1, best(b), best(a))
					}
				}
			})
		}
	}
	if tested < 40 {
		t.Errorf("only %d models were decoders", tested)
	}
}

// Every type of weights, with one row, some and many.
func TestTypesEqualCPU(t *testing.T) {
	t.Parallel()
	for _, kind := range []quant.Type{
		quant.F32, quant.F16, quant.BF16, quant.Q4_0, quant.Q4_1, quant.Q5_0, quant.Q5_1, quant.Q8_0, quant.Q2_K, quant.Q3_K,
		quant.Q4_K, quant.Q5_K, quant.Q6_K, quant.IQ4_NL, quant.IQ4_XS, quant.MXFP4,
	} {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			s := shape()
			s.Dim, s.Layers, s.FFN, s.Type = 256, 1, 512, kind
			m := loadShape(t, s)
			g, _ := onGPU(t, m, "")
			limits := model.Limits{Threads: 1, Sequences: 1, Rows: 32, Context: 64}
			cpu, gpu := newRun(t, m, quant.F16, limits), newRun(t, g, quant.F16, limits)
			text := long(40)
			for at, n := 0, 30; at+n <= len(text); at, n = at+n, max(1, n/6) {
				checkClose(t, fmt.Sprintf("%d rows", n), gpu.logits(0, at, text[at:at+n]...), cpu.logits(0, at, text[at:at+n]...))
			}
		})
	}
}

// long is a text of n tokens.
func long(n int) []int32 {
	out := make([]int32, n)
	for i := range out {
		out[i] = int32(i * (i + 3) % 95)
	}
	return out
}

// On every generation of GPUs, and with every kind of keys and values.
func TestDevicesEqualCPU(t *testing.T) {
	t.Parallel()
	m := loadShape(t, shape())
	for _, capability := range []int{53, 62, 72, 75, 87} {
		for _, kind := range []quant.Type{quant.F16, quant.F32, quant.Q8_0} {
			t.Run(fmt.Sprintf("%d %s", capability, kind), func(t *testing.T) {
				t.Parallel()
				g, _ := onGPU(t, m, fmt.Sprintf("capability=%d", capability))
				limits := model.Limits{Threads: 1, Sequences: 1, Rows: 32, Context: 64}
				cpu, gpu := newRun(t, m, kind, limits), newRun(t, g, kind, limits)
				a, b := cpu.chunks(7, long(23)), gpu.chunks(7, long(23))
				least := 0.9999
				if kind == quant.Q8_0 {
					least = 0.999 // the CPU rounds queries and weights as well
				}
				for i := range a {
					checkWithin(t, fmt.Sprintf("chunk %d", i), b[i], a[i], least)
				}
			})
		}
	}
}

// What a sequence gets depends on nobody in its batch, bit for bit, nor on how
// its text is cut.
func TestBatchesEqualSingles(t *testing.T) {
	t.Parallel()
	for _, kind := range []quant.Type{quant.F16, quant.Q8_0, quant.Q4_K} {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			s := shape()
			s.Type, s.Layers = kind, 1
			if kind == quant.Q4_K {
				s.Dim, s.FFN = 256, 256
			}
			g, _ := onGPU(t, loadShape(t, s), "")
			sequences := 32
			if kind != quant.Q8_0 {
				sequences = 9
			}
			many := newRun(t, g, quant.F16, model.Limits{Threads: 1, Sequences: sequences, Rows: 128, Context: 96})
			alone := newRun(t, g, quant.F16, model.Limits{Threads: 1, Sequences: 1, Rows: 128, Context: 96})
			text := func(i int) []int32 { return long(100)[i : i+2+(i*7)%23] }
			want := make([][]float32, sequences)
			for i := range want {
				all := alone.chunks(1+i%13, text(i))
				want[i] = all[len(all)-1]
				prompt := text(i)[:len(text(i))-1]
				many.forward(model.Sequence{Pages: many.pages[i], Tokens: prompt}) // in one pass
			}
			for _, n := range []int{1, 2, 4, 8, sequences} {
				var batch []model.Sequence
				for i := range n {
					last := len(text(i)) - 1
					batch = append(batch, model.Sequence{Pages: many.pages[i], Position: last, Tokens: text(i)[last:], Logits: make([]float32, 96)})
				}
				many.forward(batch...)
				for i, q := range batch {
					if !slices.Equal(q.Logits, want[i]) {
						t.Errorf("of %d sequences, number %d differs from being alone: cosine %.6f", n, i, cosine(q.Logits, want[i]))
					}
				}
			}
		})
	}
}

// Over several segments, split over blocks or not, with a window and without.
func TestLongContextEqualsCPU(t *testing.T) {
	t.Parallel()
	text := long(700)
	s := modeltest.Shape{Vocab: 96, Dim: 32, Layers: 1, Heads: 2, KVHeads: 1, HeadDim: 16, FFN: 32, Context: 2048, Seed: 1, Type: quant.Q8_0}
	for _, window := range []uint32{0, 300} {
		t.Run(fmt.Sprintf("window %d", window), func(t *testing.T) {
			t.Parallel()
			file, err := gguf.Parse("long.gguf", modeltest.Bytes(t, append(s.Meta(), gguf.KV{Key: "llama.attention.sliding_window", Value: window}), s.Tensors()))
			if err != nil {
				t.Fatal(err)
			}
			m := loadFile(t, file)
			g, sim := onGPU(t, m, "")
			limits := model.Limits{Threads: 1, Sequences: 1, Rows: len(text), Context: len(text)}
			want := newRun(t, m, quant.F16, limits).logits(0, 0, text...)
			whole := newRun(t, g, quant.F16, limits).logits(0, 0, text...)
			checkClose(t, "700 tokens", whole, want)
			before := sim.Count("attend_merge")
			r := newRun(t, g, quant.F16, limits)
			r.forward(model.Sequence{Pages: r.pages[0], Tokens: text[:len(text)-1]})
			if last := r.logits(0, len(text)-1, text[len(text)-1]); !slices.Equal(last, whole) {
				t.Errorf("the last token alone gives other bits: cosine %.6f", cosine(last, whole))
			}
			if sim.Count("attend_merge") == before {
				t.Error("the attention of a single token was not split")
			}
		})
	}
}

// Encoders, with classes and without.
func TestEncodersEqualCPU(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"bert", "roberta", "bert_classify", "roberta_classify"} {
		for _, kind := range []quant.Type{quant.F32, quant.Q8_0} {
			t.Run(fmt.Sprintf("%s in %s", name, kind), func(t *testing.T) {
				t.Parallel()
				m, want := fixture(t, name, kind)
				g, _ := onGPU(t, m, "")
				texts := [][]int32{want.Inputs, want.Inputs[:3], want.Inputs[2:19]}
				limits := model.Limits{Threads: 1, Sequences: len(texts), Rows: 100, Context: 64}
				cpu, gpu := newRun(t, m, quant.F16, limits), newRun(t, g, quant.F16, limits)
				a, b := cpu.texts(texts), gpu.texts(texts)
				for i := range texts {
					checkWithin(t, "hidden states", b[i].Hidden, a[i].Hidden, closeness(kind))
					if m.Config().Labels > 0 {
						checkWithin(t, "scores", b[i].Logits, a[i].Logits, closeness(kind))
					}
				}
			})
		}
	}
}

// texts runs them through an encoder together.
func (r *run) texts(all [][]int32) (batch []model.Sequence) {
	r.t.Helper()
	c := r.model.Config()
	for i, text := range all {
		s := model.Sequence{Pages: r.pages[i], Tokens: text, Hidden: make([]float32, len(text)*c.Dim)}
		if c.Labels > 0 {
			s.Logits = make([]float32, c.Labels)
		}
		batch = append(batch, s)
	}
	r.forward(batch...)
	return batch
}

// Encoder-decoders: two answers, one of which begins while the other runs.
func TestEncoderDecodersEqualCPU(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"t5", "t5_gated", "bart"} {
		for _, kind := range []quant.Type{quant.F32, quant.Q8_0} {
			t.Run(fmt.Sprintf("%s in %s", name, kind), func(t *testing.T) {
				t.Parallel()
				m, want := fixture(t, name, kind)
				g, _ := onGPU(t, m, "")
				text := slices.Concat(want.Prompt, want.Greedy)[:12]
				limits := model.Limits{Threads: 1, Sequences: 4, Rows: 80, Context: 64}
				cpu, gpu := newRun(t, m, quant.F16, limits), newRun(t, g, quant.F16, limits)
				for i := range text {
					a, b := cpu.answers(text, i, want.Source), gpu.answers(text, i, want.Source)
					for j := range a {
						checkWithin(t, fmt.Sprintf("answer %d, position %d", j, a[j].Position), b[j].Logits, a[j].Logits, closeness(kind))
					}
				}
			})
		}
	}
}

// answers runs token i of a first answer, and token i-3 of a second one.
func (r *run) answers(text []int32, i int, source []int32) (batch []model.Sequence) {
	r.t.Helper()
	for j, at := range []int{i, i - 3} {
		if at < 0 {
			continue
		}
		batch = append(batch, model.Sequence{
			Pages: r.pages[2*j], SourcePages: r.pages[2*j+1], Source: source[:len(source)-4*j],
			Position: at, Tokens: text[at : at+1], Logits: make([]float32, r.model.Config().Vocab),
		})
	}
	r.forward(batch...)
	return batch
}
