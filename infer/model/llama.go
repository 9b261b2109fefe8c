package model

import (
	"fmt"

	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/infer/kernel"
	"github.com/a472be26/cusp/infer/quant"
)

// llama is the Llama architecture: RMSNorm before each half of a layer, rotary
// positions, grouped-query attention, a SwiGLU feed-forward layer, and a head
// that may be the embedding itself (arXiv 2302.13971; GQA: arXiv 2305.13245).
// Tensor names are those of llama.cpp.
type llama struct {
	config  Config
	weights llamaWeights
	rope    rope
}

var (
	_ Model  = (*llama)(nil)
	_ Runner = (*llamaRun)(nil)
)

type llamaWeights struct {
	embedding matrix // [Vocab][Dim]
	layers    []llamaLayer
	norm      []float32 // [Dim]
	head      matrix    // [Vocab][Dim], the embedding itself in tied models
}

type llamaLayer struct {
	attentionNorm   []float32 // [Dim]
	query           matrix    // [Heads*HeadDim][Dim]
	key, value      matrix    // [KVHeads*HeadDim][Dim]
	attentionOutput matrix    // [Dim][Heads*HeadDim]
	ffnNorm         []float32 // [Dim]
	gate, up        matrix    // [FFN][Dim]
	down            matrix    // [Dim][FFN]
}

func newLlama(f *gguf.File) (Model, error) {
	c, err := readConfig(f, "llama")
	if err != nil {
		return nil, err
	}
	if c.Vocab, err = vocabulary(f); err != nil {
		return nil, err
	}
	b := newBinder(f)
	weights := bindLlama(b, c)
	divisors := b.vectorIf("rope_freqs.weight", c.RopeDim/2)
	if err := b.done(); err != nil {
		return nil, err
	}
	return &llama{config: c, weights: weights, rope: newRope(c, divisors)}, nil
}

// vocabulary is the number of rows of the embedding, which the metadata may
// repeat but not contradict.
func vocabulary(f *gguf.File) (int, error) {
	t, ok := f.Tensor("token_embd.weight")
	if !ok {
		return 0, fmt.Errorf("tensor %q is missing", "token_embd.weight")
	}
	if len(t.Dims) != 2 || t.Dims[1] > maxSize {
		return 0, fmt.Errorf("tensor %q has the shape %v, not one of [dim vocab]", t.Name, t.Dims)
	}
	const key = "llama.vocab_size"
	if !f.Has(key) {
		return t.Dims[1], nil
	}
	n, err := f.Uint(key)
	if err == nil && n != uint64(t.Dims[1]) {
		err = fmt.Errorf("%s is %d, but tensor %q has %d rows", key, n, t.Name, t.Dims[1])
	}
	return t.Dims[1], err
}

func bindLlama(b *binder, c Config) llamaWeights {
	w := llamaWeights{
		embedding: b.matrix("token_embd.weight", c.Vocab, c.Dim),
		norm:      b.vector("output_norm.weight", c.Dim),
	}
	w.head = w.embedding
	if _, ok := b.f.Tensor("output.weight"); ok {
		w.head = b.matrix("output.weight", c.Vocab, c.Dim)
	}
	// The first error ends the loop: the layer count is only a claim.
	for i := 0; i < c.Layers && b.err == nil; i++ {
		w.layers = append(w.layers, bindLayer(b, c, fmt.Sprintf("blk.%d.", i)))
	}
	return w
}

func bindLayer(b *binder, c Config, prefix string) llamaLayer {
	q, kv := c.Heads*c.HeadDim, c.KVHeads*c.HeadDim
	return llamaLayer{
		attentionNorm:   b.vector(prefix+"attn_norm.weight", c.Dim),
		query:           b.matrix(prefix+"attn_q.weight", q, c.Dim),
		key:             b.matrix(prefix+"attn_k.weight", kv, c.Dim),
		value:           b.matrix(prefix+"attn_v.weight", kv, c.Dim),
		attentionOutput: b.matrix(prefix+"attn_output.weight", c.Dim, q),
		ffnNorm:         b.vector(prefix+"ffn_norm.weight", c.Dim),
		gate:            b.matrix(prefix+"ffn_gate.weight", c.FFN, c.Dim),
		up:              b.matrix(prefix+"ffn_up.weight", c.FFN, c.Dim),
		down:            b.matrix(prefix+"ffn_down.weight", c.Dim, c.FFN),
	}
}

func (m *llama) Config() Config { return m.config }

func (m *llama) NewKV(pages int, kind quant.Type) (KV, error) {
	return newPagedKV(m.config, pages, kind)
}

