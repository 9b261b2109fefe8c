package train

import (
	"errors"
	"fmt"
)

// Config is the shape of a Llama-architecture model. It holds no weights and no run state.
type Config struct {
	Vocab     int     // rows of the embedding
	Dim       int     // width of the residual stream
	Layers    int     // transformer blocks
	Heads     int     // query heads; the head width is Dim/Heads
	KVHeads   int     // key and value heads; Heads is a multiple of it (grouped-query attention)
	FFN       int     // inner width of the SwiGLU feed-forward
	Context   int     // longest example in tokens
	RopeTheta float32 // base of the rotary frequencies, often 10000
	NormEps   float32 // added to the mean square in RMSNorm, often 1e-5
	Tied      bool    // the head shares the embedding matrix
}

// maxDimension bounds every field of a Config, so that products of three of them fit an int64.
const maxDimension = 1 << 20

// HeadDim is the width of one attention head.
func (c Config) HeadDim() int { return c.Dim / c.Heads }

// kvDim is the width of all key (or value) heads together.
func (c Config) kvDim() int { return c.KVHeads * c.HeadDim() }

// qkvDim is the width of the fused query, key and value projection.
func (c Config) qkvDim() int { return c.Dim + 2*c.kvDim() }

// Validate reports the first field that no model could be built from.
func (c Config) Validate() error {
	if err := c.validateSizes(); err != nil {
		return err
	}
	switch {
	case c.Dim%c.Heads != 0:
		return fmt.Errorf("train config: Dim %d is not a multiple of Heads %d", c.Dim, c.Heads)
	case c.HeadDim()%2 != 0:
		return fmt.Errorf("train config: head width %d is odd; rotary embedding needs pairs", c.HeadDim())
	case c.Heads%c.KVHeads != 0:
		return fmt.Errorf("train config: Heads %d is not a multiple of KVHeads %d", c.Heads, c.KVHeads)
	case !(c.RopeTheta > 0):
		return errors.New("train config: RopeTheta must be positive (10000 is usual)")
	case !(c.NormEps > 0):
		return errors.New("train config: NormEps must be positive (1e-5 is usual)")
	}
	return nil
}

func (c Config) validateSizes() error {
	for _, field := range []struct {
		name  string
		value int
	}{
		{"Vocab", c.Vocab}, {"Dim", c.Dim}, {"Layers", c.Layers}, {"Heads", c.Heads},
		{"KVHeads", c.KVHeads}, {"FFN", c.FFN}, {"Context", c.Context},
	} {
		if field.value < 1 || field.value > maxDimension {
			return fmt.Errorf("train config: %s is %d, must be between 1 and %d", field.name, field.value, maxDimension)
		}
	}
	return nil
}

// Parameters counts the trainable values.
func (c Config) Parameters() int {
	n := 0
	for _, s := range layout(c) {
		n += s.rows * s.cols
	}
	return n
}
