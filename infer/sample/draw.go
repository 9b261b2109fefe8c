package sample

import (
	"math"

	"github.com/a472be26/cusp/infer/kernel"
)

// draw takes one of the candidates by chance, after the temperature: dividing
// logits by T is the same as raising probabilities to 1/T.
func (s *Sampler) draw() int32 {
	if power := 1 / s.options.Temperature; power != 1 {
		for i, c := range s.kept {
			s.kept[i].prob = float32(math.Pow(float64(c.prob), power))
		}
	}
	target := s.random.Float64() * s.keptMass()
	for _, c := range s.kept {
		target -= float64(c.prob)
		if target < 0 {
			return c.id
		}
	}
	return s.kept[len(s.kept)-1].id // rounding left a crumb of the last one
}

// block is how many tokens drawFromAll sums before it goes on to the next ones.
const block = 4096

// drawFromAll takes one of all tokens by chance, after the temperature. logits
// may be work.
func (s *Sampler) drawFromAll(logits []float32, best int) int32 {
	peak, power := logits[best], float32(min(1/s.options.Temperature, math.MaxFloat32))
	var total float64
	for b := range s.sums {
		work := s.block(b)
		for i, x := range logits[b*block:][:len(work)] {
			work[i] = (x - peak) * power
		}
		s.sums[b] = float64(kernel.ExpSum(work, work, 0))
		total += s.sums[b]
	}
	target := s.random.Float64() * total
	for b, sum := range s.sums {
		if target >= sum {
			target -= sum
			continue
		}
		for i, p := range s.block(b) {
			target -= float64(p)
			if target < 0 {
				return int32(b*block + i)
			}
		}
	}
	return int32(best) // rounding left a crumb
}

// block is a part of work.
func (s *Sampler) block(b int) []float32 {
	return s.work[b*block : min((b+1)*block, len(s.work))]
}
