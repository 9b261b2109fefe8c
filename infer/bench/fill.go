package bench

import (
	"bytes"
	"encoding/binary"
	"math"
	"runtime"
	"sync"

	"github.com/a472be26/cusp/infer/gguf"
)

// fill gives tensors random weights that roughly keep the variance of a vector,
// so that nothing grows or vanishes from layer to layer; norms become 1. The
// bytes are drawn as they lie in the file: rounding floats would take minutes.
// The same tensors always get the same weights.
func fill(tensors []gguf.Tensor) {
	work := make(chan chunk)
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for c := range work {
				c.stencil.draw(c.data, c.seed)
			}
		})
	}
	seed := uint64(1)
	for _, t := range tensors {
		s := stencilOf(t)
		step := chunkBytes - chunkBytes%len(s.random)
		for from := 0; from < len(t.Data); from += step {
			work <- chunk{t.Data[from:min(from+step, len(t.Data))], s, seed}
			seed++
		}
	}
	close(work)
	all.Wait()
}

const chunkBytes = 1 << 20

// chunk is a part of a tensor, of whole blocks.
type chunk struct {
	data    []byte
	stencil stencil
	seed    uint64
}

// stencil is what the blocks of a tensor have in common: bits are random where
// random is 1, then those of fixed are set. Both have the same length, whole
// blocks and whole words of 8 bytes.
type stencil struct{ random, fixed []byte }

func (s stencil) draw(data []byte, seed uint64) {
	g := generator(seed)
	for ; len(data) >= len(s.random); data = data[len(s.random):] {
		s.drawPart(data[:len(s.random)], &g)
	}
	s.drawPart(data, &g)
}

// drawPart fills at most one length of the stencil.
func (s stencil) drawPart(data []byte, g *generator) {
	i := 0
	for ; i+8 <= len(data); i += 8 {
		word := g.next()&binary.LittleEndian.Uint64(s.random[i:]) | binary.LittleEndian.Uint64(s.fixed[i:])
		binary.LittleEndian.PutUint64(data[i:], word)
	}
	for last := g.next(); i < len(data); i++ {
		data[i] = byte(last)&s.random[i] | s.fixed[i]
		last >>= 8
	}
}

// stencilOf is for weights with a mean near 0 and a standard deviation of one
// over the square root of a row's length.
func stencilOf(t gguf.Tensor) stencil {
	b := &block{random: make([]byte, t.Type.BlockBytes()), fixed: make([]byte, t.Type.BlockBytes())}
	if len(t.Dims) == 1 { // a norm, always float32
		binary.LittleEndian.PutUint32(b.fixed, math.Float32bits(1))
	} else {
		blocks[t.Type](b, 1/math.Sqrt(float64(t.Dims[0])))
	}
	return stencil{bytes.Repeat(b.random, 8), bytes.Repeat(b.fixed, 8)}
}

// generator is SplitMix64 (Steele, Lea, Flood 2014): fast, and any seed will do.
type generator uint64

func (g *generator) next() uint64 {
	*g += 0x9e3779b97f4a7c15
	z := uint64(*g)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
