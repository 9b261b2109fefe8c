package sample

import "math"

// DRY lowers the logits of tokens that would go on with a repetition of what
// came before: by Multiplier * Base^(n-AllowedLength), where n is how many of
// the latest tokens have come in the same order before, in front of that token.
// (Source: "DRY: A modern repetition penalty", text-generation-webui pull
// request 5677; the numbers are those of llama.cpp.)
type DRY struct {
	Multiplier    float64   // 0: off
	Base          float64   // 0: 1.75
	AllowedLength int       // repetitions below this are free; 0: 2
	Range         int       // latest tokens, of prompt and answer, that are searched; 0: DRYRange
	Breakers      *Breakers // where repetitions end; nil: nowhere
}

// DRYRange is the default of [DRY.Range], and MaxDRYRange its bound.
const (
	DRYRange    = 4096
	MaxDRYRange = 1 << 15
)

func (d DRY) check() error {
	switch {
	case !(d.Multiplier >= 0 && d.Multiplier <= 100):
		return wrong("dry_multiplier", "is %v, not between 0 and 100", d.Multiplier)
	case d.Base != 0 && !(d.Base >= 1 && d.Base <= 100):
		return wrong("dry_base", "is %v, not 0 or between 1 and 100", d.Base)
	case d.AllowedLength < 0:
		return wrong("dry_allowed_length", "is %d, not 0 or more", d.AllowedLength)
	case d.Range < 0 || d.Range > MaxDRYRange:
		return wrong("dry_penalty_last_n", "is %d, not between 0 and %d", d.Range, MaxDRYRange)
	}
	return nil
}

// complete fills in the defaults.
func (d DRY) complete() DRY {
	if d.Base == 0 {
		d.Base = 1.75
	}
	if d.AllowedLength == 0 {
		d.AllowedLength = 2
	}
	if d.Range == 0 {
		d.Range = DRYRange
	}
	return d
}

// Breakers are sequences of tokens over which no repetition reaches. They do not
// change, and many samplers may use the same ones.
type Breakers struct {
	tails map[int32][][]int32 // what has to follow, by the first token; nothing for a token that breaks alone
	alone map[int32]bool
}

// NewBreakers makes breakers of sequences of token ids; empty ones do not count.
func NewBreakers(sequences [][]int32) *Breakers {
	b := &Breakers{tails: map[int32][][]int32{}, alone: map[int32]bool{}}
	for _, q := range sequences {
		switch len(q) {
		case 0:
		case 1:
			b.alone[q[0]] = true
		default:
			b.tails[q[0]] = append(b.tails[q[0]], q[1:])
		}
	}
	return b
}

// reach is how many of the latest tokens, the last one first, come after the
// last breaker.
func (b *Breakers) reach(latest []int32) int {
	if b == nil {
		return len(latest)
	}
	for i, id := range latest {
		if n := b.longest(id, latest[:i]); n >= 0 {
			return i - n
		}
	}
	return len(latest)
}

// longest is the length of the longest tail of id that is behind it, -1 if id
// breaks nothing. after is what is behind it, the last token first.
func (b *Breakers) longest(id int32, after []int32) int {
	n := -1
	if b.alone[id] {
		n = 0
	}
	for _, tail := range b.tails[id] {
		if len(tail) > n && follows(tail, after) {
			n = len(tail)
		}
	}
	return n
}

func follows(tail, after []int32) bool {
	if len(tail) > len(after) {
		return false
	}
	for i, id := range tail {
		if after[len(after)-1-i] != id {
			return false
		}
	}
	return true
}

// dry applies DRY.
type dry struct {
	DRY              // complete
	ring     []int32 // [Range] the latest tokens
	seen     int     // tokens since the reset
	latest   []int32 // [Range] scratch: the latest tokens, the last one first
	same     []int32 // [Range] scratch
	repeated []int32 // [vocab] scratch: how long a repetition a token would go on with; all 0 between two uses
}

func (d *dry) on() bool { return d.Multiplier > 0 }

func (d *dry) reset(o DRY, vocab int) {
	d.DRY, d.seen = o.complete(), 0
	if !d.on() {
		return
	}
	if len(d.ring) < d.Range {
		d.ring, d.latest, d.same = make([]int32, d.Range), make([]int32, d.Range), make([]int32, d.Range)
	}
	if d.repeated == nil {
		d.repeated = make([]int32, vocab)
	}
}

func (d *dry) note(id int32) {
	if d.on() {
		d.ring[d.seen%d.Range] = id
		d.seen++
	}
}

// penalize lowers the logits of tokens that would go on with a repetition.
func (d *dry) penalize(logits []float32) {
	if !d.on() {
		return
	}
	// 1. How long the repetitions could be, at most.
	latest := d.unroll()
	limit := d.Breakers.reach(latest)
	if limit < d.AllowedLength {
		return
	}
	// 2. How long they are, by the tokens that go on with them.
	same := matches(d.same[:len(latest)], latest)
	for k := 1; k < len(latest); k++ {
		if n := min(same[k], int32(limit)); int(n) >= d.AllowedLength {
			id := latest[k-1]
			d.repeated[id] = max(d.repeated[id], n)
		}
	}
	// 3. The penalties, each token's once.
	for _, id := range latest {
		n := d.repeated[id]
		if n == 0 {
			continue
		}
		d.repeated[id] = 0
		if d.Breakers == nil || !d.Breakers.alone[id] {
			logits[id] = lower(logits[id], d.Multiplier*math.Pow(d.Base, float64(int(n)-d.AllowedLength)))
		}
	}
}

// unroll writes the ring's tokens to latest.
func (d *dry) unroll() []int32 {
	latest := d.latest[:min(d.seen, d.Range)]
	for i := range latest {
		latest[i] = d.ring[(d.seen-1-i)%d.Range]
	}
	return latest
}

// matches sets same[k] to how many tokens from text[k] on are those from text[0]
// on: the Z-algorithm, in linear time. same[0] is not set.
func matches(same, text []int32) []int32 {
	from, to := 0, 0 // text[from:to] is known to be text[:to-from]
	for k := 1; k < len(text); k++ {
		n := 0
		if k < to {
			n = min(int(same[k-from]), to-k)
		}
		for k+n < len(text) && text[n] == text[k+n] {
			n++
		}
		if k+n > to {
			from, to = k, k+n
		}
		same[k] = int32(n)
	}
	return same
}
