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
	shape   Shape
	mix     quant.Mix
	context int
	data    []byte // the file
}

var _ Source = (*Random)(nil)

// NewRandom makes the model, at about the speed of memory. context is the
// positions that it claims to have been trained for.
func NewRandom(s Shape, mix quant.Mix, context int) (*Random, error) {
	// 1. Refuse what memory cannot hold.
	list := s.tensors(mix)
	if need, most := list.bytes(), memoryBound(); need > most {
		return nil, fmt.Errorf("shape %q: the weights take %.3g GB as %s, but only %.3g GB of memory are free", s.Name, need/1e9, mix, most/1e9)
	}

	// 2. Write the file without weights: their bytes are borrowed and only counted.
	t := list.borrow()
	w := headWriter{most: headBytes(len(t))}
	if err := gguf.Write(&w, s.metadata(mix, context), t); err != nil {
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
	return &Random{shape: s, mix: mix, context: context, data: data}, nil
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

func (s Shape) metadata(mix quant.Mix, context int) []gguf.KV {
	return []gguf.KV{
		{Key: "general.architecture", Value: "llama"},
		{Key: "general.name", Value: s.Name},
		{Key: fileTypeKey, Value: mix.FileType()},
		{Key: "llama.block_count", Value: uint32(s.Layers)},
		{Key: "llama.embedding_length", Value: uint32(s.Dim)},
		{Key: "llama.feed_forward_length", Value: uint32(s.FFN)},
		{Key: "llama.attention.head_count", Value: uint32(s.Heads)},
		{Key: "llama.attention.head_count_kv", Value: uint32(s.KVHeads)},
		{Key: "llama.attention.layer_norm_rms_epsilon", Value: float32(1e-5)},
		{Key: "llama.context_length", Value: uint32(context)},
	}
}

// tensors are those of the shape, in the order of a file.
func (s Shape) tensors(mix quant.Mix) *tensorList {
	kv := s.Dim / s.Heads * s.KVHeads
	l := &tensorList{shape: s, mix: mix}
	l.matrix(embeddingName, s.Dim, s.Vocab)
	for i := range s.Layers {
		p := fmt.Sprintf("blk.%d.", i)
		l.norm(p + "attn_norm.weight")
		l.matrix(p+"attn_q.weight", s.Dim, s.Dim)
		l.matrix(p+"attn_k.weight", s.Dim, kv)
		l.matrix(p+"attn_v.weight", s.Dim, kv)
		l.matrix(p+"attn_output.weight", s.Dim, s.Dim)
		l.norm(p + "ffn_norm.weight")
		l.matrix(p+"ffn_gate.weight", s.Dim, s.FFN)
		l.matrix(p+"ffn_up.weight", s.Dim, s.FFN)
		l.matrix(p+"ffn_down.weight", s.FFN, s.Dim)
	}
	l.norm("output_norm.weight")
	if !s.Tied {
		l.matrix(headName, s.Dim, s.Vocab)
	}
	return l
}

// tensorList collects tensors and their sizes.
type tensorList struct {
	shape   Shape
	mix     quant.Mix
	tensors []gguf.Tensor
	sizes   []int
}

func (l *tensorList) matrix(name string, cols, rows int) {
	t := l.mix.Type(quant.Place{Name: name, Cols: cols, Layers: l.shape.Layers, Tied: l.shape.Tied})
	l.add(gguf.Tensor{Name: name, Dims: []int{cols, rows}, Type: t})
}

func (l *tensorList) norm(name string) {
	l.add(gguf.Tensor{Name: name, Dims: []int{l.shape.Dim}, Type: quant.F32})
}

// add counts what the tensor takes. A mix chooses types that fit, and with the
// bounds of Shape.check nothing overflows.
func (l *tensorList) add(t gguf.Tensor) {
	l.tensors = append(l.tensors, t)
	l.sizes = append(l.sizes, t.Elements()/t.Type.BlockSize()*t.Type.BlockBytes())
}

func (l *tensorList) bytes() float64 {
	sum := 0.0
	for _, size := range l.sizes {
		sum += float64(size)
	}
	return sum
}

// borrow gives all tensors the same bytes: those of the largest.
func (l *tensorList) borrow() []gguf.Tensor {
	borrowed := make([]byte, slices.Max(l.sizes))
	for i, size := range l.sizes {
		l.tensors[i].Data = borrowed[:size]
	}
	return l.tensors
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
