package bench

import (
	"fmt"
	"slices"

	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/infer/quant"
)

// Random is a model file in memory with random weights: of the right size and
// with finite logits, and of no other use. It holds the weights once.
type Random struct {
	shape Shape
	data  []byte // the file
}

var _ Source = (*Random)(nil)

// NewRandom makes the model, at about the speed of memory. context is the
// positions that it claims to have been trained for.
func NewRandom(s Shape, kind quant.Type, context int) (*Random, error) {
	// 1. Refuse what memory cannot hold.
	if need, most := s.bytes(kind), memoryBound(); need > most {
		return nil, fmt.Errorf("shape %q: the weights take %.3g GB as %s, but only %.3g GB of memory are free", s.Name, need/1e9, kind, most/1e9)
	}

	// 2. Write the file without weights: their bytes are borrowed and only counted.
	t, err := s.tensors(kind)
	if err != nil {
		return nil, fmt.Errorf("shape %q: %w", s.Name, err)
	}
	w := headWriter{most: headBytes(len(t))}
	if err := gguf.Write(&w, s.metadata(context), t); err != nil {
		return nil, err
	}

	// 3. Fill the weights where they lie.
	data := make([]byte, w.length)
	copy(data, w.head)
	f, err := gguf.Parse(s.Name, data)
	if err != nil {
		return nil, err
	}
	fill(f.Tensors())
	return &Random{shape: s, data: data}, nil
}

func (r *Random) Open() (*gguf.File, error) { return gguf.Parse(r.shape.Name, r.data) }

func (r *Random) Describe() string {
	name := r.shape.Name + ", random weights"
	if r.shape.note != "" {
		name += " (" + r.shape.note + ")"
	}
	return name
}

// memoryBound is how many bytes a model may take.
func memoryBound() float64 {
	if free := freeMemory(); free > 0 {
		return float64(free)
	}
	return 1 << 40
}

// bytes is about the size of the weights.
func (s Shape) bytes(kind quant.Type) float64 {
	dim, kv := float64(s.Dim), float64(s.Dim/s.Heads*s.KVHeads)
	weights := float64(s.Layers) * (2*dim*dim + 2*dim*kv + 3*dim*float64(s.FFN))
	weights += dim * float64(s.Vocab)
	if !s.Tied {
		weights += dim * float64(s.Vocab)
	}
	return weights / float64(kind.BlockSize()) * float64(kind.BlockBytes())
}

func (s Shape) metadata(context int) []gguf.KV {
	return []gguf.KV{
		{Key: "general.architecture", Value: "llama"},
		{Key: "general.name", Value: s.Name},
		{Key: "llama.block_count", Value: uint32(s.Layers)},
		{Key: "llama.embedding_length", Value: uint32(s.Dim)},
		{Key: "llama.feed_forward_length", Value: uint32(s.FFN)},
		{Key: "llama.attention.head_count", Value: uint32(s.Heads)},
		{Key: "llama.attention.head_count_kv", Value: uint32(s.KVHeads)},
		{Key: "llama.attention.layer_norm_rms_epsilon", Value: float32(1e-5)},
		{Key: "llama.context_length", Value: uint32(context)},
	}
}

// tensors are those of the shape, in the order of a file. All share the same
// bytes: those of the largest.
func (s Shape) tensors(kind quant.Type) ([]gguf.Tensor, error) {
	kv := s.Dim / s.Heads * s.KVHeads
	var l tensorList
	l.add(kind, embeddingName, s.Dim, s.Vocab)
	for i := range s.Layers {
		p := fmt.Sprintf("blk.%d.", i)
		l.add(quant.F32, p+"attn_norm.weight", s.Dim)
		l.add(kind, p+"attn_q.weight", s.Dim, s.Dim)
		l.add(kind, p+"attn_k.weight", s.Dim, kv)
		l.add(kind, p+"attn_v.weight", s.Dim, kv)
		l.add(kind, p+"attn_output.weight", s.Dim, s.Dim)
		l.add(quant.F32, p+"ffn_norm.weight", s.Dim)
		l.add(kind, p+"ffn_gate.weight", s.Dim, s.FFN)
		l.add(kind, p+"ffn_up.weight", s.Dim, s.FFN)
		l.add(kind, p+"ffn_down.weight", s.FFN, s.Dim)
	}
	l.add(quant.F32, "output_norm.weight", s.Dim)
	if !s.Tied {
		l.add(kind, headName, s.Dim, s.Vocab)
	}
	return l.done()
}

// tensorList collects tensors and their sizes.
type tensorList struct {
	tensors []gguf.Tensor
	sizes   []int
	err     error // the first one
}

// add takes dimensions in GGUF's order, a row's length first.
func (l *tensorList) add(kind quant.Type, name string, dims ...int) {
	size, err := kind.RowBytes(dims[0])
	if err != nil && l.err == nil {
		l.err = fmt.Errorf("tensor %q: %w", name, err)
	}
	for _, d := range dims[1:] {
		size *= d // Shape.bytes is within memory, so this cannot overflow
	}
	l.tensors = append(l.tensors, gguf.Tensor{Name: name, Dims: dims, Type: kind})
	l.sizes = append(l.sizes, size)
}

func (l *tensorList) done() ([]gguf.Tensor, error) {
	if l.err != nil {
		return nil, l.err
	}
	borrowed := make([]byte, slices.Max(l.sizes))
	for i, size := range l.sizes {
		l.tensors[i].Data = borrowed[:size]
	}
	return l.tensors, nil
}

// headBytes is more than the metadata and the list of so many tensors take.
func headBytes(tensors int) int { return 8<<10 + 128*tensors }

// headWriter keeps the beginning of what is written to it and counts the rest.
type headWriter struct {
	most   int // bytes to keep
	head   []byte
	length int
}

func (w *headWriter) Write(p []byte) (int, error) {
	w.length += len(p)
	w.head = append(w.head, p[:min(len(p), w.most-len(w.head))]...)
	return len(p), nil
}
