package forecast

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/calibrate"
)

func ask(asker, text string) router.Question {
	return router.Question{Asker: asker, Messages: []router.Message{{Role: "user", Content: text}}}
}

func answer(prompt, generated int) router.LocalAnswer {
	return router.LocalAnswer{PromptTokens: prompt, Tokens: make([]calibrate.Token, generated)}
}

// What was seen of one class says nothing of another, and what is seen later counts
// more than what was seen before.
func TestDoubt(t *testing.T) {
	t.Parallel()
	f := New()
	hard, easy := ask("api", "why is the sky blue, in all detail please"), ask("iot", "light on")
	for range 10 {
		f.Learn(hard, answer(10, 10), true, time.Second)
		f.Learn(easy, answer(10, 10), false, time.Second)
	}
	if p, _ := f.Predict(hard); p < 0.85 || p > 0.95 {
		t.Errorf("%v after ten answers in doubt", p)
	}
	if p, _ := f.Predict(easy); p != 0 {
		t.Errorf("%v after ten good ones", p)
	}
	for _, q := range []router.Question{ask("iot", hard.Messages[0].Content), ask("api", "打开灯打开灯打开灯打开灯打"), ask("api", strings.Repeat("x", 500))} {
		if p, _ := f.Predict(q); p != 0 {
			t.Errorf("%v of a class that was not seen", p)
		}
	}
	if p, _ := f.Predict(ask("api", "why is the sea blue, in all detail, please")); p < 0.85 {
		t.Errorf("%v of the same class", p)
	}
	for range 60 {
		f.Learn(hard, answer(10, 10), false, time.Second)
	}
	if p, _ := f.Predict(hard); p > 0.05 {
		t.Errorf("%v after sixty good answers", p)
	}
}

// A single answer in doubt is no pattern.
func TestOneDoubt(t *testing.T) {
	t.Parallel()
	f := New()
	f.Learn(ask("api", "x"), answer(1, 1), true, time.Second)
	if p, _ := f.Predict(ask("api", "x")); p != 0.5 {
		t.Errorf("%v", p)
	}
}

func TestTime(t *testing.T) {
	t.Parallel()
	f := New()
	q := ask("api", strings.Repeat("four", 100)) // 100 tokens, about
	if _, took := f.Predict(q); took != 0 {
		t.Errorf("%v of nothing", took)
	}
	for range 5 {
		f.Learn(q, answer(100, 50), false, 3*time.Second) // 50 tokens a second
	}
	if _, took := f.Predict(q); math.Abs(took.Seconds()-3) > 0.1 {
		t.Errorf("%v, want 3s", took)
	}
	if _, took := f.Predict(ask("api", strings.Repeat("four", 1000))); math.Abs(took.Seconds()-20) > 0.5 {
		t.Errorf("%v for ten times the prompt, want 20s", took)
	}
}

func TestBounded(t *testing.T) {
	t.Parallel()
	f := New()
	for i := range 2 * maxClasses {
		f.Learn(ask(fmt.Sprint(i), "x"), answer(1, 1), true, time.Second)
	}
	if len(f.classes) != maxClasses {
		t.Errorf("%d classes", len(f.classes))
	}
	if p, _ := f.Predict(ask(fmt.Sprint(2*maxClasses-1), "x")); p == 0 {
		t.Error("the newest was forgotten")
	}
}
