// Package convert writes a model as a GGUF file with its weights in the types
// that are asked for. It is for models that come in F32, F16, BF16 or Q8_0 and
// shall take less memory, and for folders that shall become one file.
//
// Memory is bounded by one tensor, once as it is read, if its values lie in
// another order there, and once as it is written; the rest is mapped. What is
// rounded and how is said in infer/quant; what a tensor means is known here
// only by its name, as in llama.cpp.
package convert

import (
	"context"
	"fmt"
	"io"
	"math"
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

// Source is the model to convert.
type Source interface {
	Name() string
	Meta() []gguf.KV
	Tensors() []gguf.Tensor // those without Data are made by Fill
	// Fill writes the bytes of tensor i into dst, which has their size.
	Fill(i int, dst []byte)
}

// Plan is a conversion that was checked.
type Plan struct {
	source Source
	meta   []gguf.KV
	from   []gguf.Tensor
	to     []gguf.Tensor // in the same order; without data
}

// NewPlan chooses the types and refuses what cannot be converted well. The
// source must stay open until Write is done.
func NewPlan(source Source, mix quant.Mix) (*Plan, error) {
	p := &Plan{source: source, from: source.Tensors()}
	layers, experts, err := counts(source)
	if err != nil {
		return nil, err
	}
	p.meta = metaOf(source, mix)
	for _, t := range p.from {
		kind := t.Type
		switch {
		case converts(t):
			kind = mix.Type(quant.Place{Name: t.Name, Cols: t.Dims[0], Layers: layers, Experts: experts, Tied: !p.untied()})
		case isFloat(t.Type):
			kind = quant.F32
		}
		if err := checkStep(t.Type, kind); err != nil {
			return nil, fmt.Errorf("convert: %s: tensor %q: %w", source.Name(), t.Name, err)
		}
		p.to = append(p.to, gguf.Tensor{Name: t.Name, Dims: t.Dims, Type: kind})
	}
	return p, nil
}

// untied reports whether the head has weights of its own.
func (p *Plan) untied() bool {
	for _, t := range p.from {
		if t.Name == "output.weight" {
			return true
		}
	}
	return false
}

// counts are the keys of the architecture that the choice of types needs.
func counts(source Source) (layers, experts int, err error) {
	values := map[string]any{}
	for _, kv := range source.Meta() {
		values[kv.Key] = kv.Value
	}
	const archKey = "general.architecture"
	arch, ok := values[archKey].(string)
	if !ok {
		return 0, 0, fmt.Errorf("convert: %s: key %q is missing or no string", source.Name(), archKey)
	}
	key := arch + ".block_count"
	if layers, ok = count(values[key]); !ok {
		return 0, 0, fmt.Errorf("convert: %s: key %q is missing or no count", source.Name(), key)
	}
	experts, _ = count(values[arch+".expert_count"])
	return layers, experts, nil
}

func count(v any) (int, bool) {
	switch n := v.(type) {
	case uint32:
		return int(min(n, math.MaxInt32)), true
	case int32:
		return int(max(n, 0)), true
	case uint64:
		return int(min(n, math.MaxInt32)), true
	}
	return 0, false
}

// metaOf copies all keys but those of the types, and those that say in how many
// files the model was.
func metaOf(source Source, mix quant.Mix) []gguf.KV {
	var meta []gguf.KV
	for _, kv := range source.Meta() {
		if kv.Key != fileTypeKey && kv.Key != versionKey && !gguf.SplitKey(kv.Key) {
			meta = append(meta, kv)
		}
	}
	return append(meta, gguf.KV{Key: fileTypeKey, Value: mix.FileType()}, gguf.KV{Key: versionKey, Value: version})
}

// kept are the matrices that stay in F32: llama.cpp's too, and too small to
// matter.
var kept = []string{
	"_norm.weight", "ffn_gate_inp.weight", "attn_rel_b.weight", "position_embd.weight", "token_types.weight",
}

// converts tells matrices of weights from what stays in F32: vectors, biases,
// norms, positions, and the few weights that route to experts.
func converts(t gguf.Tensor) bool {
	if len(t.Dims) < 2 || !strings.HasSuffix(t.Name, ".weight") {
		return false
	}
	for _, end := range kept {
		if strings.HasSuffix(t.Name, end) {
			return false
		}
	}
	return true
}

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

// Bytes is the size of all tensors as they are read, which Write counts.
func (p *Plan) Bytes() int64 { return bytesOf(p.from) }

// Weights counts the values of all tensors.
func (p *Plan) Weights() int64 {
	var n int64
	for _, t := range p.to {
		n += int64(t.Elements())
	}
	return n
}

// Written is the size of all tensors as they are written.
func (p *Plan) Written() int64 { return bytesOf(p.to) }

func bytesOf(tensors []gguf.Tensor) int64 {
	var n int64
	for _, t := range tensors {
		n += int64(size(t))
	}
	return n
}

// size is the bytes of a tensor, whose type and dimensions fit.
func size(t gguf.Tensor) int { return t.Elements() / t.Type.BlockSize() * t.Type.BlockBytes() }

// Write writes the new file. done is called with the bytes of the old file that
// were read since the last time, from several goroutines.
func (p *Plan) Write(ctx context.Context, w io.Writer, done func(bytes int)) error {
	// One buffer each for all tensors: smaller ones would be garbage beside it.
	in, out := make([]byte, p.largestMade()), make([]byte, p.largestRounded())
	return gguf.WriteFunc(w, p.meta, p.to, func(i int) ([]byte, error) {
		from, to := p.from[i], p.to[i]
		if from.Data == nil {
			from.Data = in[:size(from)]
			p.source.Fill(i, from.Data)
		}
		if from.Type == to.Type {
			done(len(from.Data))
			return from.Data, ctx.Err()
		}
		j := job{from: from, to: to, done: done}
		return j.run(ctx, out)
	})
}

func (p *Plan) largestMade() int {
	most := 0
	for _, t := range p.from {
		if t.Data == nil {
			most = max(most, size(t))
		}
	}
	return most
}

func (p *Plan) largestRounded() int {
	most := 0
	for i, to := range p.to {
		if to.Type != p.from[i].Type {
			most = max(most, size(to))
		}
	}
	return most
}
