//go:build cuda

package cuda

import (
	"fmt"
	"slices"

	"github.com/a472be26/cusp/infer/cuda/kernels"
	"github.com/a472be26/cusp/infer/model"
	"github.com/a472be26/cusp/infer/quant"
)

// typeNames are the kernels' names of types of weights.
var typeNames = map[quant.Type]string{
	quant.F32: "f32", quant.F16: "f16", quant.BF16: "bf16",
	quant.Q4_0: "q4_0", quant.Q4_1: "q4_1", quant.Q5_0: "q5_0", quant.Q5_1: "q5_1", quant.Q8_0: "q8_0",
	quant.Q2_K: "q2_k", quant.Q3_K: "q3_k", quant.Q4_K: "q4_k", quant.Q5_K: "q5_k", quant.Q6_K: "q6_k",
	quant.IQ4_NL: "iq4_nl", quant.IQ4_XS: "iq4_xs", quant.MXFP4: "mxfp4",
}

// alignments are what the weights of a type must begin at a multiple of.
var alignments = map[quant.Type]uintptr{
	quant.F32: 4, quant.F16: 2, quant.BF16: 2, quant.Q4_0: 2, quant.Q4_1: 4, quant.Q5_0: 2, quant.Q5_1: 4, quant.Q8_0: 2,
	quant.Q2_K: 4, quant.Q3_K: 2, quant.Q4_K: 16, quant.Q5_K: 16, quant.Q6_K: 2, quant.IQ4_NL: 2, quant.IQ4_XS: 8, quant.MXFP4: 1,
}

// Bounds of the kernels.
const (
	mostHeadDim = kernels.MaxHeadDim
	mostExperts = kernels.MaxExperts
	mostGroup   = kernels.TileQueries // query heads of a head of keys
)

// check says what of a program the kernels do not have, before anything is done
// with it.
func check(p *model.Program) error {
	c := p.Config
	switch {
	case c.HeadDim > mostHeadDim:
		return fmt.Errorf("cuda: %w: heads of width %d, more than %d", ErrUnsupported, c.HeadDim, mostHeadDim)
	case c.Heads/c.KVHeads > mostGroup:
		return fmt.Errorf("cuda: %w: %d query heads that share a head of keys, more than %d", ErrUnsupported, c.Heads/c.KVHeads, mostGroup)
	case c.Experts > mostExperts:
		return fmt.Errorf("cuda: %w: %d experts, more than %d", ErrUnsupported, c.Experts, mostExperts)
	}
	for _, step := range slices.Concat(p.Reads, p.Steps) {
		if err := checkStep(step); err != nil {
			return err
		}
	}
	return nil
}

func checkStep(step model.Step) error {
	switch s := step.(type) {
	case *model.Embed:
		return checkMatrix(s.Table)
	case *model.AddPositions:
		return checkMatrix(s.Table)
	case *model.Predict:
		return checkMatrix(&s.Head.Matrix)
	case *model.Multiply:
		for _, q := range s.Products {
			if err := checkMatrix(&q.Weight.Matrix); err != nil {
				return err
			}
		}
	case *model.Activate:
		if _, ok := activationKinds[s.How]; !ok {
			return fmt.Errorf("cuda: %w: activation %d", ErrUnsupported, s.How)
		}
	case *model.Sparse:
		return checkExperts(s)
	case *model.AddVector, *model.Add, *model.NormalizeRows, *model.Scale, *model.Store, *model.Attend, *model.Narrow,
		*model.CapLogits, *model.DeliverHidden:
	default:
		return unknownStep(step)
	}
	return nil
}

func checkMatrix(m *model.Matrix) error {
	if typeNames[m.Kind] == "" {
		return fmt.Errorf("cuda: %w: weights of type %s", ErrUnsupported, m.Kind)
	}
	if a := alignments[m.Kind]; addressOf(m.Data)%a != 0 {
		return fmt.Errorf("cuda: %w: weights of type %s that do not begin at a multiple of %d bytes; convert the file anew (cusp model convert)", ErrUnsupported, m.Kind, a)
	}
	return nil
}

// checkExperts: the kernels find an expert's matrix at a multiple of the first
// one's size.
func checkExperts(s *model.Sparse) error {
	parts := []func(*model.FeedForward) *model.Matrix{
		func(f *model.FeedForward) *model.Matrix { return &f.Gate.Matrix },
		func(f *model.FeedForward) *model.Matrix { return &f.Up.Matrix },
		func(f *model.FeedForward) *model.Matrix { return &f.Down.Matrix },
	}
	for _, part := range parts {
		for i := range s.Each {
			if s.Each[i].Gate == nil {
				return fmt.Errorf("cuda: %w: experts without a gate", ErrUnsupported)
			}
			first, m := part(&s.Each[0]), part(&s.Each[i])
			if err := checkMatrix(m); err != nil {
				return err
			}
			if addressOf(m.Data) != addressOf(first.Data)+uintptr(i*len(first.Data)) {
				return fmt.Errorf("cuda: %w: experts that do not lie one after the other", ErrUnsupported)
			}
		}
	}
	return nil
}
