package daemon

import (
	"context"
	"fmt"

	"github.com/a472be26/cusp/infer"
)

// vitals find out whether the daemon gets on with its work. They are evidence,
// not a timer: an engine that has work at two looks and made no step between
// them is stuck, however lively the rest of the process is. An idle one is well.
type vitals struct {
	models *Models
	last   map[*serving]infer.Pulse
	door   func(context.Context) error // asks at the daemon's own socket, as a client does
}

// check returns what is wrong. It is for one goroutine, and blocks where the
// engine does.
func (v *vitals) check(ctx context.Context) error {
	now := map[*serving]infer.Pulse{}
	var err error
	for _, s := range v.models.opened() {
		p := s.model.Pulse()
		before, seen := v.last[s]
		if seen && before.Work && p.Work && p.Steps == before.Steps {
			err = fmt.Errorf("the engine of %s is stuck: %d answers run, %d wait, and no step was made since the last look", s.info, p.Running, p.Waiting)
		}
		now[s] = p
	}
	v.last = now
	if err != nil {
		return err
	}
	return v.door(ctx)
}
