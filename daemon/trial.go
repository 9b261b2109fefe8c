package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/a472be26/cusp/router"
)

// trial is a new model that answers some of the live questions beside the one
// that serves, unseen, before it takes over: a shadow canary. What it says is
// compared and forgotten; of a question nothing is kept but two sums. It takes
// one question at a time and lets the others pass.
type trial struct {
	model   Model
	origin  Candidate
	how     CanaryConfig
	since   time.Time
	ctx     context.Context // ends when the trial does
	cancel  context.CancelFunc
	verdict func(*trial, error) // called once: nil promotes

	decided sync.Once
	asking  sync.WaitGroup // answers under way; grows only under mu while not over

	mu        sync.Mutex // guards the fields below
	busy      bool       // a question is being answered
	over      bool       // no more of them
	answered  int
	agreement float64
	serving   pace // of the model that serves, with the same questions
	tried     pace
}

// pace is tokens and the time that they took.
type pace struct {
	tokens int
	time   time.Duration
}

func (p pace) perSecond() float64 {
	if p.time <= 0 {
		return 0
	}
	return float64(p.tokens) / p.time.Seconds()
}

// shadowTime bounds one unseen answer.
const shadowTime = 2 * time.Minute

// newTrial begins a trial; its verdict comes when enough was seen, or time is up.
func newTrial(m Model, c Candidate, how CanaryConfig, verdict func(*trial, error)) *trial {
	t := &trial{model: m, origin: c, how: how, since: time.Now(), verdict: verdict}
	t.ctx, t.cancel = context.WithTimeout(context.Background(), how.Time)
	context.AfterFunc(t.ctx, func() {
		if t.ctx.Err() == context.DeadlineExceeded {
			t.decide(t.judge())
		}
	})
	return t
}

// offer lets the new model answer what the serving one answered, if it is this
// question's lot and the new model is free. It does not wait.
func (t *trial) offer(q router.Question, a router.LocalAnswer, took time.Duration) {
	if rand.Float64() >= t.how.Share || !q.Options.Greedy() { // chance agrees with nothing
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.busy || t.over {
		return
	}
	t.busy = true
	t.asking.Go(func() {
		t.shadow(q, a, took)
		t.mu.Lock()
		defer t.mu.Unlock()
		t.busy = false
	})
}

func (t *trial) shadow(q router.Question, a router.LocalAnswer, took time.Duration) {
	ctx, cancel := context.WithTimeout(t.ctx, shadowTime)
	defer cancel()
	start := time.Now()
	b, err := t.model.Answer(ctx, q, func(string) error { return nil })
	switch {
	case t.ctx.Err() != nil:
	case err != nil:
		t.decide(fmt.Errorf("it cannot answer a live question: %w", err))
	case t.note(a, b, took, time.Since(start)) >= t.how.Questions:
		t.decide(t.judge())
	}
}

// note adds a pair of answers and returns how many there are.
func (t *trial) note(a, b router.LocalAnswer, old, new time.Duration) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.answered++
	t.agreement += agreement(a.Text, b.Text)
	t.serving.tokens, t.serving.time = t.serving.tokens+len(a.Tokens), t.serving.time+old
	t.tried.tokens, t.tried.time = t.tried.tokens+len(b.Tokens), t.tried.time+new
	return t.answered
}

// judge says what speaks against the new model, nil if nothing does. A device
// that was asked nothing learns nothing: the self-test then has to do.
func (t *trial) judge() error {
	s := t.status()
	switch {
	case s.Answered == 0:
		return nil
	case s.Agreement < t.how.Agreement:
		return fmt.Errorf("of %d live questions it agreed with the serving model by %.2f; at least %g is wanted (model.canary.agreement)", s.Answered, s.Agreement, t.how.Agreement)
	case s.Speed < t.how.Speed:
		return fmt.Errorf("with %d live questions it had %.2f of the serving model's speed; at least %g is wanted (model.canary.speed)", s.Answered, s.Speed, t.how.Speed)
	}
	return nil
}

// decide gives the verdict, once and not in the caller's time.
func (t *trial) decide(against error) {
	t.decided.Do(func() {
		go func() {
			t.stop()
			t.verdict(t, against)
		}()
	})
}

// end gives the trial up without a verdict; false if one was given before.
func (t *trial) end() (mine bool) {
	t.decided.Do(func() { mine = true })
	if mine {
		t.stop()
	}
	return mine
}

// stop returns when nobody uses the model any more.
func (t *trial) stop() {
	t.cancel()
	t.mu.Lock()
	t.over = true
	t.mu.Unlock()
	t.asking.Wait()
}

// TrialStatus is how a trial stands.
type TrialStatus struct {
	Model     string    `json:"model"`
	Since     time.Time `json:"since"`
	Answered  int       `json:"answered"` // live questions
	Wanted    int       `json:"wanted"`
	Agreement float64   `json:"agreement"` // mean, from 0 to 1
	Speed     float64   `json:"speed"`     // tokens per second, as a share of the serving model's
}

func (t *trial) status() TrialStatus {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := TrialStatus{Model: t.model.Info().String(), Since: t.since.UTC(), Answered: t.answered, Wanted: t.how.Questions, Speed: 1}
	if t.answered > 0 {
		s.Agreement = t.agreement / float64(t.answered)
	}
	if old := t.serving.perSecond(); old > 0 {
		s.Speed = t.tried.perSecond() / old
	}
	return s
}

func (s TrialStatus) String() string {
	return fmt.Sprintf("%s, tried since %s: %d of %d questions, agreement %.2f, speed %.2f of the serving model's",
		s.Model, s.Since.Format(time.RFC3339), s.Answered, s.Wanted, s.Agreement, s.Speed)
}

// agreement of two answers, from 0 to 1. JSON agrees when it says the same;
// other text by its words: the F1 of the two bags (Rajpurkar et al., SQuAD, 2016).
func agreement(a, b string) float64 {
	var x, y any
	if json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil {
		if reflect.DeepEqual(x, y) {
			return 1
		}
		return 0
	}
	left, right := strings.Fields(a), strings.Fields(b)
	if len(left)+len(right) == 0 {
		return 1
	}
	bag := map[string]int{}
	for _, w := range left {
		bag[w]++
	}
	common := 0
	for _, w := range right {
		if bag[w] > 0 {
			bag[w]--
			common++
		}
	}
	return 2 * float64(common) / float64(len(left)+len(right))
}
