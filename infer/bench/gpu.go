package bench

import (
	"fmt"
	"io"
	"time"

	"github.com/a472be26/cusp/infer/model"
)

// GPU is where a model is measured instead of on the CPU, and what can be done
// there at most.
type GPU struct {
	Name     string
	Cache    int64 // bytes
	Place    func(model.Model) (model.Model, error)
	Read     Ceiling // GB per second
	Multiply Ceiling // 10^9 multiply-accumulates per second, of int8 or of floats
	Floats   Ceiling
}

// Ceiling is a limit that can be measured.
type Ceiling struct {
	What string
	Once func() (float64, error)
}

// sample measures it until the window is over, five times at least.
func (c Ceiling) sample(window time.Duration) (Spread, error) {
	const least = 5
	var figures []float64
	for end := time.Now().Add(window); len(figures) < least || time.Now().Before(end); {
		x, err := c.Once()
		if err != nil {
			return Spread{}, fmt.Errorf("%s: %w", c.What, err)
		}
		figures = append(figures, x)
	}
	return spreadOf(figures), nil
}

// gpuLimits are those of a GPU; the CPU's threads do not matter to them.
type gpuLimits struct {
	gpu    *GPU
	bytes  bool // weights are multiplied as int8
	window time.Duration
}

func (l gpuLimits) compute() Ceiling {
	if l.bytes {
		return l.gpu.Multiply
	}
	return l.gpu.Floats
}

func (l gpuLimits) describe() Limits {
	return Limits{Read: l.gpu.Read.What, Compute: l.compute().What}
}

func (l gpuLimits) read(int) (Spread, error)     { return l.gpu.Read.sample(l.window) }
func (l gpuLimits) multiply(int) (Spread, error) { return l.compute().sample(l.window) }

// place puts the model where it is measured, unless it is there.
func (b *bench) place() error {
	if b.options.GPU == nil || b.placed != nil {
		return nil
	}
	b.progress("weights to the GPU")
	var err error
	b.placed, err = b.options.GPU.Place(b.model)
	return err
}

// unplace takes the model away from there, to make room for another one.
func (b *bench) unplace() error {
	c, ok := b.placed.(io.Closer)
	b.placed = nil
	if !ok {
		return nil
	}
	return c.Close()
}
