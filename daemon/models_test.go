package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/a472be26/cusp/infer"
	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/calibrate"
)

// fakeModel says its name word by word, and notices when it is used after its
// end or closed while it speaks.
type fakeModel struct {
	info    ModelInfo
	word    string
	delay   time.Duration // before every piece
	pieces  int
	pace    chan struct{} // when not nil, one receive before every piece
	logProb float32
	users   atomic.Int32
	steps   atomic.Uint64
	closed  atomic.Bool
	wrong   *atomic.Int32 // counts uses after Close and closes during use
}

var _ Model = (*fakeModel)(nil)

func (m *fakeModel) Info() ModelInfo { return m.info }

func (m *fakeModel) Settle() {}

func (m *fakeModel) Pulse() infer.Pulse {
	n := int(m.users.Load())
	return infer.Pulse{Steps: m.steps.Load(), Work: n > 0, Running: n}
}

func (m *fakeModel) Answer(ctx context.Context, q router.Question, emit func(string) error) (router.LocalAnswer, error) {
	m.users.Add(1)
	defer m.users.Add(-1)
	a := router.LocalAnswer{Finish: "stop", Model: m.info.Model(), PromptTokens: 1}
	for range m.pieces {
		if m.pace != nil {
			select {
			case <-m.pace:
			case <-ctx.Done():
				return a, ctx.Err()
			}
		}
		if m.closed.Load() {
			m.wrong.Add(1)
		}
		m.steps.Add(1)
		time.Sleep(m.delay)
		piece := m.word + " "
		a.Text += piece
		a.Tokens = append(a.Tokens, calibrate.Token{LogProb: m.logProb, Margin: 1})
		if err := emit(piece); err != nil {
			return a, err
		}
	}
	return a, nil
}

func (m *fakeModel) Close() error {
	if m.closed.Swap(true) || m.users.Load() != 0 {
		m.wrong.Add(1)
	}
	return nil
}

// fakeLoader makes a fakeModel of every path; the path "bad" does not load,
// "silent" and "broken" fail the self-test, "other" says something else than the
// others and "slow" says it slowly.
type fakeLoader struct {
	mu     sync.Mutex // guards made
	made   []*fakeModel
	pieces int
	word   string // what every model says; "" for its own name
	pace   chan struct{}
	wrong  atomic.Int32
}

var _ Loader = (*fakeLoader)(nil)

func (l *fakeLoader) Load(_ context.Context, c Candidate) (Model, error) {
	base := filepath.Base(c.String())
	if strings.HasPrefix(base, "bad") {
		return nil, errors.New("hash differs")
	}
	m := &fakeModel{info: ModelInfo{Name: "fake", Version: base, File: c.String(), Signed: true}, pieces: max(l.pieces, 1), logProb: -0.1, pace: l.pace, wrong: &l.wrong, word: base}
	if l.word != "" {
		m.word = l.word
	}
	if strings.HasPrefix(base, "other") {
		m.word = base
	}
	if strings.HasPrefix(base, "slow") {
		m.delay = 10 * time.Millisecond
	}
	if strings.HasPrefix(base, "silent") {
		m.info.Golden = []Golden{{Prompt: "a", Text: "b"}}
	}
	if strings.HasPrefix(base, "broken") {
		m.logProb = float32(math.NaN())
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.made = append(l.made, m)
	return m, nil
}

// open is how many models were made and not closed.
func (l *fakeLoader) open() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, m := range l.made {
		if !m.closed.Load() {
			n++
		}
	}
	return n
}

func newTestModels(l *fakeLoader) *Models {
	return NewModels(Setup{Loader: l, Test: selfTest(0)}, slog.New(slog.DiscardHandler))
}

func at(name string) Candidate { return Candidate{Path: "/models/" + name} }

func TestTwentySwapsUnderStreamsCutNone(t *testing.T) {
	t.Parallel()
	l := &fakeLoader{pieces: 20}
	m := newTestModels(l)
	if err := m.Update(t.Context(), at("v0")); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var streams sync.WaitGroup
	var answered, cut atomic.Int32
	for range 8 {
		streams.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				words := 0
				a, err := m.Answer(t.Context(), router.Question{}, func(string) error { words++; time.Sleep(50 * time.Microsecond); return nil })
				if err != nil || words != 20 || strings.Count(a.Text, a.Model.Version+" ") != 20 {
					cut.Add(1)
				}
				answered.Add(1)
			}
		})
	}
	for i := 1; i <= 20; i++ {
		if err := m.Update(t.Context(), at(fmt.Sprint("v", i))); err != nil {
			t.Fatal(err)
		}
		if err := m.Update(t.Context(), at(fmt.Sprint("bad", i))); err == nil {
			t.Fatal("a broken model was taken")
		}
		for before := answered.Load(); answered.Load() == before; { // a stream ends between any two swaps
			time.Sleep(50 * time.Microsecond)
		}
	}
	close(stop)
	streams.Wait()
	current, _ := m.Current()
	if current.Version != "v20" || current.Swaps != 20 {
		t.Errorf("current %+v", current)
	}
	m.Close()
	if l.wrong.Load() != 0 || cut.Load() != 0 || answered.Load() == 0 || l.open() != 0 {
		t.Errorf("%d answers, %d cut, %d wrong uses, %d models left open", answered.Load(), cut.Load(), l.wrong.Load(), l.open())
	}
}

