package infer

import (
	"github.com/a472be26/cusp/infer/model"
	"github.com/a472be26/cusp/infer/sample"
)

// slot is what a running sequence needs beside its pages. It is used again.
type slot struct {
	logits  []float32     // [Vocab]
	leaders model.Leaders // as many as suffice instead, 0: they do not; with room for as many as the runner gives
	sampler *sample.Sampler
	known   []int32
	pages   []int32
}

func newSlot(vocab, leaders int) *slot {
	return &slot{
		logits:  make([]float32, vocab),
		leaders: model.Leaders{IDs: make([]int32, 0, leaders), Logits: make([]float32, 0, leaders)},
		sampler: sample.New(vocab),
	}
}

// leadersOf is how many leaders a runner gives at most.
func leadersOf(r model.Runner) int {
	if l, ok := r.(model.Leading); ok {
		return l.MostLeaders()
	}
	return 0
}

// reset prepares for a sequence, whose options and prompt were checked.
func (s *slot) reset(o sample.Options, prompt []int32) {
	_ = s.sampler.Reset(o, prompt)
	n := s.sampler.Leaders()
	if n > cap(s.leaders.IDs) {
		n = 0
	}
	s.leaders.IDs, s.leaders.Logits = s.leaders.IDs[:n], s.leaders.Logits[:n]
}

// want says in a sequence what of the logits the next token is chosen from.
func (s *slot) want(q *model.Sequence) {
	if len(s.leaders.IDs) > 0 {
		q.Leaders = &s.leaders
	} else {
		q.Logits = s.logits
	}
}

// choose chooses the next token from what want wanted.
func (s *slot) choose() (sample.Choice, error) {
	if l := &s.leaders; len(l.IDs) > 0 {
		return s.sampler.SampleLeaders(l.IDs, l.Logits, l.Rest)
	}
	return s.sampler.Sample(s.logits)
}
