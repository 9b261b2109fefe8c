package infer

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/a472be26/cusp/infer/model"
	"github.com/a472be26/cusp/infer/quant"
)

// fakeModel computes nothing but what a test can check: a position's key is a
// hash of all tokens up to it, read through the sequence's pages, and decides
// the next token. With a window the key is the token, and what decides is a hash of
// those in the window. Whoever reads another's page, or one that was written over,
// goes on with other tokens.
type fakeModel struct {
	t      testing.TB
	engine *Engine
	window int
	keys   [][model.PageTokens]uint64 // by page

	// With step, every pass waits between the two.
	step    bool
	begun   chan []share
	proceed chan error

	mu     sync.Mutex
	passes [][]share
}

// share is what a sequence had in a pass.
type share struct {
	position, rows int
	prompt         bool // the sequence is not decoding
}

var (
	_ model.Model  = (*fakeModel)(nil)
	_ model.Runner = fakeRunner{}
	_ model.KV     = (*fakeModel)(nil)
)

const fakeVocab = 97

// newFake makes an engine on a fake model.
// At the end of the test nothing may be left over.
func newFake(t testing.TB, step bool, o Options) (*fakeModel, *Engine) {
	t.Helper()
	f := &fakeModel{t: t, step: step, begun: make(chan []share), proceed: make(chan error)}
	e, err := New(f, o)
	if err != nil {
		t.Fatal(err)
	}
	f.engine = e
	t.Cleanup(func() {
		e.Close()
		f.nothingLeft()
	})
	return f, e
}

// nothingLeft checks that an engine without requests holds nothing.
func (f *fakeModel) nothingLeft() {
	f.t.Helper()
	e := f.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	f.verify()
	if len(e.schedule.running)+len(e.waiting)+len(e.aside) > 0 || len(e.slots) != e.options.Sequences || e.pages.promised != 0 {
		f.t.Errorf("after the end: %d sequences run, %d wait, %d slots of %d are free, %d pages are promised",
			len(e.schedule.running), len(e.waiting), len(e.slots), e.options.Sequences, e.pages.promised)
	}
	if p := e.pages; len(p.free)+p.idle != p.total() {
		f.t.Errorf("after the end %d pages are free and %d idle, of %d", len(p.free), p.idle, p.total())
	}
}

var fakeConfig = model.Config{Vocab: fakeVocab, Layers: 1, Heads: 1, KVHeads: 1, HeadDim: 2, Context: 4096}

// fakePage is the size of a page by that.
var fakePage = int64(fakeConfig.PageBytes(quant.F16))

func (f *fakeModel) Config() model.Config {
	c := fakeConfig
	c.Window = f.window
	return c
}
func (f *fakeModel) NewKV(pages int, _ quant.Type) (model.KV, error) {
	f.keys = make([][model.PageTokens]uint64, pages)
	return f, nil
}
func (f *fakeModel) NewRunner(model.KV, model.Limits) (model.Runner, error) {
	return fakeRunner{f}, nil
}
func (f *fakeModel) Pages() int     { return len(f.keys) }
func (f *fakeModel) PageBytes() int { return 8 * model.PageTokens }
func (f *fakeModel) Read(dst []byte, page int32) error {
	for i, key := range f.keys[page] {
		binary.LittleEndian.PutUint64(dst[8*i:], key)
	}
	return nil
}
func (f *fakeModel) Write(page int32, src []byte) {
	for i := range f.keys[page] {
		f.keys[page][i] = binary.LittleEndian.Uint64(src[8*i:])
	}
}
func (f *fakeModel) Copy(dst, src int32) { f.keys[dst] = f.keys[src] }
func (f *fakeModel) Close() error        { return nil }
func (f *fakeModel) Spread(n int, do func(int)) {
	for i := range n {
		do(i)
	}
}

// fakeRunner is the runner's Close beside the storage's.
type fakeRunner struct{ *fakeModel }

func (fakeRunner) Close() {}

// next is the key of a position.
func next(key uint64, token int32) uint64 {
	key = (key ^ uint64(token+1)) * 0x9e3779b97f4a7c15
	return key ^ key>>29
}

// continuation is what must come out for a prompt.
func continuation(prompt []int32, n int) []int32 { return continuationWithin(0, prompt, n) }

// continuationWithin is continuation with a window, unless that is 0.
func continuationWithin(window int, prompt []int32, n int) []int32 {
	all := slices.Clone(prompt)
	for range n {
		seen, key := all, uint64(0)
		if window > 0 {
			seen = all[max(0, len(all)-window):]
		}
		for _, token := range seen {
			key = next(key, token)
		}
		all = append(all, int32(key%fakeVocab))
	}
	return all[len(prompt):]
}

