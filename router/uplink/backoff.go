package uplink

import (
	"math/rand/v2"
	"time"
)

// backoff is how long to wait after failures in a row: it doubles from least to
// most and is spread over its upper half, so that the devices of a fleet do not
// come back in step.
type backoff struct {
	least, most time.Duration
	random      func() float64 // in [0, 1); nil means math/rand
}

func (b backoff) after(failures int) time.Duration {
	d := b.least
	for ; failures > 1 && d < b.most; failures-- {
		d *= 2
	}
	d = min(d, b.most)
	return d/2 + time.Duration(b.draw()*float64(d/2))
}

// soon is a wait of less than least, for what did not fail but concerns a whole
// fleet at once.
func (b backoff) soon() time.Duration { return time.Duration(b.draw() * float64(b.least)) }

func (b backoff) draw() float64 {
	if b.random == nil {
		return rand.Float64()
	}
	return b.random()
}
