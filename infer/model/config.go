package model

import (
	"fmt"
	"math"
)

// Config is the shape of a model; every number is checked.
type Config struct {
	Vocab   int // tokens
	Dim     int // width of the residual stream
	Layers  int
	Heads   int // of queries
	KVHeads int // of keys and values; divides Heads
	HeadDim int // width of a head
	FFN     int // width of the feed-forward layer, or of all experts that a token uses
	Context int // positions the model was trained for
	RopeDim int // values of a head that are rotated, even; 0: none
	Window  int // positions that a layer looks back at, its own included, of the layer that sees most; 0: all

	Experts     int // of a sparse feed-forward layer, 0: none
	ExpertsUsed int // by a token

	Gives bool // the first part of a program: hidden states instead of logits; see Program.Split
	Takes bool // the rest of one: it begins with Sequence.Input

	Kind    Kind
	Start   int32   // token that every answer of an EncoderDecoder begins with
	Labels  int     // classes of an Encoder that classifies, 0: it does not
	Pooling Pooling // that an Encoder was trained with
}

// Unread is how many leading positions nothing reads any more from a position on:
// pages that hold nothing else can be given to others. What attention reads begins
// with a whole chunk, of which it hides the part beyond the window.
func (c Config) Unread(position int) int {
	l := Look{Window: c.Window}
	return l.First(position) / chunkTokens * chunkTokens
}

// Held is the most positions that a pass with so many rows of a sequence needs,
// those of the rows included.
func (c Config) Held(rows int) int {
	if c.Window == 0 {
		return c.Context
	}
	return min(c.Context, c.Window+chunkTokens+rows)
}

// Outputs is how many logits there are.
func (c Config) Outputs() int {
	if c.Kind == Encoder {
		return c.Labels
	}
	return c.Vocab
}

// Kept is the number of layers whose keys and values a page holds. Those of an
// encoder's layers are read only within the layer, and take turns in one place.
func (c Config) Kept() int {
	if c.Kind == Encoder {
		return 1
	}
	return c.Layers
}

// maxSize bounds every size of a Config, so that the product of two of them
// cannot overflow.
const maxSize = 1 << 28

// config reads the keys that llama.cpp writes for all decoders.
func (s *source) config() Config {
	c := Config{
		Vocab:   s.vocabulary(),
		Dim:     s.size("embedding_length"),
		Layers:  s.size("block_count"),
		Heads:   s.size("attention.head_count"),
		FFN:     s.size("feed_forward_length"),
		Context: s.size("context_length"),
	}
	c.KVHeads = s.sizeOr("attention.head_count_kv", c.Heads)
	if s.err != nil {
		return Config{}
	}
	c.HeadDim = s.sizeOr("attention.key_length", c.Dim/c.Heads)
	c.RopeDim = s.sizeOr("rope.dimension_count", c.HeadDim)
	if values := s.sizeOr("attention.value_length", c.HeadDim); values != c.HeadDim {
		s.fail("%sattention.value_length is %d, but keys have %d: different widths are not supported", s.prefix, values, c.HeadDim)
	}
	s.check(c)
	return c
}

// vocabulary is the number of rows of the embedding, which the metadata may
// repeat but not contradict.
func (s *source) vocabulary() int {
	t, ok := s.f.Tensor("token_embd.weight")
	switch {
	case !ok:
		s.fail("tensor %q is missing", "token_embd.weight")
		return 0
	case len(t.Dims) != 2 || t.Dims[1] > maxSize:
		s.fail("tensor %q has the shape %v, not one of [dim vocab]", t.Name, t.Dims)
		return 0
	}
	if n := s.sizeOr("vocab_size", t.Dims[1]); s.err == nil && n != t.Dims[1] {
		s.fail("%svocab_size is %d, but tensor %q has %d rows", s.prefix, n, t.Name, t.Dims[1])
	}
	return t.Dims[1]
}

func (s *source) check(c Config) {
	switch {
	case s.err != nil:
	case c.Heads%c.KVHeads != 0:
		s.fail("%d query heads cannot share %d key heads evenly", c.Heads, c.KVHeads)
	case c.HeadDim < 1 || c.Heads*c.HeadDim > maxSize:
		s.fail("%d heads of width %d (embedding of %d) are not supported", c.Heads, c.HeadDim, c.Dim)
	case c.RopeDim%2 != 0 || c.RopeDim > c.HeadDim:
		s.fail("rope dimension count %d must be even and at most the head width %d", c.RopeDim, c.HeadDim)
	}
}

// size reads a positive integer.
func (s *source) size(key string) int {
	n, err := s.f.Uint(s.prefix + key)
	if err != nil {
		s.failWith(err)
		return 0
	}
	if n < 1 || n > maxSize {
		s.fail("%s%s is %d, not between 1 and %d", s.prefix, key, n, maxSize)
		return 0
	}
	return int(n)
}

// countOr is sizeOr for a number that may be 0.
func (s *source) countOr(key string, otherwise int) int {
	if n, err := s.f.Uint(s.prefix + key); err == nil && n == 0 {
		return 0
	}
	return s.sizeOr(key, otherwise)
}

func (s *source) sizeOr(key string, otherwise int) int {
	if !s.f.Has(s.prefix + key) {
		return otherwise
	}
	return s.size(key)
}

// positive reads a finite float above zero.
func (s *source) positive(key string) float32 {
	x, err := s.f.Float(s.prefix + key)
	if err != nil {
		s.failWith(err)
		return 0
	}
	if !(x > 0 && x <= math.MaxFloat32) {
		s.fail("%s%s is %v, not a positive number", s.prefix, key, x)
	}
	return float32(x)
}

func (s *source) positiveOr(key string, otherwise float32) float32 {
	if !s.f.Has(s.prefix + key) {
		return otherwise
	}
	return s.positive(key)
}

func (s *source) flagOr(key string, otherwise bool) bool {
	if !s.f.Has(s.prefix + key) {
		return otherwise
	}
	v, err := s.f.Bool(s.prefix + key)
	if err != nil {
		s.failWith(err)
	}
	return v
}

// textOr reads a string.
func (s *source) textOr(key, otherwise string) string {
	if !s.f.Has(s.prefix + key) {
		return otherwise
	}
	v, err := s.f.String(s.prefix + key)
	if err != nil {
		s.failWith(err)
	}
	return v
}

// fail and failWith remember the first error.
func (s *source) fail(format string, args ...any) { s.failWith(fmt.Errorf(format, args...)) }

func (s *source) failWith(err error) {
	if s.err == nil {
		s.err = err
	}
}
