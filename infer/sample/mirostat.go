package sample

import (
	"math"

	"github.com/a472be26/cusp/infer/kernel"
)

// mirostat draws from the tokens that are not too surprising, after the
// temperature, and learns from the surprise of the drawn one. logits may be
// work.
func (s *Sampler) mirostat(logits []float32, best int) int32 {
	// 1. The tokens with a surprise of at most mu, or the likeliest if there are none.
	total := s.warm(logits, logits[best])
	s.kept = s.kept[:0]
	s.gather(s.work, 0, len(s.work), max(float32(total*math.Exp2(-s.mu)), something))
	if len(s.kept) == 0 {
		s.kept = append(s.kept, candidate{int32(best), s.work[best]})
	}
	// 2. Draw.
	mass := s.keptMass()
	drawn := s.drawFrom(mass)
	// 3. Learn.
	surprise := math.Log2(mass / float64(drawn.prob))
	s.mu -= s.options.Mirostat.Eta * (surprise - s.options.Mirostat.Tau)
	return drawn.id
}

// warm fills work with the unnormalized probabilities after the temperature,
// the largest of which is 1, and sums with those of its blocks.
func (s *Sampler) warm(logits []float32, peak float32) (total float64) {
	power := float32(min(1/s.options.Temperature, math.MaxFloat32))
	for b := range s.sums {
		work := s.block(b)
		for i, x := range logits[b*block:][:len(work)] {
			work[i] = (x - peak) * power
		}
		s.sums[b] = float64(kernel.ExpSum(work, work, 0))
		total += s.sums[b]
	}
	return total
}
