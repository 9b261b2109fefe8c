package main

import (
	"github.com/a472be26/cusp/infer/bench"
	"github.com/a472be26/cusp/infer/cuda"
	"github.com/a472be26/cusp/infer/model"
)

// benchGPU is the GPU that a model would compute on, and what measures it, which
// the caller closes.
func benchGPU() (*bench.GPU, *cuda.Peaks, error) {
	info, err := cuda.Probe(cuda.Options{})
	if err != nil {
		return nil, nil, err
	}
	peaks, err := cuda.NewPeaks(cuda.Options{})
	if err != nil {
		return nil, nil, err
	}
	return &bench.GPU{
		Name: info.String(), Cache: peaks.Cache(),
		Place:    func(m model.Model) (model.Model, error) { return cuda.Load(m, cuda.Options{Insist: true}) },
		Read:     bench.Ceiling{What: "a kernel that reads the GPU's memory beyond its caches", Once: peaks.Read},
		Multiply: ceilingOf(peaks, true),
		Floats:   ceilingOf(peaks, false),
	}, peaks, nil
}

// ceilingOf is the strongest unit of the GPU for such products.
func ceilingOf(p *cuda.Peaks, int8 bool) bench.Ceiling {
	u := p.Units(int8)[0]
	return bench.Ceiling{What: u.Name + ", operands in registers", Once: func() (float64, error) { return p.Multiply(u) }}
}
