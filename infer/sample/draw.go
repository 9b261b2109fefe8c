package sample

import "math"

// draw takes one of the candidates by chance, after the temperature: dividing
// logits by T is the same as raising probabilities to 1/T.
func (s *Sampler) draw() int32 {
	if power := 1 / s.options.Temperature; power != 1 {
		peak := float64(s.keptPeak()) // which stays what it is, however small the others become
		for i, c := range s.kept {
			s.kept[i].prob = float32(math.Pow(float64(c.prob)/peak, power))
		}
	}
	return s.drawFrom(s.keptMass()).id
}

// drawFrom takes one of the candidates, whose mass is known.
func (s *Sampler) drawFrom(mass float64) candidate {
	target := s.random.Float64() * mass
	last := s.kept[0]
	for _, c := range s.kept {
		target -= float64(c.prob)
		if target < 0 {
			return c
		}
		if c.prob > 0 {
			last = c
		}
	}
	return last // rounding left a crumb of it
}

// block is how many tokens drawFromAll sums before it goes on to the next ones.
const block = 4096

// drawFromAll takes one of all tokens by chance, after the temperature. logits
// may be work.
func (s *Sampler) drawFromAll(logits []float32, best int) int32 {
	target := s.random.Float64() * s.warm(logits, logits[best])
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
