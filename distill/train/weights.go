package train

import (
	"fmt"
	"strings"
)

// Tensor is a named matrix or vector of a model, row-major with Rows outputs of Cols inputs. A norm's weight has one row.
type Tensor struct {
	Name       string // as in Llama GGUF files: token_embd.weight, blk.0.attn_q.weight, ...
	Rows, Cols int
	Data       []float32 // [Rows*Cols]
}

// Weights are the trained values of a model.
type Weights struct {
	Config  Config
	Tensors []Tensor // in a fixed order; the slices share one allocation
	flat    []float32
}

// Tensor finds a tensor by its GGUF name.
func (w *Weights) Tensor(name string) (Tensor, bool) {
	for _, t := range w.Tensors {
		if t.Name == name {
			return t, true
		}
	}
	return Tensor{}, false
}

// slot is the place of one tensor in the flat parameter array.
type slot struct {
	name       string
	rows, cols int
	offset     int
}

// end is the offset behind the slot's last value.
func (s slot) end() int { return s.offset + s.rows*s.cols }

// layout places every tensor of a model: matrices first, so that weight decay is a prefix; query, key and value side by
// side and gate and up side by side, so that each group is one matrix product.
func layout(c Config) []slot {
	var slots []slot
	add := func(name string, rows, cols int) {
		offset := 0
		if n := len(slots); n > 0 {
			offset = slots[n-1].end()
		}
		slots = append(slots, slot{name: name + ".weight", rows: rows, cols: cols, offset: offset})
	}
	add("token_embd", c.Vocab, c.Dim)
	if !c.Tied {
		add("output", c.Vocab, c.Dim)
	}
	for i := range c.Layers {
		add(blockName(i, "attn_q"), c.Dim, c.Dim)
		add(blockName(i, "attn_k"), c.kvDim(), c.Dim)
		add(blockName(i, "attn_v"), c.kvDim(), c.Dim)
		add(blockName(i, "attn_output"), c.Dim, c.Dim)
		add(blockName(i, "ffn_gate"), c.FFN, c.Dim)
		add(blockName(i, "ffn_up"), c.FFN, c.Dim)
		add(blockName(i, "ffn_down"), c.Dim, c.FFN)
	}
	for i := range c.Layers {
		add(blockName(i, "attn_norm"), 1, c.Dim)
		add(blockName(i, "ffn_norm"), 1, c.Dim)
	}
	add("output_norm", 1, c.Dim)
	return slots
}

func blockName(layer int, part string) string { return fmt.Sprintf("blk.%d.%s", layer, part) }

// newWeights names the parts of flat, which must hold Config.Parameters values and is kept.
func newWeights(c Config, flat []float32) *Weights {
	w := &Weights{Config: c, flat: flat}
	for _, s := range layout(c) {
		w.Tensors = append(w.Tensors, Tensor{Name: s.name, Rows: s.rows, Cols: s.cols, Data: flat[s.offset:s.end():s.end()]})
	}
	return w
}

// isNorm tells the weights of a norm, which start at one and do not decay.
func (t Tensor) isNorm() bool { return strings.HasSuffix(t.Name, normSuffix) }

const normSuffix = "_norm.weight"

// writesStream tells the projections whose result is added to the residual stream.
func (t Tensor) writesStream() bool {
	return strings.HasSuffix(t.Name, ".attn_output.weight") || strings.HasSuffix(t.Name, ".ffn_down.weight")
}

// decayed counts the parameters in front of the first norm.
func decayed(c Config) int {
	for _, s := range layout(c) {
		if strings.HasSuffix(s.name, normSuffix) {
			return s.offset
		}
	}
	return c.Parameters()
}
