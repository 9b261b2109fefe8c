package train

import (
	"math"
	"math/rand/v2"

	"gorgonia.org/tensor"
)

// model binds flat arrays of weights and gradients to the layers of the architecture and runs them over batches.
// It is used by one goroutine at a time.
type model struct {
	cfg         Config
	workers     workers
	value, grad []float32 // [parameters]; grad is nil in a model that only scores

	embedding embedding
	blocks    []*block
	norm      rmsnorm
	head      linear

	arena   arena
	stream  *tensor.Dense // [n, dim]: the embedded tokens
	final   *tensor.Dense // [r, dim]: the normalized rows that carry loss
	logits  *tensor.Dense // [r, vocab]
	scratch scratch       // of the blocks that keep all rows
	gathers scratch       // of the last block
	wide    wide
}

// newModel builds the layers over value and grad, which it keeps; both are laid out as layout says.
func newModel(c Config, w workers, value, grad []float32) *model {
	m := &model{cfg: c, workers: w, value: value, grad: grad}
	at := map[string]slot{}
	for _, s := range layout(c) {
		at[s.name] = s
	}
	// matrix binds the tensors from first to last, which lie side by side, as one matrix.
	matrix := func(first, last string) linear {
		lo, hi := at[first+".weight"], at[last+".weight"].end()
		return newLinear(value[lo.offset:hi], part(grad, lo.offset, hi), (hi-lo.offset)/lo.cols, lo.cols)
	}
	norm := func(name string) rmsnorm {
		s := at[name+".weight"]
		return rmsnorm{weight: value[s.offset:s.end()], grad: part(grad, s.offset, s.end()), eps: c.NormEps}
	}
	e := at["token_embd.weight"]
	m.embedding = embedding{weight: value[e.offset:e.end()], grad: part(grad, e.offset, e.end()), dim: c.Dim}
	turns := newRope(c)
	for i := range c.Layers {
		m.blocks = append(m.blocks, &block{
			attnNorm:  norm(blockName(i, "attn_norm")),
			qkv:       matrix(blockName(i, "attn_q"), blockName(i, "attn_v")),
			rope:      turns,
			attention: attention{heads: c.Heads, kvHeads: c.KVHeads, headDim: c.HeadDim()},
			out:       matrix(blockName(i, "attn_output"), blockName(i, "attn_output")),
			ffnNorm:   norm(blockName(i, "ffn_norm")),
			gateUp:    matrix(blockName(i, "ffn_gate"), blockName(i, "ffn_up")),
			down:      matrix(blockName(i, "ffn_down"), blockName(i, "ffn_down")),
			gathers:   i == c.Layers-1,
		})
	}
	m.norm = norm("output_norm")
	if c.Tied {
		m.head = matrix("token_embd", "token_embd")
	} else {
		m.head = matrix("output", "output")
	}
	m.setDropout(0, 0)
	return m
}

func part(x []float32, lo, hi int) []float32 {
	if x == nil {
		return nil
	}
	return x[lo:hi]
}

// initialize draws the matrices from N(0, 0.02²), those that write to the residual stream scaled down by the root of
// their number, and sets the norms to one.
func initialize(c Config, value []float32, seed uint64) {
	random := rand.New(rand.NewPCG(seed, initStream))
	writers := math.Sqrt(2 * float64(c.Layers))
	for _, t := range newWeights(c, value).Tensors {
		spread := 0.02
		if t.writesStream() {
			spread /= writers
		}
		for i := range t.Data {
			t.Data[i] = float32(random.NormFloat64() * spread)
			if t.isNorm() {
				t.Data[i] = 1
			}
		}
	}
}

// Streams of random numbers that start from the same seed; the epochs' orders use the streams from 0 up.
const (
	initStream    = math.MaxUint64
	dropoutStream = math.MaxUint64 - 1
)

// setDropout drops elements of the residual branches with the given probability until it is called again.
func (m *model) setDropout(probability float64, seed uint64) {
	for i, b := range m.blocks {
		b.attnResidual = residual{keep: float32(1 - probability), seed: mix(seed + uint64(2*i))}
		b.ffnResidual = residual{keep: float32(1 - probability), seed: mix(seed + uint64(2*i+1))}
	}
}

// forward returns the logits [r, vocab] at the batch's rows; they are valid until the next forward.
func (m *model) forward(b *batch) *tensor.Dense {
	m.place(len(b.tokens), len(b.rows))
	m.embedding.forward(m.workers, m.stream, b.tokens)
	x := m.stream
	for _, block := range m.blocks {
		x = block.forward(m.workers, x, b)
	}
	m.norm.forward(m.workers, m.final, x)
	m.head.forward(m.logits, m.final)
	return m.logits
}

// backward writes the gradient of every weight, from the gradient of the logits of the last forward.
func (m *model) backward(dlogits *tensor.Dense, b *batch) {
	last := m.blocks[len(m.blocks)-1]
	dfinal, d := m.gathers.branch, m.arena.matrix(len(b.rows), m.cfg.Dim)
	if !m.cfg.Tied {
		clear(m.embedding.grad)
	}
	m.head.backward(dfinal, dlogits, m.final)
	clear(values(d))
	m.norm.backward(m.workers, d, dfinal, last.output)
	for i := len(m.blocks) - 1; i >= 0; i-- {
		s := m.scratch
		if m.blocks[i].gathers {
			s = m.gathers
		}
		d = m.blocks[i].backward(m.workers, d, s, m.wide, b)
	}
	// With a tied head this adds to what the head wrote.
	m.embedding.backward(d, b.tokens)
}

// place gives all layers buffers for a batch of n tokens with r rows.
func (m *model) place(n, r int) {
	a, c := &m.arena, m.cfg
	a.reset()
	m.stream, m.final = a.matrix(n, c.Dim), a.matrix(r, c.Dim)
	m.logits = a.matrix(r, c.Vocab)
	for _, b := range m.blocks {
		rows := n
		if b.gathers {
			rows = r
		}
		b.place(a, c, n, rows)
	}
	if m.grad == nil {
		return
	}
	m.scratch, m.gathers = newScratch(a, c, n), newScratch(a, c, r)
	m.wide = wide{mixed: a.matrix(n, c.Dim), stream: a.matrix(n, c.Dim), normed: a.matrix(n, c.Dim), fused: a.matrix(n, c.qkvDim())}
}

func newScratch(a *arena, c Config, rows int) scratch {
	return scratch{
		branch: a.matrix(rows, c.Dim), normed: a.matrix(rows, c.Dim),
		active: a.matrix(rows, c.FFN), dropped: a.matrix(rows, c.Dim),
	}
}
