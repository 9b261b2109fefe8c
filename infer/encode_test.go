package infer

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/a472be26/cusp/infer/huggingface"
	"github.com/a472be26/cusp/infer/model"
	"github.com/a472be26/cusp/infer/modeltest"
)

// family is a tiny random model that transformers made; see the tests of
// infer/model.
func family(t *testing.T, name string) model.Model {
	t.Helper()
	f, err := huggingface.Open(filepath.Join("model", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	m, err := model.Load(f)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func engineOf(t *testing.T, m model.Model, o Options) *Engine {
	t.Helper()
	e, err := New(m, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

// texts are some of different lengths, up to most.
func texts(n, most int) (all [][]int32) {
	for i := range n {
		text := make([]int32, 1+(i*i*7+i)%most)
		for j := range text {
			text[j] = int32((i*31 + j*17 + j*j*5) % 96)
		}
		all = append(all, text)
	}
	return all
}

// checkIdle says what is wrong with an engine that has nothing to do: nobody
// may have kept a page.
func checkIdle(t *testing.T, e *Engine) {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.verify(); err != nil {
		t.Error(err)
	}
	if len(e.pages.free) != e.pages.total() || len(e.slots) != e.options.Sequences || e.pages.promised != 0 {
		t.Errorf("%d of %d pages and %d of %d slots are free, %d pages are promised",
			len(e.pages.free), e.pages.total(), len(e.slots), e.options.Sequences, e.pages.promised)
	}
}

// Texts of many callers, in passes of their scheduler's choice, give what each
// gives alone.
func TestEmbedInCompany(t *testing.T) {
	t.Parallel()
	m := family(t, "bert_classify")
	alone := engineOf(t, m, Options{Threads: 1, Sequences: 1})
	all := texts(23, 50)
	var vectors, scores [][]float32
	for i := range all {
		v, err := alone.Embed(t.Context(), all[i:i+1], Embedding{})
		if err != nil {
			t.Fatal(err)
		}
		s, err := alone.Classify(t.Context(), all[i:i+1])
		if err != nil {
			t.Fatal(err)
		}
		vectors, scores = append(vectors, v...), append(scores, s...)
	}
	e := engineOf(t, m, Options{Threads: 2, Sequences: 4, Rows: 80})
	var callers sync.WaitGroup
	for range 3 {
		callers.Go(func() {
			if got, err := e.Embed(t.Context(), all, Embedding{}); err != nil || !same(got, vectors) {
				t.Errorf("vectors differ from those of every text alone, %v", err)
			}
		})
		callers.Go(func() {
			if got, err := e.Classify(t.Context(), all); err != nil || !same(got, scores) {
				t.Errorf("scores differ from those of every text alone, %v", err)
			}
		})
	}
	callers.Wait()
	checkIdle(t, e)
	if s := e.Stats(); s.Passes >= 6*23 {
		t.Errorf("%d passes for %d texts: none ran together", s.Passes, 6*23)
	}
}

func same(a, b [][]float32) bool { return slices.EqualFunc(a, b, slices.Equal) }

func TestEmbedding(t *testing.T) {
	t.Parallel()
	e := engineOf(t, family(t, "bert"), Options{Threads: 1})
	text := texts(5, 50)[3:4]
	get := func(o Embedding) []float32 {
		t.Helper()
		v, err := e.Embed(t.Context(), text, o)
		if err != nil {
			t.Fatal(err)
		}
		return v[0]
	}
	length := func(x []float32) float64 {
		var sum float64
		for _, v := range x {
			sum += float64(v) * float64(v)
		}
		return math.Sqrt(sum)
	}
	mean, first, last := get(Embedding{}), get(Embedding{Pooling: model.PoolCLS}), get(Embedding{Pooling: model.PoolLast})
	if slices.Equal(mean, first) || slices.Equal(first, last) || !slices.Equal(mean, get(Embedding{Pooling: model.PoolMean})) {
		t.Error("the poolings are not what they say")
	}
	raw := get(Embedding{Raw: true})
	if n := length(mean); math.Abs(n-1) > 1e-6 {
		t.Errorf("the vector has the length %v", n)
	}
	model.Normalize(raw)
	if !slices.Equal(raw, mean) {
		t.Error("the raw vector points elsewhere")
	}
	if none, err := e.Embed(t.Context(), nil, Embedding{}); err != nil || len(none) != 0 {
		t.Errorf("no texts give %v, %v", none, err)
	}
}

func TestEncodersRefuse(t *testing.T) {
	t.Parallel()
	e := engineOf(t, family(t, "bert"), Options{Threads: 1, Rows: 40})
	says := func(err error, kind error, want string) {
		t.Helper()
		if err == nil || kind != nil && !errors.Is(err, kind) || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
	_, err := e.Embed(t.Context(), [][]int32{{1}, make([]int32, 41)}, Embedding{})
	says(err, ErrContext, "text 1: ")
	says(err, ErrContext, "41 tokens are more than 40")
	_, err = e.Embed(t.Context(), [][]int32{{}}, Embedding{})
	says(err, nil, "no tokens")
	_, err = e.Embed(t.Context(), [][]int32{{1, 96}}, Embedding{})
	says(err, nil, "token 1 is 96")
	_, err = e.Embed(t.Context(), [][]int32{{1}}, Embedding{Pooling: 9})
	says(err, nil, "pooling 9")
	_, err = e.Classify(t.Context(), [][]int32{{1}})
	says(err, ErrNoEncoder, "no head for classes")
	_, err = e.Generate(t.Context(), Request{Prompt: []int32{1}}, nil)
	says(err, ErrNoGenerator, "encoder")
	gone, leave := context.WithCancel(t.Context())
	leave()
	_, err = e.Embed(gone, [][]int32{{1}}, Embedding{})
	says(err, context.Canceled, "")
	if v, err := e.Embed(t.Context(), [][]int32{{1}}, Embedding{}); err != nil || len(v) != 1 {
		t.Errorf("after all that: %v", err)
	}
	e.Close()
	_, err = e.Embed(t.Context(), [][]int32{{1}}, Embedding{})
	says(err, ErrClosed, "")

	s := modeltest.Small()
	decoder, err := model.Load(s.File(t))
	if err != nil {
		t.Fatal(err)
	}
	e = engineOf(t, decoder, Options{Threads: 1, Context: 64})
	_, err = e.Embed(t.Context(), [][]int32{{1}}, Embedding{})
	says(err, ErrNoEncoder, "generates")
	_, err = e.Classify(t.Context(), [][]int32{{1}})
	says(err, ErrNoEncoder, "no head")
}

// gated is a model whose passes wait to be let through.
type gated struct {
	model.Model
	gate chan struct{}
}

type gatedRunner struct {
	model.Runner
	gate chan struct{}
}

func (g gated) NewRunner(kv model.KV, l model.Limits) (model.Runner, error) {
	r, err := g.Model.NewRunner(kv, l)
	return gatedRunner{r, g.gate}, err
}

func (g gatedRunner) Forward(batch []model.Sequence) error {
	<-g.gate
	return g.Runner.Forward(batch)
}

// A full queue refuses a text, and the texts of a caller who leaves make room in
// it.
func TestEmbedBusy(t *testing.T) {
	t.Parallel()
	m := gated{family(t, "bert"), make(chan struct{})}
	e := engineOf(t, m, Options{Threads: 1, Sequences: 2, Queue: 1})
	open := sync.OnceFunc(func() { close(m.gate) })
	t.Cleanup(open)
	embed := func(ctx context.Context, n int) chan error {
		result := make(chan error, 1)
		go func() {
			_, err := e.Embed(ctx, texts(n, 50), Embedding{})
			result <- err
		}()
		return result
	}
	waiting := func(n int) {
		t.Helper()
		for range 20000 {
			if s := e.Stats(); s.Running == 1 && s.Waiting == n {
				return
			}
			time.Sleep(time.Millisecond)
		}
		t.Fatalf("waited in vain for %d to wait: %+v", n, e.Stats())
	}
	runs := embed(t.Context(), 1)
	waiting(0)
	ctx, leave := context.WithCancel(t.Context())
	left := embed(ctx, 2)
	waiting(2)
	if err := <-embed(t.Context(), 1); !errors.Is(err, ErrBusy) {
		t.Errorf("error %v, not %v", err, ErrBusy)
	}
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v of a caller who left", err)
	}
	waiting(0)
	stays := embed(t.Context(), 2)
	waiting(2)
	open()
	for _, result := range []chan error{runs, stays} {
		if err := <-result; err != nil {
			t.Error(err)
		}
	}
	checkIdle(t, e)
}
