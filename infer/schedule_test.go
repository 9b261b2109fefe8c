package infer

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/a472be26/cusp/infer/model"
)

// count is a prompt of n tokens that has nothing in common with those of other
// seeds.
func count(seed, n int) []int32 {
	p := make([]int32, n)
	for i := range p {
		p[i] = int32((seed + i*i) % fakeVocab)
	}
	return p
}

func rows(shares []share) (out []int) {
	for _, s := range shares {
		out = append(out, s.rows)
	}
	return out
}

// Requests join and leave between passes; who decodes comes first, and prompts
// have what is left, in the order of their arrival.
func TestSharesOfAPass(t *testing.T) {
	t.Parallel()
	f, _ := newFake(t, true, Options{Sequences: 4, Rows: 64, Chunk: 16})
	expect := func(want ...int) {
		t.Helper()
		if got := rows(f.pass(nil)); !slices.Equal(got, want) {
			t.Errorf("pass with the rows %v, want %v", got, want)
		}
	}
	long := f.ask(t.Context(), count(1, 100), 6)
	f.begins(1)
	second := f.ask(t.Context(), count(2, 30), 3)
	third := f.ask(t.Context(), count(3, 40), 2)
	expect(64)         // the first one alone: the others came after this pass was planned
	expect(36, 16, 12) // its rest; the second one to the end of a page; what is left
	fourth := f.ask(t.Context(), count(4, 5), 2)
	expect(1, 14, 2) // the first one decodes: 16 rows for all prompts
	expect(1, 1, 2, 5)
	expect(1, 1, 1, 16)
	expect(1, 8)
	expect(1, 1)
	f.good(second, 3)
	f.good(third, 2)
	f.good(fourth, 2)
	f.good(long, 6)
}

// A pass that fails ends the requests in it, and what was cached before stays
// good while what the pass was to add is not counted.
func TestFailedPass(t *testing.T) {
	t.Parallel()
	f, _ := newFake(t, true, Options{Rows: 64})
	broken := errors.New("the device is gone")
	first := f.ask(t.Context(), count(1, 100), 3)
	f.pass(nil)
	f.pass(broken)
	if <-first.done; !errors.Is(first.err, broken) {
		t.Errorf("error %v", first.err)
	}
	again := f.ask(t.Context(), count(1, 100), 3)
	for range 3 {
		f.pass(nil)
	}
	f.good(again, 3)
	if again.result.CachedTokens != 64 {
		t.Errorf("%d tokens came from the cache after the failure, want 64", again.result.CachedTokens)
	}
}

// A device that lost its memory ends all that runs, and nothing of what the pages
// held is used again.
func TestLostMemory(t *testing.T) {
	t.Parallel()
	f, _ := newFake(t, true, Options{Rows: 64, Sequences: 2})
	first := f.ask(t.Context(), count(1, 100), 3)
	f.begins(1)
	second := f.ask(t.Context(), count(50, 40), 30)
	f.pass(nil)
	f.pass(fmt.Errorf("the device: %w", model.ErrLost))
	for _, r := range []*request{first, second} {
		if <-r.done; !errors.Is(r.err, model.ErrLost) {
			t.Errorf("error %v", r.err)
		}
	}
	for i := range f.keys {
		f.keys[i] = [model.PageTokens]uint64{}
	}
	again := f.ask(t.Context(), count(1, 100), 3)
	for range 4 {
		f.pass(nil)
	}
	f.good(again, 3)
	if again.result.CachedTokens != 0 {
		t.Errorf("%d tokens came from a cache that was lost", again.result.CachedTokens)
	}
}

// However long a prompt, a stream that runs is in every pass, and no pass has
// more than a chunk of prompts beside it.
func TestStreamsWaitForOneChunkAtMost(t *testing.T) {
	t.Parallel()
	f, _ := newFake(t, true, Options{Sequences: 8, Rows: 256, Chunk: 32})
	stream := f.ask(t.Context(), count(1, 3), 80)
	f.pass(nil)
	var prompts []*request
	for i := range 6 {
		prompts = append(prompts, f.ask(t.Context(), count(10+i, 300+i), 4))
	}
	f.pass(nil) // was planned before the prompts came
	for n := range 70 {
		shares, beside := f.pass(nil), 0
		if s := shares[0]; s.rows != 1 || s.prompt || s.position != 3+n+1 {
			t.Fatalf("pass %d begins with %+v: not the stream's next token", n, s)
		}
		for _, s := range shares {
			if s.prompt {
				beside += s.rows
			}
		}
		if beside > 32 {
			t.Errorf("pass %d: %d rows of prompts beside a stream", n, beside)
		}
	}
	f.finish(append(prompts, stream)...)
	f.good(stream, 80)
	for _, p := range prompts {
		f.good(p, 4)
	}
}

