package calibrate

import (
	"errors"
	"fmt"
)

// Bins is how many bins a Histogram of ours has.
const Bins = 20

// Histogram counts answers by confidence, in bins of equal width over 0..1. A
// confidence of 1 falls into the last one. On calibration data it is what
// traffic is to look like for the promise to hold.
type Histogram struct {
	Answers []int `json:"answers"` // per bin
	Wrong   []int `json:"wrong"`   // of these
}

// NewHistogram is one without answers.
func NewHistogram(bins int) *Histogram {
	return &Histogram{make([]int, bins), make([]int, bins)}
}

// Bin is the bin of a confidence.
func (h *Histogram) Bin(confidence float64) int {
	n := len(h.Answers)
	return max(0, min(n-1, int(bounded(confidence, 0, 1)*float64(n))))
}

// Add counts one answer.
func (h *Histogram) Add(j Judged) {
	at := h.Bin(j.Confidence)
	h.Answers[at]++
	if !j.Correct {
		h.Wrong[at]++
	}
}

func (h *Histogram) check() error {
	if h == nil {
		return nil
	}
	if len(h.Answers) == 0 || len(h.Answers) != len(h.Wrong) || len(h.Answers) > 1000 {
		return fmt.Errorf("calibration: histogram has %d bins of answers and %d of wrong ones, want as many of each, 1 to 1000", len(h.Answers), len(h.Wrong))
	}
	for i, n := range h.Answers {
		if n < 0 || h.Wrong[i] < 0 || h.Wrong[i] > n {
			return errors.New("calibration: histogram has a bin with more wrong answers than answers")
		}
	}
	return nil
}