func (f *fakeModel) Forward(batch []model.Sequence) error {
	f.engine.mu.Lock()
	f.verify()
	var shares []share
	for i, s := range batch {
		shares = append(shares, share{s.Position, len(s.Tokens), !f.engine.members[i].decoding()})
		for p := s.Position; p < s.Position+len(s.Tokens); p++ {
			if n := f.engine.pages.nodes[s.Pages[p/model.PageTokens]]; n.filled != 0 || n.refs != 1 {
				f.t.Errorf("position %d is written to a page that %d sequences share", p, n.refs)
			}
		}
	}
	f.engine.mu.Unlock()
	f.mu.Lock()
	f.passes = append(f.passes, shares)
	f.mu.Unlock()
	if f.step {
		f.begun <- shares
		if err := <-f.proceed; err != nil {
			return err
		}
	}
	for _, s := range batch {
		f.run(s)
	}
	return nil
}

func (f *fakeModel) run(s model.Sequence) {
	if f.window > 0 {
		f.runWithin(s)
		return
	}
	key := uint64(0)
	if p := s.Position - 1; p >= 0 {
		key = f.keys[s.Pages[p/model.PageTokens]][p%model.PageTokens]
	}
	for i, token := range s.Tokens {
		key = next(key, token)
		p := s.Position + i
		f.keys[s.Pages[p/model.PageTokens]][p%model.PageTokens] = key
	}
	if s.Logits != nil {
		clear(s.Logits)
		s.Logits[key%fakeVocab] = 3
	}
}

func (f *fakeModel) runWithin(s model.Sequence) {
	at := func(p int) *uint64 { return &f.keys[s.Pages[p/model.PageTokens]][p%model.PageTokens] }
	for i, token := range s.Tokens {
		*at(s.Position + i) = uint64(token)
	}
	if s.Logits == nil {
		return
	}
	end, key := s.Position+len(s.Tokens), uint64(0)
	for p := max(0, end-f.window); p < end; p++ {
		key = next(key, int32(*at(p)))
	}
	clear(s.Logits)
	s.Logits[key%fakeVocab] = 3
}

// begins waits until the n-th pass was planned, without letting it through: what
// is asked after that comes too late for it.
func (f *fakeModel) begins(n int) {
	f.t.Helper()
	f.wait("a pass", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return len(f.passes) >= n
	})
}

// pass lets the next pass through, when all readers are up to date, and tells
// what was in it.
func (f *fakeModel) pass(err error) []share {
	f.t.Helper()
	select {
	case shares := <-f.begun:
		f.wait("the readers", func() bool {
			f.engine.mu.Lock()
			defer f.engine.mu.Unlock()
			return !slices.ContainsFunc(f.engine.schedule.running, func(s *sequence) bool { return len(s.tokens) > 0 })
		})
		f.proceed <- err
		return shares
	case <-time.After(20 * time.Second):
		f.t.Fatal("no pass begins")
		return nil
	}
}

// request is a generation under way in a test.
type request struct {
	prompt []int32
	result Result
	err    error
	done   chan struct{}
}

// ask starts a request and returns when the engine knows of it.
func (f *fakeModel) ask(ctx context.Context, prompt []int32, answer int) *request {
	f.t.Helper()
	before := f.known()
	r := &request{prompt: prompt, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		r.result, r.err = f.engine.Generate(ctx, Request{Prompt: prompt, MaxTokens: answer}, nil)
	}()
	f.wait("the engine to see a request", func() bool { return f.known() > before || isDone(r) })
	return r
}

func isDone(r *request) bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

func (f *fakeModel) known() int {
	s := f.engine.Stats()
	return s.Running + s.Waiting
}

func (f *fakeModel) wait(what string, until func() bool) {
	f.t.Helper()
	for end := time.Now().Add(20 * time.Second); !until(); time.Sleep(100 * time.Microsecond) {
		if time.Now().After(end) {
			f.t.Fatalf("waited in vain for %s", what)
		}
	}
}

// good checks a request that has to have its whole answer.
func (f *fakeModel) good(r *request, answer int) {
	f.t.Helper()
	<-r.done
	if r.err != nil {
		f.t.Errorf("prompt of %d tokens: %v", len(r.prompt), r.err)
		return
	}
	want := continuation(r.prompt, answer)
	var got []int32
	for _, token := range r.result.Tokens {
		got = append(got, token.ID)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		f.t.Errorf("prompt of %d tokens, %d of them cached: got %v, want %v", len(r.prompt), r.result.CachedTokens, got, want)
	}
}

