package train

import (
	"errors"
	"fmt"
	"math"

	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/infer/quant"
)

// GGUF returns the weights as the architecture's part of a GGUF file: the metadata of the shape and the tensors, matrices
// in the given type and norms in F32. The caller adds the tokenizer.
func (w *Weights) GGUF(t quant.Type) ([]gguf.KV, []gguf.Tensor, error) {
	var tensors []gguf.Tensor
	for _, source := range w.Tensors {
		tensor, err := source.encode(t)
		if err != nil {
			return nil, nil, fmt.Errorf("encode %s as %v: %w", source.Name, t, err)
		}
		tensors = append(tensors, tensor)
	}
	return w.Config.metadata(), tensors, nil
}

func (t Tensor) encode(as quant.Type) (gguf.Tensor, error) {
	dims := []int{t.Cols, t.Rows}
	if t.isNorm() {
		as, dims = quant.F32, dims[:1]
	}
	bytes, err := as.RowBytes(t.Cols)
	if err != nil {
		return gguf.Tensor{}, err
	}
	data := make([]byte, t.Rows*bytes)
	for r := range t.Rows {
		if err := quant.Encode(as, data[r*bytes:(r+1)*bytes], t.Data[r*t.Cols:(r+1)*t.Cols]); err != nil {
			return gguf.Tensor{}, fmt.Errorf("row %d: %w", r, err)
		}
	}
	return gguf.Tensor{Name: t.Name, Dims: dims, Type: as, Data: data}, nil
}

func (c Config) metadata() []gguf.KV {
	return []gguf.KV{
		{Key: "general.architecture", Value: "llama"},
		{Key: "llama.vocab_size", Value: uint32(c.Vocab)},
		{Key: "llama.context_length", Value: uint32(c.Context)},
		{Key: "llama.embedding_length", Value: uint32(c.Dim)},
		{Key: "llama.block_count", Value: uint32(c.Layers)},
		{Key: "llama.feed_forward_length", Value: uint32(c.FFN)},
		{Key: "llama.attention.head_count", Value: uint32(c.Heads)},
		{Key: "llama.attention.head_count_kv", Value: uint32(c.KVHeads)},
		{Key: "llama.attention.layer_norm_rms_epsilon", Value: c.NormEps},
		{Key: "llama.rope.dimension_count", Value: uint32(c.HeadDim())},
		{Key: "llama.rope.freq_base", Value: c.RopeTheta},
	}
}

// Load reads the weights of a llama model from a GGUF file, in any type that quant decodes, for use as a teacher. It
// copies, so the file may be closed afterwards.
func Load(f *gguf.File) (*Weights, error) {
	c, err := readConfig(f)
	if err != nil {
		return nil, fmt.Errorf("load weights: %w", err)
	}
	// The reader has checked the extents of the tensors, so this bounds the allocation by the file's size.
	if have := elements(f); have < c.Parameters() {
		return nil, fmt.Errorf("load weights: %s: its shape needs %d values, the tensors hold %d", f.Name(), c.Parameters(), have)
	}
	w := newWeights(c, make([]float32, c.Parameters()))
	for _, t := range w.Tensors {
		if err := t.decode(f); err != nil {
			return nil, fmt.Errorf("load weights: %s: tensor %s: %w", f.Name(), t.Name, err)
		}
	}
	return w, nil
}

func elements(f *gguf.File) int {
	n := 0
	for _, t := range f.Tensors() {
		n += t.Elements()
	}
	return n
}

func readConfig(f *gguf.File) (Config, error) {
	architecture, err := f.String("general.architecture")
	if err != nil {
		return Config{}, err
	}
	if architecture != "llama" {
		return Config{}, fmt.Errorf("%s: architecture is %q, the trainer knows llama only", f.Name(), architecture)
	}
	embedding, ok := f.Tensor("token_embd.weight")
	if !ok || len(embedding.Dims) != 2 {
		return Config{}, fmt.Errorf("%s: tensor token_embd.weight is missing or no matrix", f.Name())
	}
	_, untied := f.Tensor("output.weight")
	c := Config{Vocab: embedding.Dims[1], Tied: !untied}
	for _, field := range []struct {
		key   string
		value *int
	}{
		{"llama.context_length", &c.Context}, {"llama.embedding_length", &c.Dim}, {"llama.block_count", &c.Layers},
		{"llama.feed_forward_length", &c.FFN}, {"llama.attention.head_count", &c.Heads},
		{"llama.attention.head_count_kv", &c.KVHeads},
	} {
		v, err := f.Uint(field.key)
		if err != nil {
			return Config{}, err
		}
		*field.value = int(min(v, math.MaxInt32))
	}
	return readFloats(f, c)
}

// readFloats completes the shape with its two real numbers; the base of the rotary frequencies is optional in GGUF.
func readFloats(f *gguf.File, c Config) (Config, error) {
	eps, err := f.Float("llama.attention.layer_norm_rms_epsilon")
	if err != nil {
		return c, err
	}
	theta := 10000.0
	if f.Has("llama.rope.freq_base") {
		if theta, err = f.Float("llama.rope.freq_base"); err != nil {
			return c, err
		}
	}
	c.NormEps, c.RopeTheta = float32(eps), float32(theta)
	if err := c.Validate(); err != nil {
		return c, fmt.Errorf("%s: %w", f.Name(), err)
	}
	return c, nil
}

// decode fills t from the tensor of its name.
func (t Tensor) decode(f *gguf.File) error {
	source, ok := f.Tensor(t.Name)
	if !ok || len(source.Dims) == 0 {
		return errors.New("is missing or empty")
	}
	if rows := source.Elements() / max(1, source.Dims[0]); source.Dims[0] != t.Cols || rows != t.Rows {
		return fmt.Errorf("has dimensions %v, want %d rows of %d", source.Dims, t.Rows, t.Cols)
	}
	bytes, err := source.Type.RowBytes(t.Cols)
	if err != nil {
		return err
	}
	for r := range t.Rows {
		if err := quant.Decode(source.Type, t.Data[r*t.Cols:(r+1)*t.Cols], source.Data[r*bytes:(r+1)*bytes]); err != nil {
			return fmt.Errorf("row %d: %w", r, err)
		}
	}
	return nil
}
