//go:build cuda

package cuda

import (
	"fmt"

	"github.com/a472be26/cusp/infer/cuda/driver"
	"github.com/a472be26/cusp/infer/model"
)

// division is how the layers of a program that does not fit are divided.
type division struct {
	layers int // that run on the GPU
	reason string
}

// weightShare is how much of the free memory weights may take where they are
// divided; the rest is for keys and values and the passes.
const weightShare = 0.75

// divide puts as many layers of a program on the device as make a token fastest,
// after the whole did not fit, which full says.
func divide(p *model.Program, o Options, d *driver.Device, full error) (model.Model, error) {
	n, err := newDivision(p, o, d, full)
	if err != nil {
		return nil, err
	}
	return newDivided(p, n, o, d)
}

func newDivision(p *model.Program, o Options, d *driver.Device, full error) (division, error) {
	// 1. What fits?
	sizes := sizesOf(p)
	if len(sizes) < 2 {
		return division{}, full
	}
	t, err := newTrial(p, o, d)
	if err != nil {
		return division{}, full
	}
	defer t.Close()
	free, err := t.session.free()
	if err != nil {
		return division{}, full
	}
	room := int64(weightShare * float64(free))
	if sizes[1] > room {
		return division{}, full
	}
	// 2. What do layers cost?
	measure := o.Measure
	if measure == nil {
		measure = func() (Costs, error) { return t.costs(p, sizes, room) }
	}
	costs, err := measure()
	if err != nil { // nobody knows better than to use what is there
		return division{Costs{CPU: 1}.Layers(sizes, room, 1), fmt.Sprintf("all that fit, since they could not be measured: %v", err)}, nil
	}
	// 3. Choose.
	n := division{costs.Layers(sizes, room, o.fewest()), costs.String()}
	if n.layers == 0 {
		return n, fmt.Errorf("cuda: %s has no room for all layers, and %w: %v", d.Name, ErrSlower, costs)
	}
	return n, nil
}

// fewest is how many layers run on the GPU at least.
func (o Options) fewest() int {
	if o.Insist {
		return 1
	}
	return 0
}

// sizesOf is how many bytes of memory the first n layers of a program take on the
// device, from none, with what comes before them, to all but one. It is nil where
// a program cannot be divided.
func sizesOf(p *model.Program) []int64 {
	before := &model.Program{}
	for _, step := range p.Steps {
		switch step.(type) {
		case *model.Embed, *model.AddPositions:
			before.Steps = append(before.Steps, step)
		}
	}
	sizes := []int64{newSpans(before).bytes()}
	for n := 1; n < p.Config.Layers; n++ {
		first, _, err := p.Split(n)
		if err != nil {
			return nil
		}
		sizes = append(sizes, newSpans(first).bytes())
	}
	return sizes
}
