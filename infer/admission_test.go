package infer

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// world drives an engine without its goroutine: callers that come, read slowly
// and leave, and others that set pages aside, as the bytes of a script say. After
// every step it checks what must hold at any time.
type world struct {
	*fakeModel
	script  []byte
	callers []*caller
	order   map[*sequence]int // of arrival
	behind  int               // passes with a sequence that had given back pages
	apart   int               // of those, passes in which others were in no tree for that
}

// caller is somebody who waits for an answer.
type caller struct {
	*sequence
	slow, left bool
	got        []int32
}

func newWorld(t testing.TB, script []byte) *world {
	t.Helper()
	w := &world{fakeModel: &fakeModel{t: t}, script: script, order: map[*sequence]int{}}
	sequences := 1 + w.next(6)
	rows := sequences + w.next(40)
	pages := 2 + w.next(12)
	if w.next(2) == 0 {
		w.window = 1 + w.next(100)
		pages += pagesFor(w.window+rows) + 5
	}
	e, err := newEngine(w.fakeModel, Options{
		Sequences: sequences, Rows: rows, Chunk: 1 + w.next(rows), Queue: 1 + w.next(8), KVBytes: int64(pages) * fakePage,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.engine = e
	return w
}

// next reads a number below n.
func (w *world) next(n int) int {
	if len(w.script) == 0 {
		return 0
	}
	b := int(w.script[0])
	w.script = w.script[1:]
	return b % n
}

// live follows the script to its end, and then lets everybody come to theirs.
func (w *world) live() {
	most := 0 // passes until all have their answer: in each the oldest gets on
	for len(w.script) > 0 {
		switch w.next(24) {
		case 0, 1, 2:
			most += w.arrive()
		case 3:
			w.somebody(func(c *caller) { c.slow = !c.slow })
		case 4:
			w.somebody(w.leave)
		case 5:
			w.engine.setAside(count(w.next(3), 16*(1+w.next(3))), w.next(2) == 0)
		case 6:
			w.putAllBack()
		default:
			w.step()
		}
	}
	w.putAllBack()
	for _, c := range w.callers {
		c.slow = false
		c.read()
	}
	for n := 0; len(w.engine.running)+len(w.engine.waiting) > 0; n++ {
		if n > most {
			w.t.Fatalf("%d sequences run and %d wait after %d passes, which are enough for all", len(w.engine.running), len(w.engine.waiting), n)
		}
		w.step()
	}
	for i, c := range w.callers {
		w.judge(i, c)
	}
	w.nothingLeft()
}

// arrive is one more request, and at most how many passes it takes alone.
func (w *world) arrive() int {
	prompt := count(w.next(3), 1+w.next(50))
	if w.next(4) == 0 {
		prompt = count(w.next(3), 200+w.next(255))
	}
	if w.next(2) == 0 {
		prompt = append(prompt, count(20+w.next(9), 1+w.next(20))...)
	}
	r := Request{Prompt: prompt, MaxTokens: w.next(250)}
	if w.engine.check(r) != nil {
		return 0
	}
	c := &caller{sequence: w.engine.newSequence(r), slow: w.next(8) == 0}
	if w.engine.submit(c.sequence) != nil {
		return 0
	}
	w.order[c.sequence] = len(w.callers)
	w.callers = append(w.callers, c)
	return c.limit
}

func (w *world) somebody(do func(*caller)) {
	if len(w.callers) > 0 {
		do(w.callers[w.next(len(w.callers))])
	}
}

func (w *world) leave(c *caller) {
	w.engine.abandon(c.sequence)
	c.left = true
}

func (w *world) putAllBack() {
	for len(w.engine.aside) > 0 {
		w.engine.putBack(w.engine.aside[0])
	}
}

// step is one turn of serve, after which readers read.
func (w *world) step() {
	e := w.engine
	e.begin()
	w.look()
	if len(e.batch) == 0 {
		return
	}
	e.account(e.runner.Forward(e.batch))
	for _, s := range e.sampling {
		s.sample()
	}
	e.deliver()
	w.verify()
	for _, c := range w.callers {
		if !c.slow {
			c.read()
		}
	}
}

// look checks the state before a pass.
func (w *world) look() {
	e := w.engine
	w.verify()
	all := append(slices.Clone(e.running), e.waiting...)
	if !slices.IsSortedFunc(all, func(a, b *sequence) int { return w.order[a] - w.order[b] }) {
		w.t.Error("running and waiting sequences are not in the order of arrival")
	}
	if len(e.running) == 0 && len(e.waiting) > 0 && len(e.aside) == 0 {
		w.t.Errorf("%d wait and nobody runs", len(e.waiting))
	}
	if len(e.running) > 0 && len(e.aside) == 0 {
		if oldest := e.running[0]; len(oldest.tokens) < cap(oldest.tokens) && !slices.Contains(e.members, oldest) {
			w.t.Error("the oldest sequence does not get on")
		}
	}
	if got, want := e.hasWork(), len(e.batch) > 0; got != want && len(e.aside) == 0 || got && !want {
		w.t.Errorf("a watchdog sees work: %v, for a pass of %d sequences, of %d that run", got, len(e.batch), len(e.running))
	}
	for _, s := range e.running {
		if s.passed > 0 {
			w.behind++
		}
		if s.cut {
			w.apart++
		}
	}
	rows := 0
	for i := range e.batch {
		rows += len(e.batch[i].Tokens)
	}
	if rows > e.options.Rows {
		w.t.Errorf("a pass of %d rows, of at most %d", rows, e.options.Rows)
	}
}

func (c *caller) read() {
	for len(c.tokens) > 0 {
		c.got = append(c.got, (<-c.tokens).ID)
	}
}

// judge checks what somebody got: all of it, unless they left.
func (w *world) judge(i int, c *caller) {
	want := continuationWithin(w.window, c.Prompt, c.limit-len(c.Prompt))
	if c.left {
		want = want[:min(len(c.got), len(want))]
	}
	if !slices.Equal(c.got, want) || !c.left && (c.finish != FinishLength || c.err != nil) {
		w.t.Errorf("request %d, prompt of %d tokens, left %v: finish %q, error %v\n got %v\nwant %v", i, len(c.Prompt), c.left, c.finish, c.err, c.got, want)
	}
	if c.cached >= len(c.Prompt) {
		w.t.Errorf("request %d: %d tokens of a prompt of %d were cached", i, c.cached, len(c.Prompt))
	}
}

// Whatever comes, and however little memory there is: everybody gets the same
// tokens as alone, the oldest is in every pass, and all end in time.
func TestScheduleWithLittleMemory(t *testing.T) {
	t.Parallel()
	preemptions, behind, apart := uint64(0), 0, 0
	for seed := range uint64(120) {
		r := rand.New(rand.NewPCG(seed, 7))
		script := make([]byte, 700)
		for i := range script {
			script[i] = byte(r.Uint32())
		}
		w := newWorld(t, script)
		w.live()
		behind, apart = behind+w.behind, apart+w.apart
		if preemptions += w.engine.preemptions; t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	if preemptions < 100 {
		t.Errorf("%d preemptions: memory was not short", preemptions)
	}
	if behind < 300 || apart < 30 {
		t.Errorf("%d passes beyond a window, %d beside a forgotten page", behind, apart)
	}
}

func FuzzSchedule(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("\x02\x20\x08\x04\x03\x00\x01\x40\x01\x30\x01\x00\x01\x40\x01\x30\x01\x0b\x0b\x0b\x0b\x0b"))
	r := rand.New(rand.NewPCG(1, 1))
	for range 4 {
		script := make([]byte, 300)
		for i := range script {
			script[i] = byte(r.Uint32())
		}
		f.Add(script)
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		if len(script) < 4096 {
			newWorld(t, script).live()
		}
	})
}

// Two requests that do not fit together run side by side as long as they do; the
// newer one then pauses, and goes on where it was, without computing anything
// again as long as nobody needed its pages.
func TestNewestIsPreempted(t *testing.T) {
	t.Parallel()
	f, e := newFake(t, true, Options{Sequences: 3, KVBytes: 12 * fakePage})
	old := f.ask(t.Context(), count(1, 20), 100) // 8 pages in the end
	f.begins(1)
	young := f.ask(t.Context(), count(2, 20), 60) // 5 pages in the end
	last := f.ask(t.Context(), count(3, 20), 50)  // 5 pages in the end
	together := 0
	for n := 0; n < 60 && e.Stats().Preemptions == 0; n++ {
		if len(f.pass(nil)) == 3 {
			together++
		}
	}
	if s := e.Stats(); together < 40 || s.Running != 2 || s.Waiting != 1 || s.Preemptions != 1 {
		t.Errorf("%d passes of three, stats %+v", together, s)
	}
	f.finish(old, young, last)
	f.good(old, 100)
	f.good(young, 60)
	f.good(last, 50)
	s := e.Stats()
	if s.Recomputed == 0 || s.Recomputed > 32 || s.Rows-s.Recomputed != 3*20+(100+60+50)-3 {
		t.Errorf("stats %+v", s)
	}
	if s.Admitted != 3 || s.Queued.Count() != 3 || s.FirstToken.Count() != 3 || s.InterToken.Count() != 207 || s.PromptTokens != 60 {
		t.Errorf("requests are counted again: %+v", s)
	}
}
