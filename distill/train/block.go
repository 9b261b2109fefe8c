package train

import "gorgonia.org/tensor"

// block is one transformer layer: x + attention(norm(x)), then the same with the feed-forward. Its buffers belong to the
// last forward and are what backward needs.
//
// Behind its attention the last block goes on only with the rows that carry loss: no other row is read any more.
type block struct {
	attnNorm, ffnNorm      rmsnorm
	qkv, out, gateUp, down linear
	attention              attention
	rope                   *rope
	gathers                bool // the last block

	attnResidual, ffnResidual residual

	input   *tensor.Dense // [n, dim], of the layer before
	normed  *tensor.Dense // [n, dim]
	fused   *tensor.Dense // [n, qkvDim], queries and keys turned
	mixed   *tensor.Dense // [n, dim], the attention's result
	picked  *tensor.Dense // [m, dim], mixed at the rows that go on (mixed itself when all do)
	stream  *tensor.Dense // [m, dim], input at those rows
	middle  *tensor.Dense // [m, dim], after the attention branch
	normed2 *tensor.Dense // [m, dim]
	gated   *tensor.Dense // [m, 2*ffn]
	active  *tensor.Dense // [m, ffn]
	output  *tensor.Dense // [m, dim]
}

// forward returns the block's output [m, dim] for x [n, dim].
func (b *block) forward(w workers, x *tensor.Dense, in *batch) *tensor.Dense {
	// 1. Attention branch: normalize, project, turn, attend.
	b.input = x
	b.attnNorm.forward(w, b.normed, x)
	b.qkv.forward(b.fused, b.normed)
	b.rope.forward(w, b.fused, b.attention.heads+b.attention.kvHeads, in.positions)
	b.attention.forward(w, b.mixed, b.fused, in.starts)

	// 2. Keep the rows that are read later, and join the stream.
	b.pick(in)
	b.out.forward(b.middle, b.picked)
	b.attnResidual.forward(w, b.middle, b.stream)

	// 3. Feed-forward branch: normalize, project up, gate, project down, join.
	b.ffnNorm.forward(w, b.normed2, b.middle)
	b.gateUp.forward(b.gated, b.normed2)
	swiglu{}.forward(w, b.active, b.gated)
	b.down.forward(b.output, b.active)
	b.ffnResidual.forward(w, b.output, b.middle)
	return b.output
}

func (b *block) pick(in *batch) {
	if !b.gathers {
		b.picked, b.stream = b.mixed, b.input
		return
	}
	gather(b.picked, b.mixed, in.rows)
	gather(b.stream, b.input, in.rows)
}

// scratch is what a backward pass writes besides its results; blocks of the same number of rows share it.
type scratch struct {
	branch  *tensor.Dense // [m, dim]
	normed  *tensor.Dense // [m, dim]
	active  *tensor.Dense // [m, ffn]
	dropped *tensor.Dense // [m, dim]
}

// wide is the part of the scratch in front of the gathering, shared by all blocks.
type wide struct {
	mixed, stream *tensor.Dense // [n, dim]: scattered gradients
	normed        *tensor.Dense // [n, dim]
	fused         *tensor.Dense // [n, qkvDim]
}

// backward returns the gradient of the block's input [n, dim] and writes those of its weights, from the gradient d [m, dim]
// of its output. It uses d and the buffers of forward up.
func (b *block) backward(w workers, d *tensor.Dense, s scratch, all wide, in *batch) *tensor.Dense {
	// 1. Feed-forward branch, from its end to its norm; the stream's gradient passes by it unchanged.
	branch := b.ffnResidual.backward(w, s.dropped, d)
	b.down.backward(s.active, branch, b.active)
	swiglu{}.backward(w, b.gated, s.active, b.gated)
	b.gateUp.backward(s.normed, b.gated, b.normed2)
	b.ffnNorm.backward(w, d, s.normed, b.middle)

	// 2. Output projection, then back to all rows.
	branch = b.attnResidual.backward(w, s.dropped, d)
	mixed := s.branch
	b.out.backward(mixed, branch, b.picked)
	if b.gathers {
		scatter(all.mixed, mixed, in.rows)
		scatter(all.stream, d, in.rows)
		mixed, d = all.mixed, all.stream
	}

	// 3. Attention branch: attend, turn, project, normalize.
	b.attention.backward(w, all.fused, mixed, b.fused, in.starts)
	b.rope.backward(w, all.fused, b.attention.heads+b.attention.kvHeads, in.positions)
	b.qkv.backward(all.normed, all.fused, b.normed)
	b.attnNorm.backward(w, d, all.normed, b.input)
	return d
}

// place gives the block buffers for a batch of n rows of which m go on.
func (b *block) place(a *arena, c Config, n, m int) {
	b.normed, b.mixed = a.matrix(n, c.Dim), a.matrix(n, c.Dim)
	b.fused = a.matrix(n, c.qkvDim())
	if b.gathers {
		b.picked, b.stream = a.matrix(m, c.Dim), a.matrix(m, c.Dim)
	}
	b.middle, b.normed2, b.output = a.matrix(m, c.Dim), a.matrix(m, c.Dim), a.matrix(m, c.Dim)
	b.gated, b.active = a.matrix(m, 2*c.FFN), a.matrix(m, c.FFN)
}
