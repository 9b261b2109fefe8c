package train

import (
	"context"
	"fmt"
	"slices"
)

// Scorer runs trained weights forward over many examples at a time: for validation and for a teacher's candidates.
// It is used by one goroutine at a time.
type Scorer struct {
	model *model
	loss  loss
	batch batch
}

// scoreTokens is the size of a scorer's batches.
const scoreTokens = 2048

// NewScorer returns a scorer that uses the given number of goroutines (0: one per core) and reads w while it is used.
func NewScorer(w *Weights, threads int) *Scorer {
	return newScorer(w.Config, newWorkers(threads), w.flat)
}

func newScorer(c Config, w workers, value []float32) *Scorer {
	return &Scorer{model: newModel(c, w, value, nil), loss: loss{temperature: 1}}
}

// Score measures the weights on examples; teacher candidates in them are ignored.
func (s *Scorer) Score(data Dataset) (Score, error) {
	var total Score
	var weight, loss float64
	rows, right, exact := 0, 0, 0
	err := s.each(context.Background(), data, func(first, count int) {
		sum := s.loss.forwardBackward(s.model.workers, s.model.logits, &s.batch)
		loss += sum.ce * s.batch.totalWeight()
		weight += s.batch.totalWeight()
		rows += len(s.batch.rows)
		total.Examples += len(s.batch.starts) - 1
		good, all := s.correct()
		right, exact = right+good, exact+all
	})
	if err != nil || rows == 0 {
		return total, err
	}
	total.Loss, total.Accuracy = loss/weight, float64(right)/float64(rows)
	total.Exact = float64(exact) / float64(total.Examples)
	return total, nil
}

// correct counts the rows of the batch that were predicted right, and the examples of which all rows were.
func (s *Scorer) correct() (rows, examples int) {
	at := 0
	for _, end := range s.batch.starts[1:] {
		all := true
		for ; at < len(s.batch.rows) && s.batch.rows[at] < end; at++ {
			if s.loss.rows[at].correct {
				rows++
			} else {
				all = false
			}
		}
		if all {
			examples++
		}
	}
	return rows, examples
}

// each runs the model over the data in order; done sees the logits of examples first to first+count in s.model.logits
// and the batch that they belong to. Examples without loss have no rows in it.
func (s *Scorer) each(ctx context.Context, data Dataset, done func(first, count int)) error {
	for first := 0; first < data.Len(); {
		if err := ctx.Err(); err != nil {
			return err
		}
		count, err := s.pack(data, first)
		if err != nil {
			return err
		}
		if len(s.batch.rows) > 0 {
			s.model.forward(&s.batch)
		}
		done(first, count)
		first += count
	}
	return nil
}

// pack fills the batch with examples from first on and returns how many.
func (s *Scorer) pack(data Dataset, first int) (count int, err error) {
	s.batch.reset()
	for i := first; i < data.Len(); i++ {
		e := data.Example(i)
		if err := e.check(s.model.cfg); err != nil {
			return 0, fmt.Errorf("example %d: %w", i, err)
		}
		if len(s.batch.tokens) > 0 && len(s.batch.tokens)+e.used() > scoreTokens {
			break
		}
		s.batch.add(e)
		count++
	}
	return count, nil
}

// Annotate returns the examples with Soft set to the k best candidates of these weights, the teacher, wherever an
// example carries loss.
func (s *Scorer) Annotate(ctx context.Context, data Dataset, k int) (Examples, error) {
	out := make(Examples, 0, data.Len())
	err := s.each(ctx, data, func(first, count int) {
		best := s.best(k)
		for i := first; i < first+count; i++ {
			e := data.Example(i)
			e.Soft = make([][]TopK, len(e.Tokens))
			for at := range e.used() {
				if e.Loss[at] != 0 {
					e.Soft[at], best = best[0], best[1:]
				}
			}
			out = append(out, e)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("teacher candidates: %w", err)
	}
	return out, nil
}

// best returns the k best candidates of every row of the batch, best first.
func (s *Scorer) best(k int) [][]TopK {
	best := make([][]TopK, len(s.batch.rows))
	if len(best) == 0 {
		return best
	}
	vocab, logits := s.model.cfg.Vocab, values(s.model.logits)
	s.model.workers.run(len(best), 4, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			best[i] = topK(logits[i*vocab:(i+1)*vocab], k)
		}
	})
	return best
}

// topK returns the k largest logits, largest first; of equal ones the lower id comes first.
func topK(logits []float32, k int) []TopK {
	k = min(k, len(logits))
	best := make([]TopK, 0, k+1)
	for id, v := range logits {
		if len(best) == k && (k == 0 || !(v > best[k-1].Logit)) {
			continue
		}
		at, _ := slices.BinarySearchFunc(best, v, func(have TopK, v float32) int {
			if have.Logit >= v {
				return -1
			}
			return 1
		})
		best = slices.Insert(best, at, TopK{ID: int32(id), Logit: v})
		best = best[:min(k, len(best))]
	}
	return best
}

// TopK returns the k best candidates for the token behind each of the given positions of one sequence, best first. For
// many sequences a Scorer's Annotate is far faster.
func (w *Weights) TopK(tokens []int32, positions []int, k int) ([][]TopK, error) {
	// A position behind the last token predicts a token that is not there: a filler stands in for it.
	e := Example{Tokens: append(slices.Clone(tokens), 0), Loss: make([]float32, len(tokens)+1)}
	for _, p := range positions {
		if p < 0 || p >= len(tokens) {
			return nil, fmt.Errorf("teacher candidates: position %d of %d tokens", p, len(tokens))
		}
		e.Loss[p] = 1
	}
	annotated, err := NewScorer(w, 0).Annotate(context.Background(), Examples{e}, k)
	if err != nil {
		return nil, err
	}
	out := make([][]TopK, len(positions))
	for i, p := range positions {
		out[i] = annotated[0].Soft[p]
	}
	return out, nil
}

// Logits returns the logits [vocab] for the token behind position of a sequence; it is meant for tests and tools.
func (w *Weights) Logits(tokens []int32, position int) ([]float32, error) {
	best, err := w.TopK(tokens, []int{position}, w.Config.Vocab)
	if err != nil {
		return nil, err
	}
	logits := make([]float32, w.Config.Vocab)
	for _, k := range best[0] {
		logits[k.ID] = k.Logit
	}
	return logits, nil
}
