// Package convert writes a GGUF model again with its weights in other types.
// It is for models that come in F32, F16, BF16 or Q8_0 and shall take less
// memory. Memory is bounded by one tensor, since files are mapped. What is
// rounded and how is said in infer/quant; what a tensor means is known here
// only by its name, as in llama.cpp.
package convert

import (
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/infer/quant"
)

// Keys that the new file has with values of its own.
const (
	fileTypeKey = "general.file_type"
	versionKey  = "general.quantization_version"
)

// version of the block formats.
const version = uint32(2)

// Plan is a conversion that was checked.
type Plan struct {
	file    *gguf.File
	meta    []gguf.KV
	tensors []gguf.Tensor // of the new file, in the order of the old one; without data
}

// NewPlan chooses the types and refuses what cannot be converted well. The file
// must stay open until Write is done.
func NewPlan(f *gguf.File, mix quant.Mix) (*Plan, error) {
	layers, err := layersOf(f)
	if err != nil {
		return nil, err
	}
	p := &Plan{file: f, meta: metaOf(f, mix)}
	_, untied := f.Tensor("output.weight")
	for _, t := range f.Tensors() {
		kind := t.Type
		if converts(t) {
			kind = mix.Type(quant.Place{Name: t.Name, Cols: t.Dims[0], Layers: layers, Tied: !untied})
		}
		if err := checkStep(t.Type, kind); err != nil {
			return nil, fmt.Errorf("convert: %s: tensor %q: %w", f.Name(), t.Name, err)
		}
		p.tensors = append(p.tensors, gguf.Tensor{Name: t.Name, Dims: t.Dims, Type: kind})
	}
	return p, nil
}

func layersOf(f *gguf.File) (int, error) {
	arch, err := f.String("general.architecture")
	if err != nil {
		return 0, fmt.Errorf("convert: %w", err)
	}
	n, err := f.Uint(arch + ".block_count")
	if err != nil {
		return 0, fmt.Errorf("convert: %w", err)
	}
	return int(min(n, math.MaxInt32)), nil
}

// metaOf copies all keys but those of the types.
func metaOf(f *gguf.File, mix quant.Mix) []gguf.KV {
	var meta []gguf.KV
	for _, key := range f.Keys() {
		if v, ok := f.Value(key); ok && key != fileTypeKey && key != versionKey {
			meta = append(meta, gguf.KV{Key: key, Value: v})
		}
	}
	return append(meta, gguf.KV{Key: fileTypeKey, Value: mix.FileType()}, gguf.KV{Key: versionKey, Value: version})
}

// converts tells matrices of weights from what llama.cpp keeps as it is: biases
// and norms, and a few small ones.
func converts(t gguf.Tensor) bool {
	return len(t.Dims) > 1 && strings.HasSuffix(t.Name, ".weight") &&
		!slices.ContainsFunc(kept, func(name string) bool { return strings.HasSuffix(t.Name, name) })
}

// kept are ends of names: norms, routers to experts, and what is added for
// positions and token types.
var kept = []string{"_norm.weight", "ffn_gate_inp.weight", "position_embd.weight", "token_types.weight", "attn_rel_b.weight"}

// checkStep refuses to round twice, but for Q8_0, which hardly rounds.
func checkStep(from, to quant.Type) error {
	_, _, coarse := from.Groups()
	_, _, blocks := to.Groups()
	switch {
	case from == to:
		return nil
	case coarse && from != quant.Q8_0 && blocks:
		return fmt.Errorf("it is of type %s, and %s would round it a second time: convert the F32, F16, BF16 or Q8_0 file of the model", from, to)
	case !coarse && !isFloat(from):
		return fmt.Errorf("weights of type %s cannot be read", from)
	}
	return nil
}

func isFloat(t quant.Type) bool { return t == quant.F32 || t == quant.F16 || t == quant.BF16 }

// Bytes is the size of all tensors in the old file, which Write counts.
func (p *Plan) Bytes() int64 {
	var n int64
	for _, t := range p.file.Tensors() {
		n += int64(len(t.Data))
	}
	return n
}

// Write writes the new file. done is called with the bytes of the old file that
// were read since the last time, from several goroutines.
func (p *Plan) Write(ctx context.Context, w io.Writer, done func(bytes int)) error {
	buffer := make([]byte, p.largest()) // one for all: smaller ones would be garbage beside it
	return gguf.WriteFunc(w, p.meta, p.tensors, func(i int) ([]byte, error) {
		from, to := p.file.Tensors()[i], p.tensors[i]
		if from.Type == to.Type {
			done(len(from.Data))
			return from.Data, ctx.Err()
		}
		j := job{from: from, to: to, done: done}
		return j.run(ctx, buffer)
	})
}

// largest is the bytes of the largest tensor that is rounded.
func (p *Plan) largest() int {
	most := 0
	for i, to := range p.tensors {
		if to.Type != p.file.Tensors()[i].Type {
			most = max(most, to.Elements()/to.Type.BlockSize()*to.Type.BlockBytes())
		}
	}
	return most
}
