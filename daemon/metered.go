package daemon

import (
	"context"

	"github.com/a472be26/cusp/daemon/sensor"
	"github.com/a472be26/cusp/router"
)

// metered is a local model whose answers are work, and say what energy they took.
type metered struct {
	router.Local
	meter *sensor.Meter
	work  *work
}

func (m metered) Answer(ctx context.Context, q router.Question, emit func(router.Delta) error) (router.LocalAnswer, error) {
	defer m.work.begin()()
	end := m.meter.Begin()
	a, err := m.Local.Answer(ctx, q, emit)
	a.Joules = end()
	return a, err
}
