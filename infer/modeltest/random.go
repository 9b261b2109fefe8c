// Package modeltest gives tests small models with random weights, and the
// logits that such a model must have, computed the slow and obvious way. It is
// for tests only.
package modeltest

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/infer/quant"
)

// Shape is what a random Llama looks like.
type Shape struct {
	Vocab, Dim, Layers, Heads, KVHeads, HeadDim, FFN, Context int

	RopeDim   int     // 0: HeadDim
	RopeScale float64 // 0: no scaling
	Divisors  bool    // with a rope_freqs.weight tensor
	Tied      bool    // the head is the embedding

	Type  quant.Type            // of the matrices; where its blocks do not fit, what quant.Mix chooses
	Types map[string]quant.Type // of single tensors, by name
	Seed  uint64
}

// Small is a shape with all that is particular about Llama: shared key heads,
// a head width that is not Dim/Heads, an untied head.
func Small() Shape {
	return Shape{Vocab: 96, Dim: 64, Layers: 2, Heads: 4, KVHeads: 2, HeadDim: 32, FFN: 96, Context: 2048, Seed: 1}
}

// Meta is the metadata of the shape.
func (s Shape) Meta() []gguf.KV {
	meta := []gguf.KV{
		{Key: "general.architecture", Value: "llama"},
		{Key: "general.name", Value: "random"},
		{Key: "llama.block_count", Value: uint32(s.Layers)},
		{Key: "llama.embedding_length", Value: uint32(s.Dim)},
		{Key: "llama.feed_forward_length", Value: uint32(s.FFN)},
		{Key: "llama.attention.head_count", Value: uint32(s.Heads)},
		{Key: "llama.attention.head_count_kv", Value: uint32(s.KVHeads)},
		{Key: "llama.attention.key_length", Value: uint32(s.HeadDim)},
		{Key: "llama.attention.value_length", Value: uint32(s.HeadDim)},
		{Key: "llama.attention.layer_norm_rms_epsilon", Value: float32(1e-5)},
		{Key: "llama.rope.freq_base", Value: float32(10000)},
		{Key: "llama.rope.dimension_count", Value: uint32(s.ropeDim())},
		{Key: "llama.context_length", Value: uint32(s.Context)},
		{Key: "llama.vocab_size", Value: uint32(s.Vocab)},
	}
	if s.RopeScale != 0 {
		meta = append(meta,
			gguf.KV{Key: "llama.rope.scaling.type", Value: "linear"},
			gguf.KV{Key: "llama.rope.scaling.factor", Value: float32(s.RopeScale)})
	}
	return meta
}

func (s Shape) ropeDim() int {
	if s.RopeDim == 0 {
		return s.HeadDim
	}
	return s.RopeDim
}

// Tensors makes the weights; the same seed gives the same ones before they are
// rounded to their types.
func (s Shape) Tensors() []gguf.Tensor {
	g := &generator{shape: s, rng: rand.New(rand.NewPCG(s.Seed, 2))}
	q, kv := s.Heads*s.HeadDim, s.KVHeads*s.HeadDim
	g.matrix("token_embd.weight", s.Vocab, s.Dim, 1)
	for i := range s.Layers {
		p := fmt.Sprintf("blk.%d.", i)
		g.vector(p+"attn_norm.weight", s.Dim)
		g.matrix(p+"attn_q.weight", q, s.Dim, 1)
		g.matrix(p+"attn_k.weight", kv, s.Dim, 1)
		g.matrix(p+"attn_v.weight", kv, s.Dim, 1)
		g.matrix(p+"attn_output.weight", s.Dim, q, 1)
		g.vector(p+"ffn_norm.weight", s.Dim)
		g.matrix(p+"ffn_gate.weight", s.FFN, s.Dim, 1)
		g.matrix(p+"ffn_up.weight", s.FFN, s.Dim, 1)
		g.matrix(p+"ffn_down.weight", s.Dim, s.FFN, 1)
	}
	g.vector("output_norm.weight", s.Dim)
	if !s.Tied {
		g.matrix("output.weight", s.Vocab, s.Dim, 3)
	}
	if s.Divisors {
		g.vector("rope_freqs.weight", s.ropeDim()/2)
	}
	return g.tensors
}

// Bytes is the whole model file.
func (s Shape) Bytes(t testing.TB) []byte {
	t.Helper()
	return Bytes(t, s.Meta(), s.Tensors())
}

// File is the model file, parsed.
func (s Shape) File(t testing.TB) *gguf.File {
	t.Helper()
	f, err := gguf.Parse("random.gguf", s.Bytes(t))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// Bytes writes a model file of any contents.
func Bytes(t testing.TB, meta []gguf.KV, tensors []gguf.Tensor) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := gguf.Write(&b, meta, tensors); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

type generator struct {
	shape   Shape
	rng     *rand.Rand
	tensors []gguf.Tensor
}

// matrix has normal weights that keep the variance of a vector, times gain.
func (g *generator) matrix(name string, rows, cols int, gain float64) {
	values := make([]float32, rows*cols)
	for i := range values {
		values[i] = float32(g.rng.NormFloat64() * gain / math.Sqrt(float64(cols)))
	}
	kind, ok := g.shape.Types[name]
	if !ok {
		kind = quant.MixOf(g.shape.Type).Type(quant.Place{Name: name, Cols: cols, Layers: g.shape.Layers, Tied: g.shape.Tied})
	}
	g.add(name, kind, values, cols, rows)
}

// vector has weights around 1, as norms do.
func (g *generator) vector(name string, n int) {
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(1 + 0.2*g.rng.NormFloat64())
	}
	g.add(name, quant.F32, values, n)
}

// add panics on a shape that the type cannot hold, which is a mistake in a test.
func (g *generator) add(name string, kind quant.Type, values []float32, dims ...int) {
	size, err := kind.RowBytes(len(values))
	if err != nil {
		panic(err)
	}
	data := make([]byte, size)
	if err := quant.Encode(kind, data, values); err != nil {
		panic(err)
	}
	g.tensors = append(g.tensors, gguf.Tensor{Name: name, Dims: dims, Type: kind, Data: data})
}
