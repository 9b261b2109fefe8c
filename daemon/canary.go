package daemon

import "fmt"

// try begins the trial of a loaded model.
func (m *Models) try(next Model, c Candidate, how CanaryConfig) error {
	m.mu.Lock()
	closed := m.closed
	if !closed {
		m.trials.Add(1)
		m.trial = newTrial(next, c, how, m.concluded)
	}
	m.mu.Unlock()
	if closed {
		m.discard(next)
		return ErrNoModel
	}
	m.log.Info("model is tried beside the serving one", "model", next.Info().String(), "from", c.String(), "share", how.Share, "questions", how.Questions)
	m.changed()
	return nil
}

// concluded acts on a verdict: the new model serves, or it is refused.
func (m *Models) concluded(t *trial, against error) {
	defer m.trials.Done()
	m.loading.Lock()
	defer m.loading.Unlock()
	m.mu.Lock()
	mine := m.trial == t
	if mine {
		m.trial = nil
	}
	m.mu.Unlock()
	s := t.status()
	switch {
	case !mine: // another one came, or the daemon stops
		m.discard(t.model)
	case against != nil:
		m.discard(t.model)
		if err := m.rejected.remember(t.origin, against); err != nil {
			m.log.Warn(err.Error())
		}
		_ = m.Refuse(t.origin, t.since, RefusedCanary, fmt.Errorf("trial of model %s: %w", t.origin, against))
	default:
		m.log.Info("model passed its trial", "model", s.Model, "questions", s.Answered, "agreement", s.Agreement, "speed", s.Speed)
		_ = m.put(t.model, t.origin, t.since)
	}
}

// tries tells whether c is being tried.
func (m *Models) tries(c Candidate) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.trial != nil && m.trial.origin.same(c)
}

// giveUp ends the trial that runs, if one does. The verdict may be on its way; it
// then finds that the trial is not ours any more.
func (m *Models) giveUp() {
	m.mu.Lock()
	t := m.trial
	m.trial = nil
	m.mu.Unlock()
	if t != nil && t.end() {
		m.log.Info("trial of a model was given up", "model", t.model.Info().String())
		m.discard(t.model)
		m.trials.Done()
	}
}

// Trial describes the model that is being tried, nil if none is.
func (m *Models) Trial() *TrialStatus {
	m.mu.Lock()
	t := m.trial
	m.mu.Unlock()
	if t == nil {
		return nil
	}
	s := t.status()
	return &s
}
