package sample

import (
	"cmp"
	"math"
	"math/bits"
	"slices"

	"github.com/a472be26/cusp/infer/kernel"
)

// keep fills kept with the candidates that top-k, top-p and min-p leave, from
// the unnormalized probabilities in work, whose sum is total and the largest of
// them peak. Only the likeliest tokens are ever looked at one by one.
func (s *Sampler) keep(total float64, peak float32) {
	floor := float32(s.options.MinP) * peak
	s.kept = s.kept[:0]
	switch {
	case s.options.TopK > 0:
		s.topK(min(s.options.TopK, len(s.work)))
		if s.options.nucleus() {
			s.topP(s.options.TopP * s.keptMass())
		}
	case s.options.nucleus():
		s.likeliest(total, peak, floor)
		s.topP(s.options.TopP * total)
	default:
		s.gather(0, len(s.work), floor)
	}
	// Min-p drops candidates with less than a share of the likeliest one.
	s.kept = slices.DeleteFunc(s.kept, func(c candidate) bool { return c.prob < floor })
}

// gather adds the tokens from one to another, that one left out, to kept if
// they have at least the probability floor and any at all.
func (s *Sampler) gather(from, to int, floor float32) {
	floor = max(floor, math.SmallestNonzeroFloat32)
	kernel.AtLeast(s.chosen, s.work[from:to], floor)
	for w, word := range s.chosen[:(to-from+63)/64] {
		for ; word != 0; word &= word - 1 {
			id := from + 64*w + bits.TrailingZeros64(word)
			s.kept = append(s.kept, candidate{int32(id), s.work[id]})
		}
	}
}

// topK fills kept with the k likeliest tokens in falling order. Whenever enough
// candidates have come together, the k-th of them tells what the next ones need.
func (s *Sampler) topK(k int) {
	const step, spare = 256, 64
	floor := float32(0)
	for from := 0; from < len(s.work); from += step {
		s.gather(from, min(from+step, len(s.work)), floor)
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
func (s *Sampler) likeliest(total float64, peak, floor float32) {
	// Tokens of less than (1-p)/vocab each cannot together be more than the
	// 1-p that top-p leaves out. Half of that bound, so that rounding cannot
	// matter.
	least := max(floor, float32(0.5*(1-s.options.TopP)*total/float64(len(s.work))))
	// Mostly a few tokens have nearly everything: look at those first.
	const wider = 64
	for floor = peak / wider; ; floor /= wider {
		s.kept = s.kept[:0]
		s.gather(0, len(s.work), max(floor, least))
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