func TestAStreamKeepsItsModelThroughASwap(t *testing.T) {
	t.Parallel()
	l := &fakeLoader{pieces: 3}
	m := newTestModels(l)
	if err := m.Update(t.Context(), at("v1")); err != nil {
		t.Fatal(err)
	}
	l.pace = make(chan struct{})
	l.made[0].pace = l.pace
	first := make(chan struct{})
	var once sync.Once
	got := make(chan router.LocalAnswer, 1)
	go func() {
		a, _ := m.Answer(t.Context(), router.Question{}, func(string) error { once.Do(func() { close(first) }); return nil })
		got <- a
	}()
	l.pace <- struct{}{}
	<-first
	l.pace = nil
	if err := m.Update(t.Context(), at("v2")); err != nil {
		t.Fatal(err)
	}
	if l.made[0].closed.Load() {
		t.Error("the old model was closed under a stream")
	}
	if a, err := m.Answer(t.Context(), router.Question{}, func(string) error { return nil }); err != nil || a.Model.Version != "v2" {
		t.Errorf("the next answer is of %+v, %v", a.Model, err)
	}
	pace := l.made[0].pace
	pace <- struct{}{}
	pace <- struct{}{}
	if a := <-got; a.Text != "v1 v1 v1 " {
		t.Errorf("stream %q", a.Text)
	}
	m.Close()
	if l.open() != 0 || l.wrong.Load() != 0 {
		t.Errorf("%d models left open, %d wrong uses", l.open(), l.wrong.Load())
	}
}

func TestRefusedModelLeavesTheOldOneAndSaysWhy(t *testing.T) {
	t.Parallel()
	for name, says := range map[string]string{
		"bad": "hash differs", "silent": `instead of "b"`, "broken": "log-probability",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := &fakeLoader{}
			m := newTestModels(l)
			defer m.Close()
			if err := m.Update(t.Context(), at("v1")); err != nil {
				t.Fatal(err)
			}
			err := m.Update(t.Context(), at(name))
			if err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("error %v", err)
			}
			current, refusal := m.Current()
			if current.Version != "v1" || refusal == nil || !strings.Contains(refusal.Error, says) || refusal.Model != "/models/"+name {
				t.Errorf("current %+v, refusal %+v", current, refusal)
			}
			if l.open() != 1 {
				t.Errorf("%d models open", l.open())
			}
			if err := m.Update(t.Context(), at("v2")); err != nil {
				t.Fatal(err)
			}
			if _, refusal := m.Current(); refusal != nil {
				t.Errorf("refusal %+v outlived a good model", refusal)
			}
		})
	}
}

// hanging is a model whose engine neither answers nor ends.
type hanging struct {
	*fakeModel
	free chan struct{}
}

func (h hanging) Answer(ctx context.Context, _ router.Question, _ func(string) error) (router.LocalAnswer, error) {
	<-ctx.Done()
	return router.LocalAnswer{}, ctx.Err()
}

func (h hanging) Close() error { <-h.free; return h.fakeModel.Close() }

type hangingLoader struct {
	*fakeLoader
	free chan struct{}
}

func (l hangingLoader) Load(ctx context.Context, c Candidate) (Model, error) {
	m, err := l.fakeLoader.Load(ctx, c)
	if err == nil && strings.HasSuffix(c.Path, "hangs") {
		m = hanging{m.(*fakeModel), l.free}
	}
	return m, err
}

