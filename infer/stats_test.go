package infer

import (
	"context"
	"math"
	"testing"
	"time"
)

// What an operator sees of an engine adds up.
func TestStatsAddUp(t *testing.T) {
	t.Parallel()
	f, e := newFake(t, false, Options{Sequences: 2, Threads: 1})
	for range 3 {
		if _, err := e.Generate(t.Context(), Request{Prompt: count(1, 100), MaxTokens: 10}, nil); err != nil {
			t.Fatal(err)
		}
	}
	f.wait("the last sequence to end", func() bool { return e.Stats().Running == 0 })
	s := e.Stats()
	if s.Generated != 30 || s.Admitted != 3 || s.Hits != 2 || s.PromptTokens != 300 || s.Threads != 1 || s.Sequences != 2 {
		t.Errorf("stats %+v", s)
	}
	if s.Queued.Count() != 3 || s.FirstToken.Count() != 3 || s.InterToken.Count() != 27 || s.Batch.Count() != s.Passes {
		t.Errorf("observations: %d queued, %d first, %d between tokens, %d passes of %d",
			s.Queued.Count(), s.FirstToken.Count(), s.InterToken.Count(), s.Batch.Count(), s.Passes)
	}
	if s.Speed <= 0 || s.FirstToken.Sum <= 0 {
		t.Errorf("speed %g, first tokens after %g s", s.Speed, s.FirstToken.Sum)
	}
	before := s.Generated
	if _, err := e.Generate(context.Background(), Request{Prompt: count(1, 100), MaxTokens: 1}, nil); err != nil {
		t.Fatal(err)
	}
	if s.FirstToken.Count() != 3 || e.Stats().Generated != before+1 {
		t.Error("what Stats returned goes on counting")
	}
}

func TestHistogram(t *testing.T) {
	t.Parallel()
	h := newHistogram([]float64{1, 2, 4})
	if h.Quantile(0.5) != 0 {
		t.Error("a quantile of nothing")
	}
	for _, v := range []float64{0.5, 1, 1.5, 3, 3, 100} {
		h.observe(v)
	}
	if want := [4]uint64{2, 1, 2, 1}; [4]uint64(h.Counts) != want || h.Sum != 109 || h.Count() != 6 {
		t.Errorf("histogram %+v", h)
	}
	for q, want := range map[float64]float64{0.25: 0.75, 0.5: 2, 0.75: 3.5, 1: 4} {
		if got := h.Quantile(q); math.Abs(got-want) > 1e-9 {
			t.Errorf("quantile %g is %g, want %g", q, got, want)
		}
	}
	twice := h.Add(h)
	if twice.Count() != 12 || twice.Sum != 218 || h.Count() != 6 {
		t.Errorf("sum %+v of %+v", twice, h)
	}
	if sum := (Histogram{}).Add(h); sum.Count() != 6 {
		t.Errorf("sum with nothing %+v", sum)
	}
}

func TestSpeedIsOfTheLastSeconds(t *testing.T) {
	t.Parallel()
	start := time.Now()
	r := recent{start: start}
	at := func(s float64) time.Time { return start.Add(time.Duration(s * float64(time.Second))) }
	for i := range 40 { // 10 a second for 4 seconds
		r.add(at(float64(i) / 10))
	}
	for _, c := range []struct{ at, want float64 }{
		{4, 10}, {5, 8}, {6.5, 30 / 5.5}, {9.5, 0}, {1000, 0},
	} {
		if got := r.speed(at(c.at)); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("after %g s: %g tokens per second, want %g", c.at, got, c.want)
		}
	}
	r.add(at(1000.5))
	if got := r.speed(at(1000.5)); math.Abs(got-1/5.5) > 1e-9 {
		t.Errorf("after a pause: %g", got)
	}
}
