package infer

import (
	"testing"
)

// A blocked pass is seen: there is work, and no step is made.
func TestPulseTellsStuckFromIdle(t *testing.T) {
	t.Parallel()
	f, e := newFake(t, true, Options{Sequences: 2})
	if p := e.Pulse(); p.Work || p.Running != 0 || p.Waiting != 0 {
		t.Errorf("idle: %+v", p)
	}
	a := f.ask(t.Context(), count(1, 3), 2)
	f.begins(1) // and hangs, until pass is called
	stuck := e.Pulse()
	if again := e.Pulse(); !stuck.Work || stuck.Running != 1 || again != stuck {
		t.Errorf("blocked: %+v, then %+v", stuck, again)
	}
	f.pass(nil)
	f.begins(2)
	if p := e.Pulse(); p.Steps <= stuck.Steps || !p.Work {
		t.Errorf("after a pass: %+v, before it %+v", p, stuck)
	}
	f.pass(nil)
	f.good(a, 2)
	f.wait("the end", func() bool { return e.Pulse().Running == 0 })
	if p := e.Pulse(); p.Work {
		t.Errorf("idle again: %+v", p)
	}
}

// Whose reader does not read gives the engine nothing to do.
func TestPulseWithASlowReader(t *testing.T) {
	t.Parallel()
	_, e := newFake(t, false, Options{Sequences: 1})
	read := make(chan struct{})
	done := make(chan error)
	go func() {
		_, err := e.Generate(t.Context(), Request{Prompt: count(1, 3), MaxTokens: 50}, func(Token) error { <-read; return nil })
		done <- err
	}()
	for p := e.Pulse(); p.Running == 0 || p.Work; p = e.Pulse() {
	}
	queued := make(chan error)
	go func() {
		_, err := e.Generate(t.Context(), Request{Prompt: count(2, 3), MaxTokens: 1}, nil)
		queued <- err
	}()
	for e.Pulse().Waiting == 0 {
	}
	if p := e.Pulse(); p.Work {
		t.Errorf("a slow reader counts as work: %+v", p)
	}
	close(read)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := <-queued; err != nil {
		t.Error(err)
	}
}
