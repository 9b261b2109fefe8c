package privacy

import (
	"errors"
	"fmt"

	"github.com/a472be26/cusp/router"
)

// ErrForgotten means that an answer came for a question whose values were forgotten:
// it was answered before, and the answer comes once more.
var ErrForgotten = errors.New("what the placeholders stood for was forgotten, as it is when a question is done with")

// Restored is a question of the outbox, and an answer that nobody waited for, with
// nothing hidden any more.
type Restored struct {
	Question   router.Question
	Answer     router.CloudAnswer
	Redactions map[string]int // what the cloud did not get to see, by category
}

// Restore puts back what was hidden. Call Forget once the answer has reached its
// asker.
func (g *Guard) Restore(q router.Question, a router.CloudAnswer) (Restored, error) {
	if !q.Redacted {
		return Restored{q, a, nil}, nil
	}
	m, err := g.o.Vault.Get(q.ID)
	if err == nil && m == nil {
		err = ErrForgotten
	}
	if err != nil {
		return Restored{}, fmt.Errorf("restore question %s: %w", q.ID, err)
	}
	original := m.question(q)
	original.Redacted = false
	return Restored{original, m.answer(q, a), m.counts()}, nil
}

// Forget removes what is kept for a question that is done with.
func (g *Guard) Forget(id string) {
	if err := g.o.Vault.Delete(id); err != nil {
		g.o.Log.Error("values of a finished question were not removed", "id", id, "error", err)
	}
}

// Hidden is a question and its answers with placeholders, for what is kept of them.
// The placeholders are those that the cloud saw. What cannot be redacted is
// [router.ErrWithheld].
func (g *Guard) Hidden(q router.Question, a router.Answer, local string) (_ router.Question, _ router.Answer, _ string, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: the search for personal data failed", router.ErrWithheld)
		}
	}()
	q.PromptTokens = nil // the text in another form
	r := newRedaction(g.o.Modes.kept(), 2*g.o.MaxText)
	r.learnQuestion(q)
	read := pen{
		text: func(s string) string { r.learn(s); return s },
		json: func(s string) string { r.learnJSON(s); return s },
	}
	read.answer(a, local)
	if r.err != nil {
		return q, a, local, fmt.Errorf("%w: %w", router.ErrWithheld, r.err)
	}
	r.name()
	if len(r.order) == 0 {
		return q, a, local, nil
	}
	write := pen{r.hide, r.hideJSON}
	hidden := write.question(q)
	hidden.Redacted = true
	a, local = write.answer(a, local)
	if r.err != nil {
		return q, a, local, fmt.Errorf("%w: %w", router.ErrWithheld, r.err)
	}
	return hidden, a, local, nil
}

func (p pen) answer(a router.Answer, local string) (router.Answer, string) {
	a.Text, a.Reasoning, a.ToolCalls = p.either(a.Text), p.text(a.Reasoning), p.calls(a.ToolCalls)
	a.LogProbs = nil // the text in pieces
	return a, p.either(local)
}

// kept are the modes for records: what must not leave the device in a question is not
// kept of an answer either.
func (m Modes) kept() Modes {
	all := Modes{}
	for _, c := range Categories {
		if all[c] = m.of(c); all[c] == Keep {
			all[c] = Redact
		}
	}
	return all
}
