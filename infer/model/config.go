package model

import (
	"fmt"
	"math"

	"github.com/a472be26/cusp/infer/gguf"
)

// Config is the shape of a model; every number is checked.
type Config struct {
	Vocab   int // tokens
	Dim     int // width of the residual stream
	Layers  int
	Heads   int // of queries
	KVHeads int // of keys and values; divides Heads
	HeadDim int // width of a head
	FFN     int // width of the feed-forward layer
	Context int // positions the model was trained for
	RopeDim int // leading values of a head that are rotated, even

	RopeTheta float32 // base of the rotation frequencies
	RopeScale float32 // positions are divided by it (linear scaling), 1 for none
	NormEps   float32 // of RMSNorm
}

// maxSize bounds every size of a Config, so that the product of two of them
// cannot overflow.
const maxSize = 1 << 28

// configReader collects the first error of many lookups.
type configReader struct {
	f      *gguf.File
	prefix string // of the keys: the architecture and a dot
	err    error
}

func (r *configReader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// size reads a positive integer.
func (r *configReader) size(key string) int {
	n, err := r.f.Uint(r.prefix + key)
	if err != nil {
		r.fail(err)
		return 0
	}
	if n < 1 || n > maxSize {
		r.fail(fmt.Errorf("%s%s is %d, not between 1 and %d", r.prefix, key, n, maxSize))
		return 0
	}
	return int(n)
}

func (r *configReader) sizeOr(key string, otherwise int) int {
	if !r.f.Has(r.prefix + key) {
		return otherwise
	}
	return r.size(key)
}

// positive reads a finite float above zero.
func (r *configReader) positive(key string) float32 {
	x, err := r.f.Float(r.prefix + key)
	if err != nil {
		r.fail(err)
		return 0
	}
	if !(x > 0 && x <= math.MaxFloat32) {
		r.fail(fmt.Errorf("%s%s is %v, not a positive number", r.prefix, key, x))
	}
	return float32(x)
}

func (r *configReader) positiveOr(key string, otherwise float32) float32 {
	if !r.f.Has(r.prefix + key) {
		return otherwise
	}
	return r.positive(key)
}

// readConfig reads the keys that llama.cpp writes for the Llama family. The
// vocabulary's size is that of the embedding and set by the caller.
func readConfig(f *gguf.File, architecture string) (Config, error) {
	r := &configReader{f: f, prefix: architecture + "."}
	c := Config{
		Dim:       r.size("embedding_length"),
		Layers:    r.size("block_count"),
		Heads:     r.size("attention.head_count"),
		FFN:       r.size("feed_forward_length"),
		Context:   r.size("context_length"),
		NormEps:   r.positive("attention.layer_norm_rms_epsilon"),
		RopeTheta: r.positiveOr("rope.freq_base", 10000),
	}
	c.KVHeads = r.sizeOr("attention.head_count_kv", c.Heads)
	if r.err != nil {
		return Config{}, r.err
	}
	c.HeadDim = r.sizeOr("attention.key_length", c.Dim/c.Heads)
	c.RopeDim = r.sizeOr("rope.dimension_count", c.HeadDim)
	c.RopeScale = r.ropeScale()
	if values := r.sizeOr("attention.value_length", c.HeadDim); values != c.HeadDim {
		r.fail(fmt.Errorf("%sattention.value_length is %d, but keys have %d: different widths are not supported", r.prefix, values, c.HeadDim))
	}
	if r.err != nil {
		return Config{}, r.err
	}
	return c, c.check()
}

// ropeScale reads the linear scaling of positions; the other kinds would change
// the result if they were ignored, so they are refused.
func (r *configReader) ropeScale() float32 {
	const key = "rope.scaling.type"
	if !r.f.Has(r.prefix + key) {
		return r.positiveOr("rope.scale_linear", 1)
	}
	kind, err := r.f.String(r.prefix + key)
	if err != nil {
		r.fail(err)
	}
	switch kind {
	case "none":
		return 1
	case "linear":
		return r.positive("rope.scaling.factor")
	}
	r.fail(fmt.Errorf("%s%s is %q: only none and linear are supported", r.prefix, key, kind))
	return 1
}

func (c Config) check() error {
	switch {
	case c.Heads%c.KVHeads != 0:
		return fmt.Errorf("%d query heads cannot share %d key heads evenly", c.Heads, c.KVHeads)
	case c.HeadDim < 1 || c.Heads*c.HeadDim > maxSize:
		return fmt.Errorf("%d heads of width %d (embedding of %d) are not supported", c.Heads, c.HeadDim, c.Dim)
	case c.RopeDim%2 != 0 || c.RopeDim > c.HeadDim:
		return fmt.Errorf("rope dimension count %d must be even and at most the head width %d", c.RopeDim, c.HeadDim)
	}
	return nil
}
