package sample

import "math"

// bias is Options.LogitBias as it is applied to every token.
type bias struct {
	added  []added
	banned []int32
	forced []added // by is their logits, while all others are taken out
}

// out is the logit of a token that cannot come.
var out = float32(math.Inf(-1))

type added struct {
	id int32
	by float32
}

// set prepares for the biases of new options.
func (b *bias) set(by map[int32]float64) {
	b.added, b.banned, b.forced = b.added[:0], b.banned[:0], b.forced[:0]
	for id, v := range by {
		switch {
		case v >= Force:
			b.forced = append(b.forced, added{id: id})
		case v <= Ban:
			b.banned = append(b.banned, id)
		default:
			b.added = append(b.added, added{id, float32(v)})
		}
	}
}

// apply changes the logits. Where tokens are forced, the biases of others have
// no say.
func (b *bias) apply(logits []float32) {
	if len(b.forced) > 0 {
		b.force(logits)
		return
	}
	for _, a := range b.added {
		logits[a.id] = lower(logits[a.id], -float64(a.by))
	}
	for _, id := range b.banned {
		logits[id] = out
	}
}

func (b *bias) force(logits []float32) {
	for i, a := range b.forced {
		b.forced[i].by = logits[a.id]
	}
	for i := range logits {
		logits[i] = out
	}
	for _, a := range b.forced {
		logits[a.id] = a.by
	}
}
