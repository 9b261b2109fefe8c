package modeltest

import (
	"fmt"
	"math"
	"testing"

	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/infer/quant"
)

// Reference is a Llama in float64 that recomputes everything for every token:
// no cache, no batches, no kernels, nothing shared with infer/model.
type Reference struct {
	shape   Shape
	weights map[string][]float64 // by tensor name, row-major
	rounds  map[string]bool      // tensors whose products round their inputs as well

	// Rounding has products with quantized weights take their inputs in
	// blocks of 32 values of 8 bits, as the kernels do.
	Rounding bool
}

// NewReference decodes the weights of a file of the shape.
func NewReference(t testing.TB, s Shape, f *gguf.File) *Reference {
	t.Helper()
	r := &Reference{shape: s, weights: map[string][]float64{}, rounds: map[string]bool{}}
	for _, tensor := range f.Tensors() {
		row := make([]float32, tensor.Elements())
		if err := quant.Decode(tensor.Type, row, tensor.Data); err != nil {
			t.Fatal(err)
		}
		wide := make([]float64, len(row))
		for i, v := range row {
			wide[i] = float64(v)
		}
		r.weights[tensor.Name] = wide
		_, _, r.rounds[tensor.Name] = tensor.Type.Groups()
	}
	return r
}

// Logits are those after every token, [len(tokens)][Vocab].
func (r *Reference) Logits(tokens []int32) [][]float64 {
	s := r.shape
	stream := make([][]float64, len(tokens))
	for i, id := range tokens {
		stream[i] = append([]float64{}, r.weights["token_embd.weight"][int(id)*s.Dim:(int(id)+1)*s.Dim]...)
	}
	for l := range s.Layers {
		p := fmt.Sprintf("blk.%d.", l)
		for i, a := range r.attention(p, stream) {
			plus(stream[i], r.times(p+"attn_output.weight", a))
		}
		for i := range stream {
			plus(stream[i], r.feedForward(p, stream[i]))
		}
	}
	head := "output.weight"
	if s.Tied {
		head = "token_embd.weight"
	}
	out := make([][]float64, len(tokens))
	for i := range stream {
		out[i] = r.times(head, r.norm("output_norm.weight", stream[i]))
	}
	return out
}

// Greedy continues a prompt by n tokens.
func (r *Reference) Greedy(prompt []int32, n int) []int32 {
	tokens := append([]int32{}, prompt...)
	for range n {
		all := r.Logits(tokens)
		logits, best := all[len(all)-1], 0
		for i, x := range logits {
			if x > logits[best] {
				best = i
			}
		}
		tokens = append(tokens, int32(best))
	}
	return tokens[len(prompt):]
}

func (r *Reference) attention(p string, stream [][]float64) [][]float64 {
	s := r.shape
	n := len(stream)
	q, k, v := make([][]float64, n), make([][]float64, n), make([][]float64, n)
	out := make([][]float64, n)
	for i := range stream {
		x := r.norm(p+"attn_norm.weight", stream[i])
		q[i] = r.rotated(r.times(p+"attn_q.weight", x), i)
		k[i] = r.rotated(r.times(p+"attn_k.weight", x), i)
		v[i] = r.times(p+"attn_v.weight", x)
		out[i] = make([]float64, s.Heads*s.HeadDim)
	}
	for i := range out {
		for h := range s.Heads {
			r.attendHead(out[i], q[i], k[:i+1], v[:i+1], h*s.HeadDim, h*s.KVHeads/s.Heads*s.HeadDim)
		}
	}
	return out
}

// attendHead mixes one head; at and kvAt are where it begins in queries and keys.
func (r *Reference) attendHead(out, q []float64, k, v [][]float64, at, kvAt int) {
	weights := make([]float64, len(k))
	sum := 0.0
	for t := range k {
		dot := 0.0
		for d := range r.shape.HeadDim {
			dot += q[at+d] * k[t][kvAt+d]
		}
		weights[t] = math.Exp(dot / math.Sqrt(float64(r.shape.HeadDim)))
		sum += weights[t]
	}
	for t := range v {
		for d := range r.shape.HeadDim {
			out[at+d] += weights[t] / sum * v[t][kvAt+d]
		}
	}
}

func (r *Reference) feedForward(p string, x []float64) []float64 {
	x = r.norm(p+"ffn_norm.weight", x)
	gate, up := r.times(p+"ffn_gate.weight", x), r.times(p+"ffn_up.weight", x)
	for i := range gate {
		gate[i] = gate[i] / (1 + math.Exp(-gate[i])) * up[i]
	}
	return r.times(p+"ffn_down.weight", gate)
}

// times is the product of a matrix with x.
func (r *Reference) times(name string, x []float64) []float64 {
	w := r.weights[name]
	if r.Rounding && r.rounds[name] {
		x = rounded(x)
	}
	out := make([]float64, len(w)/len(x))
	for i := range out {
		for j := range x {
			out[i] += w[i*len(x)+j] * x[j]
		}
	}
	return out
}

// rounded is x in blocks of 32 of 8 bits: multiples of max|x|/127, halves away
// from zero, in float32.
func rounded(x []float64) []float64 {
	out := make([]float64, len(x))
	for from := 0; from < len(x); from += 32 {
		var largest float32
		for _, v := range x[from : from+32] {
			largest = max(largest, float32(math.Abs(v)))
		}
		if largest == 0 {
			continue
		}
		for i, v := range x[from : from+32] {
			out[from+i] = math.Round(float64(float32(v)*(127/largest))) * float64(largest/127)
		}
	}
	return out
}

func (r *Reference) norm(name string, x []float64) []float64 {
	sum := 0.0
	for _, v := range x {
		sum += v * v
	}
	out := make([]float64, len(x))
	for i := range x {
		out[i] = x[i] / math.Sqrt(sum/float64(len(x))+float64(float32(1e-5))) * r.weights[name][i]
	}
	return out
}

// rotated turns neighbouring pairs of every head by the angles of a position.
func (r *Reference) rotated(x []float64, position int) []float64 {
	s := r.shape
	pos := float64(position)
	if s.RopeScale != 0 {
		pos /= s.RopeScale
	}
	for h := 0; h < len(x); h += s.HeadDim {
		for i := 0; i < s.ropeDim(); i += 2 {
			angle := pos * math.Pow(10000, -float64(i)/float64(s.ropeDim()))
			if s.Divisors {
				angle /= r.weights["rope_freqs.weight"][i/2]
			}
			pair := complex(x[h+i], x[h+i+1]) * complex(math.Cos(angle), math.Sin(angle))
			x[h+i], x[h+i+1] = real(pair), imag(pair)
		}
	}
	return x
}

func plus(dst, x []float64) {
	for i := range dst {
		dst[i] += x[i]
	}
}
