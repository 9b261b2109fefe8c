package uplink

import (
	"context"
	"fmt"

	"github.com/a472be26/cusp/router"
)

// Hand is Ask for an asker who may be lost on the way, such as one in another
// process. accepted is called once the question is durable, emit gets the text as
// it arrives, and take the outcome, an answer or a final error. Only when take
// returns nil does the outcome count as delivered; else it goes to
// Options.OnLate. Hand returns what Ask would, or take's error.
func (u *Uplink) Hand(ctx context.Context, q router.Question, accepted func() error, emit func(delta string) error, take func(router.CloudAnswer, error) error) error {
	// 1. Refuse what must not or cannot be sent.
	if err := check(q); err != nil {
		return fmt.Errorf("%w: %w", router.ErrRefused, err)
	}

	// 2. Accept, and say so.
	c, err := u.accept(q)
	if err != nil {
		return fmt.Errorf("question %s: %w", q.ID, err)
	}
	if err := accepted(); err != nil {
		c.leave(false)
		return err
	}

	// 3. Wait, passing on the text, and let the outcome be taken.
	answer, delivered, err := u.follow(ctx, c, &stream{emit: emit})
	if delivered {
		err = take(answer, err)
		delivered = err == nil
	}
	c.leave(delivered)
	if err != nil {
		return fmt.Errorf("question %s: %w", q.ID, err)
	}
	return nil
}
