package huggingface

import (
	"fmt"
	"slices"

	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/infer/quant"
)

// weight is a tensor as the GGUF file has it. Its bytes are those of the
// checkpoint where they lie there in the right order, or are made by fill.
type weight struct {
	gguf.Tensor              // Data is nil where fill makes it
	size        int          // bytes
	fill        func([]byte) // writes size bytes
}

// keep is a weight whose bytes stay in the mapped file.
func keep(to string, t tensor) weight {
	return weight{Tensor: gguf.Tensor{Name: to, Dims: t.dims, Type: t.kind, Data: t.data}, size: len(t.data)}
}

// made is a weight of the size and type of t with bytes that fill writes.
func made(to string, t tensor, fill func([]byte)) weight {
	w := keep(to, t)
	w.Data, w.fill = nil, fill
	return w
}

// vector is a weight of values that come from elsewhere.
func vector(to string, values []float32) weight {
	data := make([]byte, 4*len(values))
	_ = quant.Encode(quant.F32, data, values) // fails only for wrong sizes
	return keep(to, tensor{kind: quant.F32, dims: []int{len(values)}, data: data})
}

// part is rows [first, first+n) of t, as a tensor in the same place.
func (t tensor) part(first, n int) tensor {
	size := len(t.data) / t.rows()
	t.dims = append(slices.Clone(t.dims[:len(t.dims)-1]), n)
	if len(t.dims) > 2 {
		panic("huggingface: part of a tensor of more than two dimensions")
	}
	t.data = t.data[first*size : (first+n)*size]
	return t
}

// gathered is t with its rows in another order: row r is row from(r) of t.
func gathered(to string, t tensor, from func(r int) int) weight {
	rows := t.rows()
	size := len(t.data) / rows
	return made(to, t, func(dst []byte) {
		for r := range rows {
			copy(dst[r*size:(r+1)*size], t.data[from(r)*size:])
		}
	})
}

// pairs is the order of a query's or key's rows in which the two values that
// are rotated together lie side by side, as llama.cpp's Llama wants them;
// transformers has them half a head apart.
func pairs(t tensor, heads int) (func(int) int, error) {
	rows := t.rows()
	if rows%(2*heads) != 0 {
		return nil, fmt.Errorf("tensor %q has %d rows, which are not %d heads of an even width", t.name, rows, heads)
	}
	width := rows / heads
	return func(r int) int {
		head, i := r/width, r%width
		return head*width + i%2*(width/2) + i/2
	}, nil
}

// unfused is the order in which all queries come first, then all keys, then all
// values; GPT-NeoX has the three of a head together.
func unfused(t tensor, heads int) (func(int) int, error) {
	rows := t.rows()
	if rows%(3*heads) != 0 {
		return nil, fmt.Errorf("tensor %q has %d rows, which are not three times %d heads", t.name, rows, heads)
	}
	width := rows / 3 / heads
	return func(r int) int {
		which, head, i := r/(heads*width), r/width%heads, r%width
		return (head*3+which)*width + i
	}, nil
}

// transposed is a matrix with rows and columns exchanged.
func transposed(to string, t tensor) (weight, error) {
	if len(t.dims) != 2 {
		return weight{}, fmt.Errorf("tensor %q is no matrix: its shape has %d sizes", t.name, len(t.dims))
	}
	cols, rows, size := t.dims[0], t.dims[1], t.kind.BlockBytes()
	w := made(to, t, func(dst []byte) {
		// In squares, so that the lines of both sides stay in the cache.
		const side = 32
		for r0 := 0; r0 < rows; r0 += side {
			for c0 := 0; c0 < cols; c0 += side {
				for r := r0; r < min(r0+side, rows); r++ {
					for c := c0; c < min(c0+side, cols); c++ {
						copy(dst[(c*rows+r)*size:][:size], t.data[(r*cols+c)*size:])
					}
				}
			}
		}
	})
	w.Dims = []int{rows, cols}
	return w, nil
}

// plusOne is a vector with 1 added to each value, in F32.
func plusOne(to string, t tensor) (weight, error) {
	values := make([]float32, t.elements())
	if err := quant.Decode(t.kind, values, t.data); err != nil {
		return weight{}, fmt.Errorf("tensor %q: %w", t.name, err)
	}
	for i := range values {
		values[i]++
	}
	w := vector(to, values)
	w.Dims = t.dims
	return w, nil
}

// stacked is one tensor of all experts, the slowest-running dimension counting
// them.
func stacked(to string, experts []tensor) (weight, error) {
	first := experts[0]
	for _, t := range experts {
		if t.kind != first.kind || !slices.Equal(t.dims, first.dims) || len(t.dims) > 3 {
			return weight{}, fmt.Errorf("tensor %q has the type %s and the dimensions %v, but %q has %s and %v", t.name, t.kind, t.dims, first.name, first.kind, first.dims)
		}
	}
	w := made(to, first, func(dst []byte) {
		for i, t := range experts {
			copy(dst[i*len(t.data):], t.data)
		}
	})
	w.Dims = append(slices.Clone(first.dims), len(experts))
	w.size *= len(experts)
	return w, nil
}

// halves is the first (which 0) or second half of the rows of every expert's
// matrix in t.
func halves(to string, t, half tensor, which int) weight {
	size := len(t.data) / t.dims[2]
	return made(to, half, func(dst []byte) {
		for e := range t.dims[2] {
			copy(dst[e*size/2:(e+1)*size/2], t.data[e*size+which*size/2:])
		}
	})
}