// A request beyond the queue is refused at once, and there is room again when
// others have gone.
func TestBackPressure(t *testing.T) {
	t.Parallel()
	f, e := newFake(t, true, Options{Sequences: 2, Queue: 3})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var all []*request
	for i := range 5 {
		all = append(all, f.ask(ctx, count(i, 20), 2))
	}
	refused := f.ask(t.Context(), count(9, 20), 2)
	if <-refused.done; !errors.Is(refused.err, ErrBusy) {
		t.Fatalf("the sixth request: %v", refused.err)
	}
	if s := e.Stats(); s.Refused != 1 || s.Running+s.Waiting != 5 {
		t.Errorf("stats %+v", s)
	}
	f.finish(all...)
	for _, r := range all {
		f.good(r, 2)
	}
	late := f.ask(t.Context(), count(9, 20), 2)
	f.finish(late)
	f.good(late, 2)
}

// finish lets passes through until the requests are done.
func (f *fakeModel) finish(all ...*request) {
	f.t.Helper()
	end := time.After(30 * time.Second)
	for _, r := range all {
		for done := false; !done; {
			select {
			case <-r.done:
				done = true
			case <-f.begun:
				f.proceed <- nil
			case <-end:
				f.t.Fatal("requests do not end")
			}
		}
	}
}

// Who leaves the queue, a prompt or a stream, leaves nothing behind.
func TestLeaving(t *testing.T) {
	t.Parallel()
	for _, phase := range []string{"waiting", "in the prompt", "decoding"} {
		t.Run(phase, func(t *testing.T) {
			t.Parallel()
			f, e := newFake(t, true, Options{Sequences: 2, Rows: 32})
			ctx, cancel := context.WithCancel(t.Context())
			stays := f.ask(t.Context(), count(1, 40), 5)
			other := f.ask(t.Context(), count(2, 40), 5)
			leaves := other
			switch phase {
			case "waiting":
				f.pass(nil)
				leaves = f.ask(ctx, count(3, 40), 5)
			case "in the prompt":
				f.pass(nil)
				leaves = nil
			}
			if phase != "waiting" {
				f.finish(other)
				leaves = f.ask(ctx, count(3, 200), 5)
				for {
					shares := f.pass(nil)
					last := shares[len(shares)-1]
					if last.prompt == (phase == "in the prompt") && last.position >= 32 && isDone(stays) {
						break
					}
				}
			}
			cancel()
			if <-leaves.done; !errors.Is(leaves.err, context.Canceled) {
				t.Errorf("got %v", leaves.err)
			}
			f.finish(stays, other)
			f.good(stays, 5)
			f.good(other, 5)
			f.wait("the pages to be idle", func() bool {
				select {
				case <-f.begun:
					f.proceed <- nil
				default:
				}
				s := e.Stats()
				return s.Running == 0 && s.Waiting == 0 && s.Used == 0
			})
		})
	}
}

// A slow reader holds up its own sequence only.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	f, e := newFake(t, false, Options{Sequences: 2})
	read, slow := make(chan struct{}), &request{prompt: count(1, 10), done: make(chan struct{})}
	go func() {
		defer close(slow.done)
		slow.result, slow.err = e.Generate(t.Context(), Request{Prompt: slow.prompt, MaxTokens: 50}, func(Token) error { <-read; return nil })
	}()
	quick := f.ask(t.Context(), count(2, 10), 200)
	f.good(quick, 200)
	if s := e.Stats(); s.Running != 1 {
		t.Errorf("%d sequences run", s.Running)
	}
	if n := e.Stats().Rows; n > 10+10+200+ahead+2 {
		t.Errorf("%d rows: the slow one went on without its reader", n)
	}
	close(read)
	f.good(slow, 50)
}

// A request that can never fit is refused with the sizes; one that cannot fit
// now waits in its turn, and those behind it do not overtake it.
func TestPagesRunShort(t *testing.T) {
	t.Parallel()
	f, e := newFake(t, true, Options{Sequences: 4, KVBytes: 10 * fakePage})
	if e.Context() != 160 {
		t.Fatalf("a context of %d in 10 pages", e.Context())
	}
	_, err := e.Generate(t.Context(), Request{Prompt: count(1, 160)}, nil)
	if !errors.Is(err, ErrContext) || !strings.Contains(err.Error(), "10 pages") || !strings.Contains(err.Error(), "allow more memory") {
		t.Errorf("a prompt beyond the memory: %v", err)
	}
	if _, err := e.Generate(t.Context(), Request{Prompt: count(1, 4096)}, nil); !errors.Is(err, ErrContext) || strings.Contains(err.Error(), "memory") {
		t.Errorf("a prompt beyond the context: %v", err)
	}
	half := f.ask(t.Context(), count(1, 60), 20) // 5 pages
	f.begins(1)
	large := f.ask(t.Context(), count(2, 100), 10) // 7 pages: must wait
	small := f.ask(t.Context(), count(3, 5), 3)    // 1 page: would fit, but came later
	for range 10 {
		if shares := f.pass(nil); len(shares) != 1 {
			t.Fatalf("a pass of %+v", shares)
		}
		if s := e.Stats(); s.Running != 1 || s.Waiting != 2 {
			t.Fatalf("stats %+v", s)
		}
	}
	f.finish(half, large, small)
	f.good(half, 20)
	f.good(large, 10)
	f.good(small, 3)
	all := f.ask(t.Context(), count(4, 100), 0) // as many as there is room for
	f.finish(all)
	f.good(all, 60)
}

