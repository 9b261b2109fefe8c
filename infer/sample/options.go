// Package sample picks the next token from the logits of a model.
//
// The steps come in llama.cpp's default order:
//
//  1. logit bias, and the caller's mask
//  2. repetition penalty, then frequency and presence penalties
//  3. DRY
//  4. top-k
//  5. typical
//  6. top-p
//  7. min-p
//  8. temperature
//  9. draw
//
// The filters 4 to 7 therefore see the distribution at temperature 1, each one
// what the filter before it left, as if it were everything. Mirostat takes the
// place of the filters: it sees the distribution after the temperature. At
// temperature 0 the likeliest token after step 3 is taken, whatever the filters
// say.
//
// The same options, seed and logits give the same choices. Besides the choice
// it reports how sure the model was: from the unmodified distribution, whatever
// the options, so that log-probabilities of answers with different options can
// be compared, and are what a calibration was made on.
package sample

import (
	"fmt"
	"math"
)

// RepetitionWindow is the number of latest tokens, of prompt and answer, that
// the repetition penalty looks at.
const RepetitionWindow = 64

// MaxTop is the most that [Options.Top] can be: OpenAI's limit.
const MaxTop = 20

// Bounds of [Options.LogitBias]: at them a token is banned or forced.
const (
	Ban   = -100
	Force = 100
)

// Options says how to choose. The zero value is greedy.
type Options struct {
	Temperature float64 // 0 takes the likeliest token
	TopK        int     // keep the k likeliest, 0 for all
	// TypicalP keeps the tokens whose surprise is nearest to the expected one,
	// the fewest that reach this probability together (arXiv 2202.00666), 0 or 1
	// for all.
	TypicalP float64
	TopP     float64 // keep the fewest likeliest that reach this probability together, 0 or 1 for all
	MinP     float64 // keep those with at least this share of the likeliest one's probability

	RepetitionPenalty float64 // divides positive and multiplies negative logits of recent tokens (arXiv 1909.05858), 0 or 1 for none
	// FrequencyPenalty lowers a token's logit for each time that it came in the
	// answer, PresencePenalty once if it came at all. As OpenAI defines them,
	// they look at the whole answer and at nothing of the prompt; below 0 they
	// raise.
	FrequencyPenalty, PresencePenalty float64
	DRY                               DRY

	// LogitBias is added to the logits of tokens, by id. As OpenAI's clients use
	// it, Ban or -Inf takes a token out, and Force leaves only those tokens that
	// have it.
	LogitBias map[int32]float64
	Mask      Mask // nil: every token may come

	Mirostat Mirostat
	Top      int // likeliest tokens to report beside the chosen one, at most MaxTop
	Seed     uint64
}

// Mask restricts what may come next, as a grammar does. It belongs to one
// sequence and is called by one goroutine at a time.
type Mask interface {
	// Mask sets the logits of the tokens that must not come next to -Inf, and
	// leaves the others as they are. At least one token has to stay.
	Mask(logits []float32)
	// Accept notes the token of the answer that came.
	Accept(id int32)
}

// Mirostat keeps the surprise of the text near a target: version 2 of arXiv
// 2007.14966. It replaces top-k, typical, top-p and min-p.
type Mirostat struct {
	Tau float64 // the target, in bits; 0: off
	Eta float64 // how fast it is approached; 0: 0.1
}

const defaultEta = 0.1

// OptionError is an option that cannot be.
type OptionError struct {
	Option  string // as the API names it
	Problem string // with the value and the range
}

func (e *OptionError) Error() string { return "sample: " + e.Problem }

// wrong is the error of an option; the problem begins with its name.
func wrong(option, problem string, args ...any) error {
	return &OptionError{option, option + " " + fmt.Sprintf(problem, args...)}
}

// Check reports the first option that is out of its range for a vocabulary, as
// an [*OptionError].
func (o Options) Check(vocab int) error {
	for _, c := range []struct {
		name      string
		value     float64
		low, high float64
		off       bool // the value switches the option off
	}{
		{"temperature", o.Temperature, 0, 100, false},
		{"typical_p", o.TypicalP, 0, 1, false},
		{"top_p", o.TopP, 0, 1, false},
		{"min_p", o.MinP, 0, 1, false},
		{"repetition_penalty", o.RepetitionPenalty, 0.01, 100, o.RepetitionPenalty == 0},
		{"frequency_penalty", o.FrequencyPenalty, -100, 100, false},
		{"presence_penalty", o.PresencePenalty, -100, 100, false},
		{"mirostat_tau", o.Mirostat.Tau, 0, 100, false},
		{"mirostat_eta", o.Mirostat.Eta, 0, 1, false},
	} {
		if !c.off && !(c.value >= c.low && c.value <= c.high) {
			return wrong(c.name, "is %v, not between %v and %v", c.value, c.low, c.high)
		}
	}
	switch {
	case o.TopK < 0:
		return wrong("top_k", "is %d, not 0 or more", o.TopK)
	case o.Top < 0 || o.Top > MaxTop:
		return wrong("top_logprobs", "is %d, not between 0 and %d", o.Top, MaxTop)
	}
	if err := o.DRY.check(); err != nil {
		return err
	}
	return o.checkBias(vocab)
}

func (o Options) checkBias(vocab int) error {
	for id, b := range o.LogitBias {
		switch {
		case id < 0 || int(id) >= vocab:
			return wrong("logit_bias", "has the token %d, not one of the vocabulary of %d", id, vocab)
		case !(b >= Ban && b <= Force) && !math.IsInf(b, -1):
			return wrong("logit_bias", "of token %d is %v, not between %d and %d", id, b, Ban, Force)
		}
	}
	return nil
}

// filters reports whether the options may leave out tokens.
func (o Options) filters() bool {
	return o.TopK > 0 || o.typical() || o.nucleus() || o.MinP > 0
}

func (o Options) nucleus() bool { return o.TopP > 0 && o.TopP < 1 }
func (o Options) typical() bool { return o.TypicalP > 0 && o.TypicalP < 1 }

// counts reports whether it matters how often a token came.
func (o Options) counts() bool { return o.FrequencyPenalty != 0 || o.PresencePenalty != 0 }

// repetition reports whether recent tokens are made less likely, or more.
func (o Options) repetition() bool { return o.RepetitionPenalty != 0 && o.RepetitionPenalty != 1 }
