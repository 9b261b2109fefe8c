package sample

// past is what the penalties know of the tokens that came.
type past struct {
	recent [RepetitionWindow]int32 // a ring of the latest tokens
	seen   int                     // tokens since the reset
	counts []uint32                // [vocab] how often each token came in the answer; nil until needed
	came   []int32                 // [at most vocab] those with a count
	used   bool                    // the options look at the counts
}

func (p *past) reset(o Options, vocab int) {
	for _, id := range p.came {
		p.counts[id] = 0
	}
	p.seen, p.came, p.used = 0, p.came[:0], o.counts()
	if p.used && p.counts == nil {
		p.counts, p.came = make([]uint32, vocab), make([]int32, 0, vocab)
	}
}

// note remembers a token of the prompt or the answer.
func (p *past) note(id int32) {
	p.recent[p.seen%RepetitionWindow] = id
	p.seen++
}

// count counts a token of the answer.
func (p *past) count(id int32) {
	if !p.used {
		return
	}
	if p.counts[id]++; p.counts[id] == 1 {
		p.came = append(p.came, id)
	}
}

// penalize lowers the logits of tokens that came. marks is scratch, a bit for
// each token.
func (p *past) penalize(logits []float32, o *Options, marks []uint64) {
	if o.repetition() {
		p.repeated(logits, o.RepetitionPenalty, marks)
	}
	for _, id := range p.came {
		logits[id] = lower(logits[id], float64(p.counts[id])*o.FrequencyPenalty+o.PresencePenalty)
	}
}

// repeated lowers the logits of recent tokens, each once.
func (p *past) repeated(logits []float32, penalty float64, marks []uint64) {
	recent := p.recent[:min(p.seen, RepetitionWindow)]
	for _, id := range recent {
		marks[id/64] = 0
	}
	for _, id := range recent {
		bit := uint64(1) << (id % 64)
		if marks[id/64]&bit != 0 {
			continue
		}
		marks[id/64] |= bit
		if x := float64(logits[id]); x > 0 {
			logits[id] = within(logits[id], x/penalty)
		} else {
			logits[id] = within(logits[id], x*penalty)
		}
	}
}
