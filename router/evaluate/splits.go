package evaluate

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
	"gonum.org/v1/gonum/stat"

	"github.com/a472be26/cusp/router/calibrate"
)

// SplitOptions say what promise is tried, and how often.
type SplitOptions struct {
	Splits int
	Alphas []float64
	Delta  float64
	Seed   uint64
}

// A split has three parts: fit shapes the score and chooses thresholds to test,
// test tests them, and the rest, which neither has seen, says whether the
// promise was kept.
const (
	fitShare  = 0.3
	testShare = 0.3
)

// SplitResult is what became of one score at one alpha over all splits.
type SplitResult struct {
	Score    string  `json:"score"`
	Alpha    float64 `json:"alpha"`
	Delta    float64 `json:"delta"`
	Splits   int     `json:"splits"`
	Broken   int     `json:"broken"`   // splits whose error rate on the rest is more than alpha
	Silent   int     `json:"silent"`   // splits in which no threshold kept the promise: nothing is answered
	Coverage float64 `json:"coverage"` // mean share of the rest that is answered
	Spread   float64 `json:"spread"`   // standard deviation of the coverage
	Risk     float64 `json:"risk"`     // wrong of all that was answered, over all splits
	AUROC    float64 `json:"auroc"`    // mean, on the rest
}

// Splits tries every score on random splits of the same answers. Records must
// not have shaped the model, and must be as exchangeable as traffic is: the
// promise is about questions like them.
func Splits(ctx context.Context, records []Record, o SplitOptions, progress func(done, total int)) ([]SplitResult, error) {
	answers, err := Answered(records)
	if err != nil {
		return nil, err
	}
	scores := Scores(answers)
	results := make([]SplitResult, 0, len(scores)*len(o.Alphas))
	outcomes := make([][]outcome, o.Splits)
	if err := parallel(ctx, o.Splits, progress, func(i int) (err error) {
		outcomes[i], err = trySplit(answers, scores, o, uint64(i))
		return err
	}); err != nil {
		return nil, err
	}
	for a, alpha := range o.Alphas {
		for k, s := range scores {
			r := SplitResult{Score: s.Name, Alpha: alpha, Delta: o.Delta, Splits: o.Splits}
			r.sum(outcomes, k*len(o.Alphas)+a)
			results = append(results, r)
		}
	}
	return results, nil
}

// outcome is one score at one alpha on one split's rest.
type outcome struct {
	answers, given, wrong int
	auroc                 float64
}

// trySplit returns the outcomes of all scores at all alphas, alphas fastest.
func trySplit(answers []Record, scores []Score, o SplitOptions, number uint64) ([]outcome, error) {
	shuffled := slices.Clone(answers)
	r := rand.New(rand.NewPCG(o.Seed, number))
	r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	first := int(fitShare * float64(len(shuffled)))
	second := first + int(testShare*float64(len(shuffled)))
	fit, others := shuffled[:first], shuffled[first:]
	var out []outcome
	for _, s := range scores {
		ofFit, ofOthers, err := s.Learn(fit, others)
		if err != nil {
			return nil, fmt.Errorf("score %s: %w", s.Name, err)
		}
		choose, judged := beside(ofFit, fit), beside(ofOthers, others)
		test, rest := judged[:second-first], judged[second-first:]
		auroc := AUROC(ofOthers[second-first:], verdicts(others[second-first:]))
		for _, alpha := range o.Alphas {
			t := calibrate.FindThreshold(choose, test, alpha, o.Delta)
			n, wrong := calibrate.Accepted(rest, t)
			out = append(out, outcome{len(rest), n, wrong, auroc})
		}
	}
	return out, nil
}

// beside puts scores beside verdicts.
func beside(scores []float64, records []Record) []calibrate.Judged {
	out := make([]calibrate.Judged, len(scores))
	for i, s := range scores {
		out[i] = calibrate.Judged{Confidence: s, Correct: *records[i].Correct}
	}
	return out
}

// sum adds up the outcomes of number k.
func (r *SplitResult) sum(outcomes [][]outcome, k int) {
	given, wrong := 0, 0
	var covers []float64
	for _, split := range outcomes {
		o := split[k]
		given, wrong = given+o.given, wrong+o.wrong
		covers = append(covers, float64(o.given)/float64(o.answers))
		r.AUROC += o.auroc / float64(len(outcomes))
		if o.given == 0 {
			r.Silent++
		}
		if float64(o.wrong) > r.Alpha*float64(o.given) {
			r.Broken++
		}
	}
	r.Coverage, r.Spread = stat.PopMeanStdDev(covers, nil)
	if given > 0 {
		r.Risk = float64(wrong) / float64(given)
	}
}

// parallel runs f(0..n-1) on all processors and returns the first error. After an
// error or the end of ctx no new calls begin.
func parallel(ctx context.Context, n int, progress func(done, total int), f func(i int) error) error {
	g, going := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	var mu sync.Mutex // guards done, and is held during progress
	done := 0
	for i := 0; i < n && going.Err() == nil; i++ {
		g.Go(func() error {
			if err := f(i); err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			if done++; progress != nil {
				progress(done, n)
			}
			return nil
		})
	}
	return cmp.Or(g.Wait(), ctx.Err())
}
