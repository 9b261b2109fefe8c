package router

// outlet passes an answer on and remembers whether anything was sent.
type outlet struct {
	emit func(Delta) error
	sent bool
	err  error
}

func (o *outlet) send(d Delta) error {
	if o.emit == nil {
		return nil
	}
	o.sent = true
	if o.err == nil {
		o.err = o.emit(d)
	}
	return o.err
}

// rest sends the whole answer if nothing of it was sent before, and what the
// cloud's stream of text has not in any case.
func (o *outlet) rest(a Answer, cloud bool) error {
	sent := o.sent
	if sent && !cloud {
		return o.err
	}
	var all []Delta
	if a.Reasoning != "" {
		all = append(all, Delta{Reasoning: a.Reasoning})
	}
	if a.Text != "" && !sent {
		all = append(all, Delta{Text: a.Text, LogProbs: a.LogProbs})
	}
	for _, c := range Pieces(a.ToolCalls) {
		all = append(all, Delta{Call: &c})
	}
	for _, d := range all {
		if err := o.send(d); err != nil {
			return err
		}
	}
	return nil
}
