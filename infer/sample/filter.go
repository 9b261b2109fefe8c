package sample

import (
	"cmp"
	"math"
	"slices"
)

// keep fills kept with the candidates that top-k, top-p and min-p leave, from
// the unnormalized probabilities in work. peak is the largest of them.
func (s *Sampler) keep(peak float32) {
	nucleus := s.options.TopP > 0 && s.options.TopP < 1
	total := mass(s.work)
	floor := float32(0)
	if nucleus && s.options.TopK == 0 {
		// Tokens of less than (1-p)/vocab each cannot together be more than
		// the 1-p that top-p leaves out, so they need not be sorted. Half of
		// that bound, so that rounding cannot matter.
		floor = min(peak, float32(0.5*(1-s.options.TopP)*total/float64(len(s.work))))
	}
	s.kept = s.kept[:0]
	for id, p := range s.work {
		if p >= floor && p > 0 {
			s.kept = append(s.kept, candidate{int32(id), p})
		}
	}
	if nucleus || s.options.TopK > 0 {
		slices.SortFunc(s.kept, fallingOrder)
	}
	if k := s.options.TopK; k > 0 && k < len(s.kept) {
		s.kept = s.kept[:k]
		total = s.keptMass()
	}
	if nucleus {
		s.topP(s.options.TopP * total)
	}
	s.minP(peak)
}

func mass(probs []float32) (sum float64) {
	for _, p := range probs {
		sum += float64(p)
	}
	return sum
}

func (s *Sampler) keptMass() (sum float64) {
	for _, c := range s.kept {
		sum += float64(c.prob)
	}
	return sum
}

// fallingOrder sorts by probability, and equal ones by id, so that the outcome
// does not depend on the sorting algorithm.
func fallingOrder(a, b candidate) int {
	return cmp.Or(cmp.Compare(b.prob, a.prob), cmp.Compare(a.id, b.id))
}

// topP cuts the sorted candidates after the one that reaches the mass.
func (s *Sampler) topP(enough float64) {
	var sum float64
	for i, c := range s.kept {
		sum += float64(c.prob)
		if sum >= enough {
			s.kept = s.kept[:i+1]
			return
		}
	}
}

// minP drops candidates with less than a share of the likeliest one.
func (s *Sampler) minP(peak float32) {
	floor := float32(s.options.MinP) * peak
	s.kept = slices.DeleteFunc(s.kept, func(c candidate) bool { return c.prob < floor })
}

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
