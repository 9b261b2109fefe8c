package infer_test

import (
	"context"
	"errors"
	"math"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/a472be26/cusp/infer"
	"github.com/a472be26/cusp/infer/model"
	"github.com/a472be26/cusp/infer/modeltest"
	"github.com/a472be26/cusp/infer/sample"
)

var prompt = []int32{5, 17, 3, 3, 90, 41, 0, 95}

func newEngine(t testing.TB, o infer.Options) *infer.Engine {
	t.Helper()
	m, err := model.Load(modeltest.Small().File(t))
	if err != nil {
		t.Fatal(err)
	}
	e, err := infer.New(m, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

func generate(t testing.TB, e *infer.Engine, r infer.Request) infer.Result {
	t.Helper()
	result, err := e.Generate(t.Context(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func ids(tokens []infer.Token) (out []int32) {
	for _, t := range tokens {
		out = append(out, t.ID)
	}
	return out
}

// longPrompt takes more than one pass of prefill.
func longPrompt(n int) []int32 {
	p := make([]int32, n)
	for i := range p {
		p[i] = int32(i * i % 96)
	}
	return p
}

func TestGreedyEqualsReference(t *testing.T) {
	t.Parallel()
	s := modeltest.Small()
	want := modeltest.NewReference(t, s, s.File(t)).Greedy(prompt, 32)
	e := newEngine(t, infer.Options{Threads: 2, KV: "f32"})
	got := generate(t, e, infer.Request{Prompt: prompt, MaxTokens: 32})
	if !slices.Equal(ids(got.Tokens), want) {
		t.Errorf("greedy text\n got %v\nwant %v", ids(got.Tokens), want)
	}
	if got.Finish != infer.FinishLength || got.PromptTokens != len(prompt) || got.CachedTokens != 0 {
		t.Errorf("result %+v", got)
	}
}

// Log-probabilities and margins are those of the reference's softmax.
func TestConfidenceEqualsReference(t *testing.T) {
	t.Parallel()
	s := modeltest.Small()
	reference := modeltest.NewReference(t, s, s.File(t))
	e := newEngine(t, infer.Options{Threads: 1, KV: "f32"})
	got := generate(t, e, infer.Request{Prompt: prompt, MaxTokens: 12, Sampling: sample.Options{Temperature: 1.5, Seed: 4}})
	all := reference.Logits(append(slices.Clone(prompt), ids(got.Tokens)...))
	for i, token := range got.Tokens {
		logits := all[len(prompt)-1+i]
		sum := 0.0
		for _, x := range logits {
			sum += math.Exp(x)
		}
		logProb := logits[token.ID] - math.Log(sum)
		sorted := slices.Sorted(slices.Values(logits))
		margin := sorted[len(sorted)-1] - sorted[len(sorted)-2]
		if math.Abs(float64(token.LogProb)-logProb) > 1e-3 || math.Abs(float64(token.Margin)-margin) > 1e-3 {
			t.Errorf("token %d: log-probability %v, margin %v; want %v, %v", i, token.LogProb, token.Margin, logProb, margin)
		}
	}
}

func TestPrefixReuse(t *testing.T) {
	t.Parallel()
	e := newEngine(t, infer.Options{Threads: 1})
	base := longPrompt(100)
	cases := []struct {
		name   string
		prompt []int32
		cached int
	}{
		{"fresh", base, 0},
		{"the same again", base, 99},
		{"longer", append(slices.Clone(base), 1, 2, 3), 100},
		{"branches off", append(slices.Clone(base[:60]), 7, 7, 7), 60},
		{"shorter", base[:40], 39},
		{"another", longPrompt(100)[1:], 0},
	}
	for _, c := range cases {
		r := infer.Request{Prompt: c.prompt, MaxTokens: 10}
		got := generate(t, e, r)
		if got.CachedTokens != c.cached {
			t.Errorf("%s: %d tokens came from the cache, want %d", c.name, got.CachedTokens, c.cached)
		}
		if want := generate(t, newEngine(t, infer.Options{Threads: 1}), r); !reflect.DeepEqual(got.Tokens, want.Tokens) {
			t.Errorf("%s: a reused prefix changed the answer", c.name)
		}
	}
}

// The answer of an earlier request is part of its cached prefix: a
// conversation goes on where it was.
func TestConversationReusesAnswers(t *testing.T) {
	t.Parallel()
	e := newEngine(t, infer.Options{Threads: 1, Sequences: 2})
	first := generate(t, e, infer.Request{Prompt: prompt, MaxTokens: 5})
	generate(t, e, infer.Request{Prompt: longPrompt(20), MaxTokens: 5})
	next := append(append(slices.Clone(prompt), ids(first.Tokens)...), 1, 2)
	// The fifth token was never run, since nothing asked for what follows it.
	if got := generate(t, e, infer.Request{Prompt: next, MaxTokens: 1}); got.CachedTokens != len(prompt)+4 {
		t.Errorf("%d tokens came from the cache, want %d", got.CachedTokens, len(prompt)+4)
	}
}

// Two conversations with the same opening share it, and both stay.
func TestConversationsKeepApart(t *testing.T) {
	t.Parallel()
	e := newEngine(t, infer.Options{Threads: 1, Sequences: 2})
	opening := longPrompt(10)
	a := append(slices.Clone(opening), longPrompt(90)[40:]...)
	b := append(slices.Clone(opening), longPrompt(90)[50:]...)
	for i, c := range []struct {
		prompt []int32
		cached int
	}{{a, 0}, {b, len(opening)}, {a, len(a) - 1}, {b, len(b) - 1}} {
		if got := generate(t, e, infer.Request{Prompt: c.prompt, MaxTokens: 1}); got.CachedTokens != c.cached {
			t.Errorf("request %d: %d tokens came from the cache, want %d", i, got.CachedTokens, c.cached)
		}
	}
}

// Many callers on few sequences get what each would get alone.
func TestConcurrentEqualsSingle(t *testing.T) {
	t.Parallel()
	requests := make([]infer.Request, 12)
	want := make([]infer.Result, len(requests))
	single := newEngine(t, infer.Options{Threads: 1})
	for i := range requests {
		requests[i] = infer.Request{
			Prompt: longPrompt(150)[i*3 : 60+i*7], MaxTokens: 10 + i,
			Sampling: sample.Options{Temperature: float64(i % 3), TopK: 20, RepetitionPenalty: 1.1, Seed: uint64(i)},
		}
		want[i] = generate(t, single, requests[i])
	}
	shared := newEngine(t, infer.Options{Threads: 2, Sequences: 3})
	var done sync.WaitGroup
	for i, r := range requests {
		done.Go(func() {
			got, err := shared.Generate(t.Context(), r, nil)
			if err != nil || !reflect.DeepEqual(got.Tokens, want[i].Tokens) {
				t.Errorf("request %d differs from being alone (error %v)", i, err)
			}
		})
	}
	done.Wait()
}

// everyOption has each way to sample, with and without others.
var everyOption = []sample.Options{
	{Temperature: 1, Seed: 3},
	{Temperature: 0.8, TopK: 30, TypicalP: 0.95, TopP: 0.9, MinP: 0.01, Seed: 1 << 63},
	{Temperature: 1.2, FrequencyPenalty: 0.4, PresencePenalty: 0.3, RepetitionPenalty: 1.1, Seed: 5},
	{Temperature: 1, DRY: sample.DRY{Multiplier: 1, AllowedLength: 1, Breakers: sample.NewBreakers([][]int32{{3}})}, Seed: 6},
	{Temperature: 1.5, Mirostat: sample.Mirostat{Tau: 4}, Seed: 7},
	{Temperature: 1, LogitBias: map[int32]float64{7: 2, 9: sample.Ban, 11: -3}, Top: 5, Seed: 8},
}

// A seed gives the same tokens alone and beside others, on any number of
// threads, whether the prompt was known before or not, and in any place of a queue.
func TestSeedReproduces(t *testing.T) {
	t.Parallel()
	const copies = 3
	prompt := longPrompt(70)
	var requests []infer.Request
	var want []infer.Result
	for _, o := range everyOption {
		r := infer.Request{Prompt: prompt, MaxTokens: 40, Sampling: o}
		requests = append(requests, slices.Repeat([]infer.Request{r}, copies)...)
		alone := generate(t, newEngine(t, infer.Options{Threads: 1}), r)
		want = append(want, slices.Repeat([]infer.Result{alone}, copies)...)
		r.Sampling.Seed++
		if other := generate(t, newEngine(t, infer.Options{Threads: 1}), r); reflect.DeepEqual(other.Tokens, alone.Tokens) {
			t.Errorf("%+v: another seed gave the same tokens", o)
		}
	}
	for _, o := range []infer.Options{{Threads: 1}, {Threads: 2, Sequences: 4}, {Threads: 2, Sequences: 20, Rows: 20, Chunk: 5}} {
		e := newEngine(t, o)
		for round := range 2 {
			var done sync.WaitGroup
			for i, r := range requests {
				done.Go(func() {
					got, err := e.Generate(t.Context(), r, nil)
					if err != nil || !reflect.DeepEqual(got.Tokens, want[i].Tokens) {
						t.Errorf("%+v, round %d, request %d (%d tokens known): differs from being alone (error %v)", o, round, i, got.CachedTokens, err)
					}
				})
			}
			done.Wait()
		}
	}
}

// The likeliest tokens come with each token, if they are wanted.
func TestTopOfEveryToken(t *testing.T) {
	t.Parallel()
	e := newEngine(t, infer.Options{Threads: 1})
	n := 0
	got, err := e.Generate(t.Context(), infer.Request{Prompt: prompt, MaxTokens: 9, Sampling: sample.Options{Top: 4}}, func(token infer.Token) error {
		n++
		if len(token.Top) != 4 || token.Top[0].ID != token.ID || token.Top[0].LogProb != token.LogProb {
			t.Errorf("token %d is %+v", n, token)
		}
		if margin := token.Top[0].LogProb - token.Top[1].LogProb; math.Abs(float64(margin-token.Margin)) > 1e-4 {
			t.Errorf("token %d: margin %v, of the likeliest %v", n, token.Margin, margin)
		}
		return nil
	})
	if err != nil || n != 9 || reflect.DeepEqual(got.Tokens[0].Top, got.Tokens[1].Top) {
		t.Errorf("%d tokens, error %v", n, err)
	}
	for _, token := range generate(t, e, infer.Request{Prompt: prompt, MaxTokens: 2}).Tokens {
		if token.Top != nil {
			t.Errorf("nobody asked for %+v", token.Top)
		}
	}
}

// A mask that leaves nothing ends the answer with an error, after what came
// before.
func TestMaskThatLeavesNothing(t *testing.T) {
	t.Parallel()
	e := newEngine(t, infer.Options{Threads: 1})
	got, err := e.Generate(t.Context(), infer.Request{Prompt: prompt, MaxTokens: 9, Sampling: sample.Options{Mask: &countdown{3}}}, nil)
	if err == nil || len(got.Tokens) != 3 {
		t.Errorf("%d tokens, error %v", len(got.Tokens), err)
	}
	generate(t, e, infer.Request{Prompt: prompt, MaxTokens: 9}) // the engine goes on
}

// countdown lets everything come for some tokens, and then nothing.
type countdown struct{ left int }

var _ sample.Mask = (*countdown)(nil)

func (c *countdown) Mask(logits []float32) {
	if c.left == 0 {
		for i := range logits {
			logits[i] = float32(math.Inf(-1))
		}
	}
}

func (c *countdown) Accept(int32) { c.left-- }

// Two streams whose readers wait for each other after every token both come to
// their end, so neither is held up until the other has finished.
func TestStreamsInterleave(t *testing.T) {
	t.Parallel()
	e := newEngine(t, infer.Options{Threads: 1, Sequences: 2})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	meet := make(chan struct{})
	readers := map[string]func() error{
		"a": func() error {
			select {
			case meet <- struct{}{}:
				return nil
			case <-ctx.Done():
				return errors.New("waited in vain for the other")
			}
		},
		"b": func() error {
			select {
			case <-meet:
				return nil
			case <-ctx.Done():
				return errors.New("waited in vain for the other")
			}
		},
	}
	var done sync.WaitGroup
	for name, wait := range readers {
		done.Go(func() {
			r := infer.Request{Prompt: longPrompt(180), MaxTokens: 60}
			if _, err := e.Generate(ctx, r, func(infer.Token) error { return wait() }); err != nil {
				t.Errorf("stream %s: %v", name, err)
			}
		})
	}
	done.Wait()
}

func TestEndings(t *testing.T) {
	t.Parallel()
	e := newEngine(t, infer.Options{Threads: 1, Context: 40})
	free := ids(generate(t, e, infer.Request{Prompt: prompt, MaxTokens: 20}).Tokens)
	failure := errors.New("the reader went away")
	cases := []struct {
		name   string
		r      infer.Request
		emit   error // returned for the fourth token
		tokens int
		finish string
		err    error
	}{
		{"max tokens", infer.Request{Prompt: prompt, MaxTokens: 3}, nil, 3, "length", nil},
		{"stop token", infer.Request{Prompt: prompt, MaxTokens: 20, Stop: []int32{-1, free[5]}}, nil, slices.Index(free, free[5]), "stop", nil},
		{"end of the context", infer.Request{Prompt: prompt}, nil, 40 - len(prompt), "length", nil},
		{"more than the context", infer.Request{Prompt: prompt, MaxTokens: 1000}, nil, 40 - len(prompt), "length", nil},
		{"the last place", infer.Request{Prompt: longPrompt(39)}, nil, 1, "length", nil},
		{"emit stops", infer.Request{Prompt: prompt}, infer.ErrStop, 4, "stop", nil},
		{"emit fails", infer.Request{Prompt: prompt}, failure, 4, "", failure},
		{"prompt too long", infer.Request{Prompt: longPrompt(40)}, nil, 0, "", infer.ErrContext},
	}
	for _, c := range cases {
		n := 0
		got, err := e.Generate(t.Context(), c.r, func(infer.Token) error {
			if n++; n == 4 {
				return c.emit
			}
			return nil
		})
		if len(got.Tokens) != c.tokens || got.Finish != c.finish || !errors.Is(err, c.err) {
			t.Errorf("%s: %d tokens, finish %q, error %v", c.name, len(got.Tokens), got.Finish, err)
		}
	}
}

func TestRefusedRequests(t *testing.T) {
	t.Parallel()
	e := newEngine(t, infer.Options{Threads: 1})
	for name, r := range map[string]infer.Request{
		"empty prompt":     {},
		"negative token":   {Prompt: []int32{1, -1}},
		"token too large":  {Prompt: []int32{96}},
		"negative maximum": {Prompt: prompt, MaxTokens: -1},
		"bad sampling":     {Prompt: prompt, Sampling: sample.Options{TopP: 2}},
	} {
		if _, err := e.Generate(t.Context(), r, nil); err == nil {
			t.Errorf("%s: was accepted", name)
		}
	}
	m := e.Model()
	for _, o := range []infer.Options{
		{Context: 1}, {Context: 2049}, {Threads: -1}, {Sequences: -1}, {Sequences: 5000}, {Sequences: 9, Rows: 8}, {Rows: 1 << 20},
		{Chunk: -1}, {Rows: 16, Chunk: 17}, {Queue: -1}, {KV: "q4_0"}, {KVBytes: -1}, {KVBytes: 1}, {KVBytes: 1 << 60},
	} {
		if _, err := infer.New(m, o); err == nil {
			t.Errorf("options %+v were accepted", o)
		}
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	e := newEngine(t, infer.Options{Threads: 1})
	ctx, cancel := context.WithCancel(t.Context())
	got, err := e.Generate(ctx, infer.Request{Prompt: prompt}, func(infer.Token) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) || len(got.Tokens) != 1 {
		t.Errorf("after the cancelling token came %d more, error %v", len(got.Tokens)-1, err)
	}
	if _, err := e.Generate(ctx, infer.Request{Prompt: prompt}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a request that was cancelled before: %v", err)
	}
	// What was cached until then is still right.
	r := infer.Request{Prompt: prompt, MaxTokens: 8}
	if want := generate(t, newEngine(t, infer.Options{Threads: 1}), r); !reflect.DeepEqual(generate(t, e, r).Tokens, want.Tokens) {
		t.Error("a cancelled request changed a later one")
	}
}

// A caller that waits for a sequence can give up.
func TestCancelWhileWaiting(t *testing.T) {
	t.Parallel()
	e := newEngine(t, infer.Options{Threads: 1, Sequences: 1})
	ctx, cancel := context.WithCancel(t.Context())
	_, err := e.Generate(t.Context(), infer.Request{Prompt: prompt, MaxTokens: 1}, func(infer.Token) error {
		cancel()
		_, err := e.Generate(ctx, infer.Request{Prompt: prompt}, nil)
		return err
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestCloseDrains(t *testing.T) {
	t.Parallel()
	e := newEngine(t, infer.Options{Threads: 2, Sequences: 1})
	begun, closed := make(chan struct{}), make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		n := 0
		got, err := e.Generate(context.Background(), infer.Request{Prompt: prompt, MaxTokens: 50}, func(infer.Token) error {
			if n++; n == 1 {
				close(begun)
				time.Sleep(20 * time.Millisecond)
			}
			select {
			case <-closed:
				t.Error("Close returned while a generation was running")
			default:
			}
			return nil
		})
		if err != nil || len(got.Tokens) != 50 {
			t.Errorf("the running generation was cut after %d tokens: %v", len(got.Tokens), err)
		}
	})
	<-begun
	e.Close()
	close(closed)
	if _, err := e.Generate(context.Background(), infer.Request{Prompt: prompt}, nil); !errors.Is(err, infer.ErrClosed) {
		t.Errorf("a request after Close: %v", err)
	}
	running.Wait()
	e.Close() // a second time does nothing
}

// The whole way of a token through scheduler, model and sampler takes nothing
// from the heap: a longer answer costs no more allocations than a short one, as
// far as the result has room from the beginning.
func TestDecodeDoesNotAllocate(t *testing.T) {
	e := newEngine(t, infer.Options{Threads: 2})
	ctx := context.Background()
	allocations := func(n int, o sample.Options) float64 {
		o.Top = 0 // the reader keeps them
		r := infer.Request{Prompt: prompt, MaxTokens: n, Sampling: o}
		return testing.AllocsPerRun(20, func() {
			if _, err := e.Generate(ctx, r, nil); err != nil {
				t.Fatal(err)
			}
		})
	}
	for _, o := range append(everyOption, sample.Options{}) {
		if short, long := allocations(10, o), allocations(110, o); long > short {
			t.Errorf("%+v: 100 more tokens cost %v allocations", o, long-short)
		}
	}
}