func (m *llama) NewRunner(store KV, limits Limits) (Runner, error) {
	c := m.config
	kv, err := c.own(store)
	if err != nil {
		return nil, err
	}
	r := &llamaRun{
		llama:     m,
		pool:      kernel.NewPool(limits.Threads),
		batch:     newBatch(c, limits, kv),
		turns:     newVectors(limits.Rows, c.RopeDim),
		residual:  newVectors(limits.Rows, c.Dim),
		normed:    newVectors(limits.Rows, c.Dim),
		queries:   newVectors(limits.Rows, c.Heads*c.HeadDim),
		keys:      newVectors(limits.Rows, c.KVHeads*c.HeadDim),
		values:    newVectors(limits.Rows, c.KVHeads*c.HeadDim),
		mixed:     newVectors(limits.Rows, c.Heads*c.HeadDim),
		projected: newVectors(limits.Rows, c.Dim),
		gates:     newVectors(limits.Rows, c.FFN),
		ups:       newVectors(limits.Rows, c.FFN),
	}
	r.normRows, r.activateRows, r.addRows = newRowwise(r.normRow), newRowwise(r.activateRow), newRowwise(r.addRow)
	r.attention = newAttention(c, limits, kv)
	r.attention.batch, r.attention.turns, r.attention.mixed = r.batch, r.turns, r.mixed
	r.attention.queries, r.attention.keys, r.attention.values = r.queries, r.keys, r.values
	return r, nil
}

// llamaRun is the run state. Every buffer holds one row per token of the batch.
type llamaRun struct {
	*llama
	pool  *kernel.Pool
	batch *batch

	turns     *vectors // [RopeDim] cosines and sines of the row's position
	residual  *vectors // [Dim]
	normed    *vectors // [Dim]
	queries   *vectors // [Heads*HeadDim]
	keys      *vectors // [KVHeads*HeadDim]
	values    *vectors // [KVHeads*HeadDim]
	mixed     *vectors // [Heads*HeadDim] values weighted by attention
	projected *vectors // [Dim] what a half layer adds to the residual stream
	gates     *vectors // [FFN]
	ups       *vectors // [FFN]

	attention *attention

	// What is done row by row, spread over threads.
	normRows, activateRows, addRows *rowwise
	weight                          []float32 // that normRow uses, [Dim]
}

// Forward is the seam; see Runner.
func (r *llamaRun) Forward(sequences []Sequence) error {
	// 1. Lay the sequences' tokens out as rows.
	if err := r.batch.fill(sequences); err != nil {
		return fmt.Errorf("model: forward: %w", err)
	}
	// 2. Look the tokens up.
	if err := r.embed(); err != nil {
		return fmt.Errorf("model: forward: %w", err)
	}
	// 3. Every layer adds its two halves to the residual stream.
	for i := range r.weights.layers {
		r.attend(i, &r.weights.layers[i])
		r.feedForward(&r.weights.layers[i])
	}
	// 4. Turn the last row of each sequence that wants them into logits.
	r.predict(sequences)
	return nil
}

func (r *llamaRun) Spread(n int, f func(int)) { r.pool.Run(n, f) }

func (r *llamaRun) Close() { r.pool.Close() }

func (r *llamaRun) embed() error {
	for i, row := range r.batch.rows {
		if err := r.weights.embedding.row(r.residual.each[i], int(row.token)); err != nil {
			return err
		}
		r.rope.turns(r.turns.each[i], row.position)
	}
	return nil
}

func (r *llamaRun) attend(layer int, w *llamaLayer) {
	n := len(r.batch.rows)
	r.norm(w.attentionNorm)
	multiply(r.pool, r.normed, n,
		product(&w.query, r.queries), product(&w.key, r.keys), product(&w.value, r.values))
	r.attention.run(r.pool, layer)
	multiply(r.pool, r.mixed, n, product(&w.attentionOutput, r.projected))
	r.addRows.run(r.pool, n, r.config.Dim)
}

func (r *llamaRun) feedForward(w *llamaLayer) {
	n := len(r.batch.rows)
	r.norm(w.ffnNorm)
	multiply(r.pool, r.normed, n, product(&w.gate, r.gates), product(&w.up, r.ups))
	r.activateRows.run(r.pool, n, r.config.FFN)
	multiply(r.pool, r.gates, n, product(&w.down, r.projected))
	r.addRows.run(r.pool, n, r.config.Dim)
}

// norm puts the normalized residual stream into normed.
func (r *llamaRun) norm(weight []float32) {
	r.weight = weight
	r.normRows.run(r.pool, len(r.batch.rows), r.config.Dim)
}

func (r *llamaRun) normRow(i int) {
	kernel.RMSNorm(r.normed.each[i], r.residual.each[i], r.weight, r.config.NormEps)
}

func (r *llamaRun) activateRow(i int) {
	kernel.SwiGLU(r.gates.each[i], r.gates.each[i], r.ups.each[i])
}

// addRow puts the projected half of a layer onto the residual stream.
func (r *llamaRun) addRow(i int) { kernel.Axpy(1, r.projected.each[i], r.residual.each[i]) }

func (r *llamaRun) predict(sequences []Sequence) {
	for i, last := range r.batch.last {
		kernel.RMSNorm(r.normed.each[i], r.residual.each[last], r.weights.norm, r.config.NormEps)
	}
	dst := r.batch.logits(sequences)
	if dst == nil {
		return
	}
	multiply(r.pool, r.normed, len(r.batch.last), kernel.Product{W: &r.weights.head.Weights, Dst: dst})
	r.batch.deliver(sequences)
}