// A new model that hangs in its self-test is refused and left behind; it takes
// neither the serving one with it nor the next one.
func TestHangingModelIsLeftBehind(t *testing.T) {
	t.Parallel()
	l := hangingLoader{&fakeLoader{}, make(chan struct{})}
	test := func(ctx context.Context, m Model) error {
		ctx, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
		return selfTest(0)(ctx, m)
	}
	m := NewModels(Setup{Loader: l, Test: test}, slog.New(slog.DiscardHandler))
	m.patience = 50 * time.Millisecond
	if err := m.Update(t.Context(), at("v1")); err != nil {
		t.Fatal(err)
	}
	if err := m.Update(t.Context(), at("hangs")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
	if _, r := m.Current(); version(m) != "v1" || r == nil || r.Reason != RefusedTest {
		t.Errorf("%s serves, refusal %+v", version(m), r)
	}
	if err := m.Update(t.Context(), at("v2")); err != nil || version(m) != "v2" {
		t.Errorf("the next one: %v", err)
	}
	close(l.free)
	m.Close()
	until(t, "the end of all models", func() bool { return l.open() == 0 })
}

func TestSlowModelIsRefused(t *testing.T) {
	t.Parallel()
	l := &fakeLoader{pieces: 5}
	m := NewModels(Setup{Loader: l, Test: selfTest(math.MaxFloat64)}, slog.New(slog.DiscardHandler))
	if err := m.Update(t.Context(), at("v1")); err == nil || !strings.Contains(err.Error(), "min_speed") {
		t.Errorf("error %v", err)
	}
}

func TestStartFallsBack(t *testing.T) {
	t.Parallel()
	l := &fakeLoader{}
	m := newTestModels(l)
	defer m.Close()
	if err := m.Start(t.Context(), []Candidate{at("bad"), at("broken"), {}}); err != nil {
		t.Fatal(err)
	}
	current, refusal := m.Current()
	if current.File != "built-in" || refusal == nil {
		t.Errorf("current %+v, refusal %+v", current, refusal)
	}
	none := newTestModels(l)
	if err := none.Start(t.Context(), []Candidate{at("bad")}); err == nil {
		t.Error("started without a model")
	}
	if _, err := none.Answer(t.Context(), router.Question{}, nil); !errors.Is(err, ErrNoModel) {
		t.Errorf("answer without a model: %v", err)
	}
}

// install makes version of model "mm" current in dir.
func install(t *testing.T, dir, version string) {
	t.Helper()
	home := filepath.Join(dir, "mm")
	if err := os.MkdirAll(filepath.Join(home, version), 0o755); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(home, ".new")
	if err := errors.Join(os.Symlink(version, link), os.Rename(link, filepath.Join(home, "current"))); err != nil {
		t.Fatal(err)
	}
}

func TestCandidatesLatestFirst(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	got := func(plain bool) string {
		t.Helper()
		all, err := candidates(ModelConfig{Dir: dir, Name: "mm", AllowUnsigned: plain})
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, c := range all {
			names = append(names, filepath.Base(c.String()))
		}
		return strings.Join(names, " ")
	}
	if g := got(true); g != "built-in" {
		t.Errorf("empty: %s", g)
	}
	install(t, dir, "1.0")
	later := time.Now().Add(time.Hour)
	plain := filepath.Join(dir, "mine.gguf")
	if err := errors.Join(os.WriteFile(plain, []byte("x"), 0o600), os.Chtimes(plain, later, later)); err != nil {
		t.Fatal(err)
	}
	if g := got(false); g != "1.0 built-in" {
		t.Errorf("plain files not allowed: %s", g)
	}
	if g := got(true); g != "mine.gguf 1.0 built-in" {
		t.Errorf("plain files allowed: %s", g)
	}
}

// A folder counts by its newest file; other directories and the later parts of
// a model in several files are no models.
func TestCandidatesOfFolders(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	now := time.Now().Truncate(time.Second)
	for i, name := range []string{"a-00001-of-00002.gguf", "a-00002-of-00002.gguf", "folder/config.json", "folder/model.safetensors", "notes/text.txt"} {
		path := filepath.Join(dir, name)
		when := now.Add(time.Duration(i) * time.Minute)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(name), 0o600), os.Chtimes(path, when, when)); err != nil {
			t.Fatal(err)
		}
	}
	all, err := candidates(ModelConfig{Dir: dir, Name: "mm", AllowUnsigned: true})
	if err != nil || len(all) != 3 {
		t.Fatalf("%v, %v", all, err)
	}
	if c := all[0]; c.Path != filepath.Join(dir, "folder") || !c.Plain || !c.Since.Equal(now.Add(3*time.Minute)) || c.Size != int64(len("folder/config.jsonfolder/model.safetensors")) {
		t.Errorf("the folder is %+v", c)
	}
	if c := all[1]; filepath.Base(c.Path) != "a-00001-of-00002.gguf" {
		t.Errorf("the file is %+v", c)
	}
}

func TestWatcherSeesInstallationsAndSwitches(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "models")
	w, err := newWatcher(dir, "mm", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	changed := make(chan struct{}, 10)
	done := make(chan struct{})
	go func() { defer close(done); w.run(ctx, func() { changed <- struct{}{} }) }()
	for _, version := range []string{"1.0", "1.1"} { // the directory is new, then known
		install(t, dir, version)
		select {
		case <-changed:
		case <-time.After(5 * time.Second):
			t.Fatalf("version %s went unseen", version)
		}
	}
	cancel()
	<-done
	if err := w.close(); err != nil {
		t.Error(err)
	}
}
