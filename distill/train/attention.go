package train

import (
	"math"

	"gorgonia.org/tensor"

	"github.com/a472be26/cusp/infer/kernel"
)

// attention is causal grouped-query attention over examples that lie back to back in one batch; no example sees another.
//
// Sequences are short, so each head of each example is a handful of small products on its full square of weights, the
// zeros above the diagonal included: cheaper than a call for each query and key.
type attention struct {
	heads, kvHeads, headDim int
	probs                   []float32 // per example and head: the weights of all keys for all queries, [length, length]
	offsets                 []int     // [examples+1]: where each example's probs start
}

// width is the row length of the fused queries, keys and values.
func (a *attention) width() int { return (a.heads + 2*a.kvHeads) * a.headDim }

// columns of query head h, and of the keys and values that it reads, in a fused row.
func (a *attention) columns(h int) (q, k, v int) {
	kv := h * a.kvHeads / a.heads
	return h * a.headDim, (a.heads + kv) * a.headDim, (a.heads + a.kvHeads + kv) * a.headDim
}

// scale keeps the scores' spread independent of the head's width.
func (a *attention) scale() float32 { return float32(1 / math.Sqrt(float64(a.headDim))) }

// forward writes out [n, heads*headDim] from qkv [n, width]: heads of queries, then of keys, then of values. Example e
// is rows starts[e] to starts[e+1].
func (a *attention) forward(w workers, out, qkv *tensor.Dense, starts []int32) {
	a.place(starts)
	outs, qkvs, dim := values(out), values(qkv), a.heads*a.headDim
	w.run(len(starts)-1, 1, func(e, _ int) {
		lo, hi := int(starts[e]), int(starts[e+1])
		n := hi - lo
		rows, mixed := qkvs[lo*a.width():hi*a.width()], outs[lo*dim:hi*dim]
		for h := range a.heads {
			probs := a.probs[a.offsets[e]+h*n*n:][:n*n]
			a.forwardHead(h, n, mixed, rows, probs)
		}
	})
}

// place lays out probs for the batch.
func (a *attention) place(starts []int32) {
	a.offsets = sized(a.offsets, len(starts))
	a.offsets[0] = 0
	for e := range len(starts) - 1 {
		length := int(starts[e+1] - starts[e])
		a.offsets[e+1] = a.offsets[e] + a.heads*length*length
	}
	a.probs = sized(a.probs, a.offsets[len(starts)-1])
}

func (a *attention) forwardHead(h, n int, mixed, rows, probs []float32) {
	q, k, v := a.columns(h)
	width, dim := a.width(), a.heads*a.headDim
	kernel.Gemm(false, true, n, n, a.headDim, rows[q:], width, rows[k:], width, probs, n, false)
	scale := a.scale()
	for i := range n {
		past, future := probs[i*n:i*n+i+1], probs[i*n+i+1:(i+1)*n]
		for j := range past {
			past[j] *= scale
		}
		kernel.Softmax(past)
		clear(future)
	}
	kernel.Gemm(false, false, n, a.headDim, n, probs, n, rows[v:], width, mixed[h*a.headDim:], dim, false)
}

// backward writes dqkv [n, width] from dout [n, heads*headDim] and the qkv and starts of forward.
func (a *attention) backward(w workers, dqkv, dout, qkv *tensor.Dense, starts []int32) {
	dqkvs, douts, qkvs, dim := values(dqkv), values(dout), values(qkv), a.heads*a.headDim
	w.run(len(starts)-1, 1, func(e, _ int) {
		lo, hi := int(starts[e]), int(starts[e+1])
		n := hi - lo
		drows, rows := dqkvs[lo*a.width():hi*a.width()], qkvs[lo*a.width():hi*a.width()]
		dmixed := douts[lo*dim : hi*dim]
		dscores := make([]float32, n*n)
		for h := range a.heads {
			probs := a.probs[a.offsets[e]+h*n*n:][:n*n]
			a.backwardHead(h, n, drows, dmixed, rows, probs, dscores)
		}
	})
}

// backwardHead writes one query head's gradient and that of its keys and values, which heads of a group add up. With P the
// weights and D the output's gradient: dV = PᵀD, dP = DVᵀ, dS = P*(dP - rowsum(P*dP)), dQ = dS K, dK = dSᵀQ.
func (a *attention) backwardHead(h, n int, drows, dmixed, rows, probs, dscores []float32) {
	q, k, v := a.columns(h)
	width, dim, hd := a.width(), a.heads*a.headDim, a.headDim
	d := dmixed[h*hd:]
	shared := h%(a.heads/a.kvHeads) > 0 // not the group's first
	kernel.Gemm(true, false, n, hd, n, probs, n, d, dim, drows[v:], width, shared)
	kernel.Gemm(false, true, n, n, hd, d, dim, rows[v:], width, dscores, n, false)
	a.backwardSoftmax(n, probs, dscores)
	kernel.Gemm(false, false, n, hd, n, dscores, n, rows[k:], width, drows[q:], width, false)
	kernel.Gemm(true, false, n, hd, n, dscores, n, rows[q:], width, drows[k:], width, shared)
}

// backwardSoftmax turns the gradient of the weights [n, n] into that of the scores, in place.
func (a *attention) backwardSoftmax(n int, probs, dscores []float32) {
	scale := a.scale()
	for i := range n {
		past, ds := probs[i*n:i*n+i+1], dscores[i*n:i*n+i+1]
		mean := kernel.Dot(past, ds)
		for j, p := range past {
			ds[j] = p * (ds[j] - mean) * scale
		}
		clear(dscores[i*n+i+1 : (i+1)*n])
	}
}
