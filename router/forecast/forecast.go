// Package forecast predicts what becomes of a question on the device, from what was
// seen of questions like it. It is a [router.Forecast].
//
// Questions are of one class if they have the same client, the same tools on offer,
// are in the same language, and of about the same length (within a factor of two). Of
// a class, the share of answers in doubt is known, and how long they are; the newest
// twenty count most. Of the device, it is known how many tokens of prompts and answers
// it goes through in a second. All of that is in memory: a restart forgets it, and
// nothing is predicted of a class that was not seen.
package forecast

import (
	"math/bits"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/policy"
)

// keep is the weight of what was known when something new is seen: 1/(1-keep) = 20
// observations count at most.
const keep = 0.95

// maxClasses bounds what is remembered; the class that was not seen for the longest
// time goes first.
const maxClasses = 1024

// Forecast is a [router.Forecast].
type Forecast struct {
	mu      sync.Mutex // guards the fields below
	classes map[class]*record
	seen    int64 // answers in all
	tokens  mean  // in a second
}

var _ router.Forecast = (*Forecast)(nil)

// class is what questions have in common.
type class struct {
	client, tools, language string
	length                  int // bits of the number of bytes
}

// record is what is known of a class.
type record struct {
	doubts mean // 1 for an answer in doubt, 0 for another
	length mean // of answers, in tokens
	last   int64
}

// mean is an exponentially weighted one; weight is how many observations it stands for.
type mean struct{ sum, weight float64 }

func (m *mean) add(v float64) { m.sum, m.weight = m.sum*keep+v, m.weight*keep+1 }

// value is the mean, with so many observations of 0 before all others.
func (m mean) value(zeros float64) float64 {
	if m.weight == 0 {
		return 0
	}
	return m.sum / (m.weight + zeros)
}

// New knows nothing.
func New() *Forecast { return &Forecast{classes: map[class]*record{}} }

func classOf(q router.Question) class {
	names := q.ToolNames()
	slices.Sort(names)
	bytes, _ := q.Size()
	return class{q.Asker, strings.Join(slices.Compact(names), "\x00"), policy.Language(q.Asked()), bits.Len(uint(bytes))}
}

// Predict implements [router.Forecast]. The share of doubts has one answer that was
// good added to it, so that a single one in doubt does not make the next one certain
// to be.
func (f *Forecast) Predict(q router.Question) (doubt float64, took time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var length float64
	if r := f.classes[classOf(q)]; r != nil {
		doubt, length = r.doubts.value(1), r.length.value(0)
	}
	if speed := f.tokens.value(0); speed > 0 {
		_, prompt := q.Size()
		took = time.Duration((float64(prompt) + length) / speed * float64(time.Second))
	}
	return doubt, took
}

// Learn implements [router.Forecast].
func (f *Forecast) Learn(q router.Question, local router.LocalAnswer, doubted bool, took time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen++
	c := classOf(q)
	r := f.classes[c]
	if r == nil {
		f.makeRoom()
		r = &record{}
		f.classes[c] = r
	}
	r.last = f.seen
	r.length.add(float64(len(local.Tokens)))
	if doubted {
		r.doubts.add(1)
	} else {
		r.doubts.add(0)
	}
	if n := local.PromptTokens + len(local.Tokens); n > 0 && took > 0 {
		f.tokens.add(float64(n) / took.Seconds())
	}
}

func (f *Forecast) makeRoom() {
	if len(f.classes) < maxClasses {
		return
	}
	var oldest class
	last := f.seen
	for c, r := range f.classes {
		if r.last < last {
			oldest, last = c, r.last
		}
	}
	delete(f.classes, oldest)
}
