package sample

import (
	"cmp"
	"math"
	"slices"
)

// keptEntropy is the entropy, in nats, of the candidates' distribution.
func (s *Sampler) keptEntropy(total float64) (entropy float64) {
	for _, c := range s.kept {
		p := float64(c.prob) / total
		entropy -= p * math.Log(p)
	}
	return entropy
}

// around fills kept with tokens whose surprise is near the entropy: those that
// typical keeps and more. total is the sum of work.
func (s *Sampler) around(entropy, total float64) {
	for distance := 1.; ; distance *= 2 {
		least, most := total*math.Exp(-entropy-distance), total*math.Exp(distance-entropy)
		s.kept = s.kept[:0]
		// A little less, so that no rounding can matter.
		s.gather(s.work, 0, len(s.work), max(float32(0.999*least), something))
		var mass float64
		for _, c := range s.kept {
			if p := float64(c.prob); p >= least && p <= most {
				mass += p
			}
		}
		if mass >= s.options.TypicalP*total || 0.999*least < something {
			return
		}
	}
}

// nearest cuts the candidates to those whose surprise is nearest to the
// entropy. It uses work, which is no longer needed where candidates are.
func (s *Sampler) nearest(entropy, total float64) {
	for _, c := range s.kept {
		s.work[c.id] = float32(math.Abs(math.Log(float64(c.prob)/total) + entropy))
	}
	slices.SortFunc(s.kept, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(s.work[a.id], s.work[b.id]), cmp.Compare(a.id, b.id))
	})
	s.cut(s.options.TypicalP * total)
}
