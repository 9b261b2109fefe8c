package model

import (
	"fmt"
	"slices"
)

// Split cuts the program of a decoder before a layer, so that its parts can run in
// different places: the first gives, as hidden states, what the rest takes as
// Sequence.Input. Each has the keys and values of its own layers, counted from 0.
func (p *Program) Split(layer int) (first, rest *Program, err error) {
	if p.Config.Kind != Decoder || layer < 1 || layer >= p.Config.Layers {
		return nil, nil, fmt.Errorf("model: a program of %d layers cannot be split before layer %d", p.Config.Layers, layer)
	}
	cut := p.begin(layer)
	if cut < 0 {
		return nil, nil, fmt.Errorf("model: layer %d needs more of what was before it than the residual stream", layer)
	}
	first, rest = &Program{Config: p.Config, Ropes: p.Ropes}, &Program{Config: p.Config, Ropes: p.Ropes}
	first.Config.Layers, first.Config.Gives = layer, true
	first.Steps = append(append(first.Steps, p.Steps[:cut]...), &DeliverHidden{})
	rest.Config.Layers, rest.Config.Takes = p.Config.Layers-layer, true
	rest.do(&Take{})
	for _, step := range p.Steps[cut:] {
		switch s := step.(type) {
		case *Store:
			step = &Store{s.Layer - layer, s.Look}
		case *Attend:
			step = &Attend{s.Layer - layer, s.Look}
		}
		rest.do(step)
	}
	return first, rest, nil
}

// begin is the last place before a layer's keys and values are stored where
// nothing but the residual stream is needed later, -1 if there is none.
func (p *Program) begin(layer int) int {
	at := 0
	for i, step := range p.Steps {
		if s, ok := step.(*Store); ok && s.Layer == layer {
			at = i
			break
		}
	}
	for ; at > 0; at-- {
		if s, ok := p.Steps[at-1].(*Attend); ok && s.Layer < layer {
			return -1
		}
		if p.onlyResidual(at) {
			return at
		}
	}
	return -1
}

// onlyResidual: from a step on, every other buffer is written before it is read.
func (p *Program) onlyResidual(from int) bool {
	for b := Residual + 1; b < Buffers; b++ {
		if ReadFirst(p.Steps[from:], b) {
			return false
		}
	}
	return true
}

// ReadFirst tells whether steps read a buffer before they write it.
func ReadFirst(steps []Step, b Buffer) bool {
	for _, step := range steps {
		if reads, writes := touches(step, b); reads || writes {
			return reads
		}
	}
	return false
}

// touches tells whether a step reads a buffer, and whether it writes it.
func touches(step Step, b Buffer) (reads, writes bool) {
	switch s := step.(type) {
	case *Embed, *Take:
		return false, b == Residual
	case *AddPositions:
		return b == Residual, b == Residual || b == Normed
	case *AddVector:
		return b == Residual, b == Residual
	case *NormalizeRows:
		return b == s.Src, b == s.Dst
	case *Add:
		return b == Residual || b == s.Src, b == Residual
	case *Scale:
		return b == s.Dst, b == s.Dst
	case *Multiply:
		for _, q := range s.Products {
			writes = writes || q.Dst == b
		}
		return b == s.Src, writes
	case *Activate:
		return b == s.Dst || b == s.Ups && b != None, b == s.Dst
	case *Store:
		return b == Queries || b == Keys || b == Values, false
	case *Attend:
		return b == Queries, b == Mixed
	case *Sparse:
		return b == Normed || b == Scores, b == Projected
	case *feed:
		_, writes = touches(s.last, b)
		return b == s.src, writes
	case *Predict:
		return b == s.Src, false
	case *DeliverHidden:
		return b == Residual, false
	}
	return false, false
}

// uses tells whether a buffer is needed for steps, those within them included.
func uses(steps []Step, b Buffer) bool {
	return slices.ContainsFunc(steps, func(step Step) bool {
		reads, writes := touches(step, b)
		switch s := step.(type) {
		case *Narrow:
			reads = slices.Contains(narrowed, b)
		case *Sparse:
			writes = writes || b == Chosen || slices.ContainsFunc(s.steps, func(of []Step) bool { return uses(of, b) })
		}
		return reads || writes
	})
}