// Requests with the same beginning share its pages while they run: the second
// one waits for the pass that computes them rather than computing them too.
func TestRunningSequencesShare(t *testing.T) {
	t.Parallel()
	f, e := newFake(t, true, Options{Sequences: 4, Rows: 256})
	system := count(1, 100)
	with := func(tail ...int32) []int32 { return append(slices.Clone(system), tail...) }
	warmup := f.ask(t.Context(), count(5, 10), 1)
	f.begins(1)
	var all []*request
	for i := range 4 {
		all = append(all, f.ask(t.Context(), with(int32(50+i), 7), 10))
	}
	f.pass(nil) // the only one of warmup, during which the others came
	if got := rows(f.pass(nil)); !slices.Equal(got, []int{102}) {
		t.Errorf("the first pass has the rows %v", got)
	}
	if got := rows(f.pass(nil)); !slices.Equal(got, []int{1, 2, 2, 2}) {
		t.Errorf("the second pass has the rows %v", got)
	}
	// 6 shared pages, and one partly filled page for each, the first one's copied.
	if s := e.Stats(); s.Used > 6+4+1 {
		t.Errorf("%d pages are used", s.Used)
	}
	f.finish(all...)
	f.good(warmup, 1)
	for i, r := range all {
		f.good(r, 10)
		if want := 100; i > 0 && r.result.CachedTokens != want {
			t.Errorf("request %d: %d tokens were shared, want %d", i, r.result.CachedTokens, want)
		}
	}
	if s := e.Stats(); s.CachedTokens != 3*100 || s.PromptTokens != 4*102+10 {
		t.Errorf("stats %+v", s)
	}
}

// Several answers to one prompt have it computed once, whether they run at the
// same time or one after another, wherever the prompt ends in a page, and
// whatever part of it was known: beyond the first, each runs the last token only.
func TestAnswersShareOnePrefill(t *testing.T) {
	t.Parallel()
	const n, answer = 5, 4
	for _, sequences := range []int{1, 3, n} {
		for _, chunk := range []int{3, 32} {
			for _, length := range []int{1, 15, 16, 17, 32, 33, 100} {
				for _, known := range []int{0, 7, 40} {
					f, e := newFake(t, true, Options{Sequences: sequences, Rows: 64, Chunk: chunk})
					prompt, cached := count(1, length), max(0, min(known, length-1))
					if known > 0 { // the last token of an answer is not run
						before := f.ask(t.Context(), prompt[:cached+1], 1)
						f.finish(before)
						cached = min(cached+1, length-1)
					}
					rows := e.Stats().Rows
					var all []*request
					for range n {
						all = append(all, f.ask(t.Context(), prompt, answer))
					}
					f.finish(all...)
					for _, r := range all {
						f.good(r, answer)
					}
					want := length - cached + n - 1 + n*(answer-1)
					if got := e.Stats().Rows - rows; got != uint64(want) {
						t.Errorf("%d at a time, chunks of %d, prompt of %d tokens, %d known: %d rows, want %d", sequences, chunk, length, cached, got, want)
					}
				}
			}
		}
	}
}

// Prompts of a few families on few pages, with callers that leave at any time
// and others that set pages aside: everyone gets what it would get alone, and no
// page is lost or shared with a writer.
func TestStorm(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		f, e := newFake(t, false, Options{Sequences: 5, Queue: 200, Rows: 40, Chunk: 8, KVBytes: 30 * fakePage})
		r := rand.New(rand.NewPCG(seed, 1))
		var done sync.WaitGroup
		for i := range 120 {
			prompt := count(r.IntN(3), 5+r.IntN(150))
			if cut := r.IntN(len(prompt)); r.IntN(2) == 0 {
				prompt = append(slices.Clone(prompt[:cut]), count(r.IntN(9)+20, len(prompt)-cut)...)
			}
			answer, leave := 1+r.IntN(60), -1
			if r.IntN(4) == 0 {
				leave = r.IntN(answer)
			}
			delay := time.Duration(r.IntN(2000)) * time.Microsecond
			done.Go(func() {
				time.Sleep(delay)
				f.storm(e, i, prompt, answer, leave)
			})
		}
		done.Go(func() {
			for i := range 100 {
				if s := e.setAside(count(i%3, 48), i%2 == 0); s != nil {
					time.Sleep(20 * time.Microsecond)
					e.putBack(s)
				}
			}
		})
		done.Wait()
		f.wait("the engine to be idle", func() bool { return e.Stats().Running == 0 })
		if s := e.Stats(); s.Used != 0 || s.CachedTokens == 0 || s.Pages != 30 {
			t.Errorf("seed %d: stats %+v", seed, s)
		}
	}
}

