// Package sample picks the next token from the logits of a model.
//
// The steps come in llama.cpp's order: repetition penalty, top-k, top-p, min-p,
// temperature, draw. Top-p and min-p therefore see the distribution at
// temperature 1. The same options and seed give the same choices. Besides the
// choice it reports how sure the model was: from the unmodified distribution,
// whatever the options.
package sample

import "fmt"

// RepetitionWindow is the number of latest tokens, of prompt and answer, that
// the repetition penalty looks at.
const RepetitionWindow = 64

// Options says how to choose. The zero value is greedy.
type Options struct {
	Temperature       float64 // 0 takes the likeliest token
	TopK              int     // keep the k likeliest, 0 for all
	TopP              float64 // keep the fewest likeliest that reach this probability together, 0 or 1 for all
	MinP              float64 // keep those with at least this share of the likeliest one's probability
	RepetitionPenalty float64 // divides positive and multiplies negative logits of recent tokens (arXiv 1909.05858), 0 or 1 for none
	Seed              uint64
}

// Check reports the first option that is out of its range.
func (o Options) Check() error {
	switch {
	case !(o.Temperature >= 0 && o.Temperature <= 100):
		return fmt.Errorf("sample: temperature is %v, not between 0 and 100", o.Temperature)
	case o.TopK < 0:
		return fmt.Errorf("sample: top_k is %d, not 0 or more", o.TopK)
	case !(o.TopP >= 0 && o.TopP <= 1):
		return fmt.Errorf("sample: top_p is %v, not between 0 and 1", o.TopP)
	case !(o.MinP >= 0 && o.MinP <= 1):
		return fmt.Errorf("sample: min_p is %v, not between 0 and 1", o.MinP)
	case o.RepetitionPenalty != 0 && !(o.RepetitionPenalty >= 0.01 && o.RepetitionPenalty <= 100):
		return fmt.Errorf("sample: repetition_penalty is %v, not 0 or between 0.01 and 100", o.RepetitionPenalty)
	}
	return nil
}

// filters reports whether the options may leave out tokens.
func (o Options) filters() bool { return o.TopK > 0 || o.nucleus() || o.MinP > 0 }

func (o Options) nucleus() bool { return o.TopP > 0 && o.TopP < 1 }
