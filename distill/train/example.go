package train

import "fmt"

// TopK is one candidate of a teacher: a token and its logit at temperature 1.
type TopK struct {
	ID    int32
	Logit float32
}

// Example is one training sequence.
type Example struct {
	Tokens []int32   // [n]
	Loss   []float32 // [n]: weight of predicting Tokens[i+1] at position i; 0 means no loss there
	Soft   [][]TopK  // nil, or [n]: the teacher's best candidates at position i; an empty entry means none
}

// Dataset is an indexed collection of examples. Example(i) must return the same tokens each time it is asked, or a
// resumed run differs from an uninterrupted one; the trainer does not modify or keep what it returns.
type Dataset interface {
	Len() int
	Example(i int) Example
}

// Examples is a Dataset held in memory.
type Examples []Example

var _ Dataset = Examples(nil)

// Len returns the number of examples.
func (e Examples) Len() int { return len(e) }

// Example returns the i-th example.
func (e Examples) Example(i int) Example { return e[i] }

// used returns how many leading tokens a model must read: those up to the last position that carries loss.
func (e Example) used() int {
	for i := min(len(e.Loss), len(e.Tokens)-1) - 1; i >= 0; i-- {
		if e.Loss[i] != 0 {
			return i + 1
		}
	}
	return 0
}

// check reports the first reason why the example cannot be trained on.
func (e Example) check(c Config) error {
	if len(e.Loss) != len(e.Tokens) {
		return fmt.Errorf("has %d loss weights for %d tokens", len(e.Loss), len(e.Tokens))
	}
	if e.Soft != nil && len(e.Soft) != len(e.Tokens) {
		return fmt.Errorf("has %d teacher rows for %d tokens", len(e.Soft), len(e.Tokens))
	}
	if e.used() > c.Context {
		return fmt.Errorf("needs %d tokens, more than the context of %d", e.used(), c.Context)
	}
	for i, id := range e.Tokens {
		if id < 0 || int(id) >= c.Vocab {
			return fmt.Errorf("token %d is %d, outside the vocabulary of %d", i, id, c.Vocab)
		}
	}
	for i, w := range e.Loss {
		if !(w >= 0) {
			return fmt.Errorf("loss weight %d is %v, must be zero or more", i, w)
		}
	}
	return e.checkSoft(c)
}

func (e Example) checkSoft(c Config) error {
	for i, row := range e.Soft {
		for _, k := range row {
			if k.ID < 0 || int(k.ID) >= c.Vocab {
				return fmt.Errorf("teacher candidate at position %d is token %d, outside the vocabulary of %d", i, k.ID, c.Vocab)
			}
		}
	}
	return nil
}
