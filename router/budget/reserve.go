package budget

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/a472be26/cusp/router"
)

// reservation is what a question on its way was counted with.
type reservation struct {
	At    time.Duration `json:"at"` // the ledger's time
	USD   float64       `json:"usd"`
	Bytes float64       `json:"bytes"`
}

// Reserve implements [router.Budget].
func (l *Ledger) Reserve(q router.Question, exempt bool) error {
	share := 1.
	if exempt {
		share = 0 // any
	}
	return l.reserve(q, share)
}

// reserve counts a question if that stays within a share of the limits; with the share
// 0 it is counted in any case.
func (l *Ledger) reserve(q router.Question, share float64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.budgets.none() {
		return nil
	}
	l.advance()
	if _, open := l.s.Open[q.ID]; open {
		return nil
	}
	r := l.estimate(q)
	if share > 0 {
		if lack := l.lacks(Money, r.USD, share); lack != "" {
			return fmt.Errorf("%w: %s", router.ErrBudget, lack)
		}
		if lack := l.lacks(Bytes, r.Bytes, share); lack != "" {
			return fmt.Errorf("%w: %s", router.ErrBudget, lack)
		}
	}
	l.s.Open[q.ID] = r
	l.add(Money, r.USD, r.At)
	l.add(Bytes, r.Bytes, r.At)
	if err := l.save(); err != nil && share > 0 {
		l.close(q.ID, 0, 0)
		return fmt.Errorf("%w: it cannot be counted: %w", router.ErrBudget, err)
	}
	return nil
}

// estimate is what asking may cost: its texts once, as JSON, and what is around them.
func (l *Ledger) estimate(q router.Question) reservation {
	bytes, _ := q.Size()
	return reservation{At: l.s.Now, USD: l.budgets.AskUSD, Bytes: float64(bytes)*1.25 + bytesAround}
}

// Settle implements [router.Budget].
func (l *Ledger) Settle(q router.Question, c router.CloudAnswer, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.advance()
	r, open := l.s.Open[q.ID]
	if !open {
		return
	}
	switch {
	case err == nil:
		l.close(q.ID, known(c.CostUSD, r.USD), known(float64(c.BytesUp)+float64(c.BytesDown), r.Bytes))
	case errors.Is(err, router.ErrWithheld): // it has not left
		l.close(q.ID, 0, 0)
	case errors.Is(err, router.ErrRefused): // nobody is paid for that
		l.close(q.ID, 0, r.Bytes)
	case errors.Is(err, router.ErrExpired): // somebody may have worked on it
		l.close(q.ID, r.USD, r.Bytes)
	default: // it is on its way, as far as anybody knows
		return
	}
	_ = l.save() // it says so itself; until the next time the reservation counts
}

// known is an amount, or what was reserved if nobody said it.
func known(v, reserved float64) float64 {
	if v > 0 && v < 1e15 {
		return v
	}
	return reserved
}

// close counts what was spent in place of a reservation.
func (l *Ledger) close(id string, usd, bytes float64) {
	r := l.s.Open[id]
	delete(l.s.Open, id)
	l.add(Money, usd-r.USD, r.At)
	l.add(Bytes, bytes-r.Bytes, r.At)
}

// Audits is the way to the cloud for audits of the promise: they are counted too, and
// stop when half of a budget is used.
func (l *Ledger) Audits(c router.Cloud) router.Cloud { return audits{c, l} }

type audits struct {
	router.Cloud
	ledger *Ledger
}

// Up implements [router.Cloud]: without a budget there is no way.
func (a audits) Up() bool { return a.ledger.spare() && a.Cloud.Up() }

// spare tells whether there is something left for audits.
func (l *Ledger) spare() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.advance()
	return l.lacks(Money, l.budgets.AskUSD, auditShare) == "" && l.lacks(Bytes, bytesAround, auditShare) == ""
}

// Ask implements [router.Cloud].
func (a audits) Ask(ctx context.Context, q router.Question, emit func(string) error) (router.CloudAnswer, error) {
	if err := a.ledger.reserve(q, auditShare); err != nil {
		return router.CloudAnswer{}, err
	}
	answer, err := a.Cloud.Ask(ctx, q, emit)
	a.ledger.Settle(q, answer, err)
	return answer, err
}
