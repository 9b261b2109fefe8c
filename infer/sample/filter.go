package sample

import (
	"cmp"
	"math"
	"math/bits"
	"slices"

	"github.com/a472be26/cusp/infer/kernel"
)

// something is the least probability of a token that may be drawn.
const something = math.SmallestNonzeroFloat32

// keep fills kept with the candidates that top-k, typical, top-p and min-p
// leave of the logits, which may be work; peak is the largest of them. Only the
// likeliest tokens are ever looked at one by one.
func (s *Sampler) keep(logits []float32, peak float32) {
	o := &s.options
	if o.TopK > 0 {
		s.topK(logits, min(o.TopK, len(logits)), -math.MaxFloat32)
		s.keepLeaders(peak)
		return
	}
	s.kept = s.kept[:0]
	mass, entropy := s.exponentials(logits, peak)
	floor := max(float32(o.MinP), something) // the peak's is 1
	switch {
	case o.typical():
		s.around(entropy, mass)
	case o.nucleus():
		s.likeliest(mass, floor)
	default:
		s.gather(s.work, 0, len(s.work), floor)
	}
	s.filter(mass, entropy)
}

// keepLeaders goes on with what top-k left: kept, with logits in the place of
// probabilities, of which peak is the largest.
func (s *Sampler) keepLeaders(peak float32) {
	work := s.work[:len(s.kept)]
	for i, c := range s.kept {
		work[i] = c.prob
	}
	kernel.ExpSum(work, work, peak)
	for i, p := range work {
		s.kept[i].prob = p
	}
	s.kept = slices.DeleteFunc(s.kept, func(c candidate) bool { return c.prob < something })
	s.sortKept() // different logits may have the same probability
	mass, entropy := s.keptMass(), 0.
	if s.options.typical() {
		entropy = s.keptEntropy(mass)
	}
	s.filter(mass, entropy)
}

// filter cuts the candidates by typical, top-p and min-p. mass and entropy are of
// all that they were chosen from, the entropy for typical alone.
func (s *Sampler) filter(mass, entropy float64) {
	o := &s.options
	if o.typical() {
		s.nearest(entropy, mass)
		mass = s.keptMass()
		s.sortKept()
	}
	if o.nucleus() {
		s.cut(o.TopP * mass)
	}
	s.minP()
}

// exponentials fills work with the unnormalized probabilities, the largest of
// which is 1, and returns their sum. The entropy, in nats, is there for typical
// alone.
func (s *Sampler) exponentials(logits []float32, peak float32) (total, entropy float64) {
	if !s.options.typical() {
		return float64(kernel.ExpSum(s.work, logits, peak)), 0
	}
	var weighted float64
	for b := range s.sums {
		work := s.block(b)
		x := s.shifted[:copy(s.shifted, logits[b*block:][:len(work)])]
		total += float64(kernel.ExpSum(work, x, peak))
		for i, p := range work {
			if p > 0 {
				weighted += float64(p) * float64(x[i]-peak)
			}
		}
	}
	return total, math.Log(total) - weighted/total
}

// gather adds the tokens from one to another, that one left out, to kept if
// their values are at least floor.
func (s *Sampler) gather(values []float32, from, to int, floor float32) {
	kernel.AtLeast(s.chosen, values[from:to], floor)
	for w, word := range s.chosen[:(to-from+63)/64] {
		for ; word != 0; word &= word - 1 {
			id := from + 64*w + bits.TrailingZeros64(word)
			s.kept = append(s.kept, candidate{int32(id), values[id]})
		}
	}
}

// topK fills kept with the k tokens of the largest values, but none below
// floor, in falling order. Whenever enough candidates have come together, the
// k-th of them tells what the next ones need.
func (s *Sampler) topK(values []float32, k int, floor float32) {
	const step, spare = 256, 64
	s.kept = s.kept[:0]
	for from := 0; from < len(values); from += step {
		s.gather(values, from, min(from+step, len(values)), floor)
		if len(s.kept) > 2*k+spare {
			s.sortKept()
			s.kept = s.kept[:k]
			floor = s.kept[k-1].prob
		}
	}
	s.sortKept()
	s.kept = s.kept[:min(k, len(s.kept))]
}

// likeliest fills kept with the likeliest tokens in falling order: those that
// top-p keeps and more, but none below floor.
func (s *Sampler) likeliest(total float64, floor float32) {
	// Tokens of less than (1-p)/vocab each cannot together be more than the
	// 1-p that top-p leaves out. Half of that bound, so that rounding cannot
	// matter.
	least := max(floor, float32(0.5*(1-s.options.TopP)*total/float64(len(s.work))))
	// Mostly a few tokens have nearly everything: look at those first.
	const wider = 64
	for floor = 1. / wider; ; floor /= wider {
		s.kept = s.kept[:0]
		s.gather(s.work, 0, len(s.work), max(floor, least))
		if floor <= least || s.keptMass() >= s.options.TopP*total {
			break
		}
	}
	s.sortKept()
}

func (s *Sampler) keptMass() (sum float64) {
	for _, c := range s.kept {
		sum += float64(c.prob)
	}
	return sum
}

// sortKept sorts by falling probability, and equal ones by id, so that the
// outcome does not depend on the sorting algorithm.
func (s *Sampler) sortKept() {
	slices.SortFunc(s.kept, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.prob, a.prob), cmp.Compare(a.id, b.id))
	})
}

// cut drops the candidates after the one that reaches the mass.
func (s *Sampler) cut(enough float64) {
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
func (s *Sampler) minP() {
	if s.options.MinP == 0 {
		return
	}
	floor := float32(s.options.MinP) * s.keptPeak()
	s.kept = slices.DeleteFunc(s.kept, func(c candidate) bool { return c.prob < floor })
}

// keptPeak is the largest probability among the candidates.
func (s *Sampler) keptPeak() (peak float32) {
	for _, c := range s.kept {
		peak = max(peak, c.prob)
	}
	return peak
}