// verify checks everything that must hold of the pages at any time; mu is held.
func (f *fakeModel) verify() {
	f.t.Helper()
	if err := f.engine.verify(); err != nil {
		f.t.Errorf("pages: %v", err)
	}
}

func (e *Engine) verify() error {
	p := e.pages
	refs, promised := make([]int, p.total()), 0
	for _, s := range e.waiting {
		if len(s.pages)+s.promised+s.stored > 0 {
			return fmt.Errorf("a sequence that waits has %d pages, %d that are promised, and %d tokens in them", len(s.pages), s.promised, s.stored)
		}
	}
	for _, s := range append(slices.Clip(e.schedule.running), e.aside...) {
		promised += s.promised
		apart := s.apart(p)
		for i, page := range s.pages[s.passed:] {
			i += s.passed
			refs[page]++
			if inTree := p.nodes[page].filled > 0; inTree != (i < s.linked && !apart) {
				return fmt.Errorf("page %d of a sequence with %d linked ones, apart %v: in the tree is %v", i, s.linked, apart, inTree)
			}
		}
		if !apart && s.passed > 0 && s.passed >= s.linked {
			return fmt.Errorf("%d pages of %d linked ones were given back", s.passed, s.linked)
		}
	}
	if promised != p.promised || p.promised > len(p.free)+p.idle {
		return fmt.Errorf("%d pages are promised to sequences, %d in all, %d are free and %d idle", promised, p.promised, len(p.free), p.idle)
	}
	free := map[int32]bool{}
	for _, page := range p.free {
		if n := p.nodes[page]; free[page] || n.refs != 0 || n.filled != 0 {
			return fmt.Errorf("free page %d: %+v", page, n)
		}
		free[page] = true
	}
	age, err := p.verifyIdle()
	if err != nil {
		return err
	}
	inTree, err := p.verifyTree(p.root(), age, e.windowed())
	if err != nil {
		return err
	}
	for page := range refs {
		n := &p.nodes[page]
		_, idle := age[int32(page)]
		switch {
		case n.refs != refs[page]:
			return fmt.Errorf("page %d has %d references, not %d", page, n.refs, refs[page])
		case n.filled > 0:
			inTree--
			if idle != (n.refs == 0) {
				return fmt.Errorf("page %d in the tree has %d references and idle is %v", page, n.refs, idle)
			}
		case n.refs > 1 && !e.windowed(), n.refs == 0 && !free[int32(page)]:
			return fmt.Errorf("page %d outside the tree has %d references", page, n.refs)
		}
	}
	if inTree != 0 {
		return errors.New("pages in the tree are counted twice, or lost")
	}
	return nil
}

func (e *Engine) windowed() bool { return e.model.Config().Window > 0 }

// verifyIdle gives the order of the idle pages.
func (p *pages) verifyIdle() (map[int32]int, error) {
	age := map[int32]int{}
	last := none
	for page := p.oldest; page != none; page = p.nodes[page].newer {
		if n := p.nodes[page]; n.refs != 0 || n.filled == 0 || n.older != last {
			return nil, fmt.Errorf("idle page %d behind %d: %+v", page, last, n)
		}
		age[page], last = len(age), page
	}
	if last != p.newest || len(age) != p.idle {
		return nil, fmt.Errorf("%d idle pages are listed, %d counted", len(age), p.idle)
	}
	return age, nil
}

// verifyTree counts the pages below one.
func (p *pages) verifyTree(parent int32, age map[int32]int, windowed bool) (count int, err error) {
	last := none
	for page := p.nodes[parent].child; page != none; page = p.nodes[page].next {
		n := p.nodes[page]
		if n.parent != parent || n.prev != last || n.filled < 1 || n.child != none && n.filled < model.PageTokens {
			return 0, fmt.Errorf("page %d below %d, behind %d: %+v", page, parent, last, n)
		}
		if parent != p.root() {
			if n.refs > p.nodes[parent].refs && !windowed {
				return 0, fmt.Errorf("page %d has %d references, the one before it %d", page, n.refs, p.nodes[parent].refs)
			}
			if at, idle := age[parent]; idle && at < age[page] {
				return 0, fmt.Errorf("page %d would be forgotten before page %d, which follows it", parent, page)
			}
		}
		below, err := p.verifyTree(page, age, windowed)
		if err != nil {
			return 0, err
		}
		count, last = count+1+below, page
	}
	return count, nil
}