// storm is one caller, who leaves before a token, or stays if leave is -1.
func (f *fakeModel) storm(e *Engine, i int, prompt []int32, answer, leave int) {
	want, n := continuation(prompt, answer), 0
	_, err := e.Generate(context.Background(), Request{Prompt: prompt, MaxTokens: answer}, func(token Token) error {
		if n == leave {
			return ErrStop
		}
		if n < len(want) && token.ID != want[n] {
			return fmt.Errorf("token %d is %d, not %d", n, token.ID, want[n])
		}
		n++
		return nil
	})
	full := min(answer, e.Context()-len(prompt))
	if err != nil || leave < 0 && n != full {
		f.t.Errorf("request %d, prompt of %d tokens: %d of %d tokens, error %v", i, len(prompt), n, full, err)
	}
}

// When pages run short the least recently used are forgotten, the end of a
// prompt before its beginning.
func TestLeastRecentlyUsedIsForgotten(t *testing.T) {
	t.Parallel()
	f, _ := newFake(t, false, Options{KVBytes: 13 * fakePage}) // one for a copy
	cached := func(seed, n int) int {
		t.Helper()
		r := f.ask(t.Context(), count(seed, n), 1)
		f.good(r, 1)
		return r.result.CachedTokens
	}
	cached(1, 64)
	cached(2, 64)
	cached(3, 64)
	if got := cached(1, 64); got != 63 {
		t.Errorf("the first prompt: %d tokens cached, want 63", got)
	}
	cached(4, 32) // needs two pages: the last ones of the second prompt go, and one more for the copy below
	if got := cached(1, 64); got != 63 {
		t.Errorf("the first prompt was forgotten, though used later: %d tokens cached", got)
	}
	if got := cached(2, 64); got != 32 {
		t.Errorf("the second prompt: %d tokens cached, want its first 32", got)
	}
}

// Tokens of an answer are part of what is remembered, to the last that was run.
func TestAnswersAreRemembered(t *testing.T) {
	t.Parallel()
	f, _ := newFake(t, false, Options{})
	prompt := count(1, 20)
	r := f.ask(t.Context(), prompt, 30)
	f.good(r, 30)
	long := append(slices.Clone(prompt), continuation(prompt, 30)...)
	next := f.ask(t.Context(), append(long, 1, 2, 3), 5)
	f.good(next, 5)
	if next.result.CachedTokens != 49 {
		t.Errorf("%d tokens cached, want 49", next.result.CachedTokens)
	}
}

// Idle pages that were promised to a prompt cannot be had for anything else, not
// even to be read.
func TestPromisedPagesStay(t *testing.T) {
	t.Parallel()
	f, e := newFake(t, true, Options{Sequences: 2, Rows: 16, KVBytes: 10 * fakePage})
	idle := count(1, 64)
	first := f.ask(t.Context(), idle, 1)
	for range 4 {
		f.pass(nil)
	}
	f.good(first, 1)
	runs := f.ask(t.Context(), count(2, 110), 30) // 8 of 10 pages; 2 of them hold the first one's tokens
	f.begins(5)
	for _, missing := range []bool{false, true} {
		if s := e.setAside(idle, missing); s != nil {
			t.Errorf("%d pages were set aside, the missing ones too: %v", len(s.pages), missing)
			e.putBack(s)
		}
		e.mu.Lock()
		f.verify()
		e.mu.Unlock()
	}
	if s := e.setAside(count(3, 16), true); s == nil {
		t.Error("a page that is nobody's was not set aside")
	} else {
		e.putBack(s)
	}
	f.finish(runs)
	f.good(runs, 30)
}

// Sequences that have all the pages they will ever need do not keep others waiting.
func TestFullSequencesLeaveNoPage(t *testing.T) {
	t.Parallel()
	f, _ := newFake(t, true, Options{Sequences: 4, Rows: 16, KVBytes: 4 * fakePage})
	var all []*request
	for i := range 4 {
		all = append(all, f.ask(t.Context(), count(100*i, 4), 12)) // one page each
	}
	f.pass(nil)
	if shares := f.pass(nil); len(shares) != 4 {
		t.Errorf("%d sequences in the second pass, want 4", len(shares))
	}
	f.finish(all...)
	for _, r := range all {
		f.good(r, 12)
	}
}
