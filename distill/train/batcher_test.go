package train

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestBatchPacks(t *testing.T) {
	t.Parallel()
	soft := []TopK{{ID: 1, Logit: 2}}
	var b batch
	b.reset()
	b.add(Example{Tokens: []int32{10, 11, 12, 13}, Loss: []float32{0, 2, 0, 9}, Soft: [][]TopK{nil, soft, nil, nil}})
	b.add(Example{Tokens: []int32{20, 21}, Loss: []float32{0, 1}}) // nothing follows its only weight
	b.add(Example{Tokens: []int32{30, 31, 32}, Loss: []float32{1, 1, 0}})
	if want := []int32{10, 11, 30, 31}; !slices.Equal(b.tokens, want) {
		t.Errorf("tokens %v, want %v: only what a loss depends on", b.tokens, want)
	}
	if !slices.Equal(b.positions, []int32{0, 1, 0, 1}) || !slices.Equal(b.starts, []int32{0, 2, 4}) {
		t.Errorf("positions %v, starts %v", b.positions, b.starts)
	}
	if !slices.Equal(b.rows, []int32{1, 2, 3}) || !slices.Equal(b.targets, []int32{12, 31, 32}) {
		t.Errorf("rows %v predict %v", b.rows, b.targets)
	}
	if !slices.Equal(b.weights, []float32{2, 1, 1}) || len(b.soft) != 3 || !slices.Equal(b.soft[0], soft) || b.soft[1] != nil {
		t.Errorf("weights %v, candidates %v", b.weights, b.soft)
	}
}

// labelled examples have two tokens; the first is their number.
func labelled(n int) Examples {
	var examples Examples
	for i := range n {
		examples = append(examples, Example{Tokens: []int32{int32(i), 0}, Loss: []float32{1, 0}})
	}
	return examples
}

func TestBatcherDealsEveryExampleOncePerEpoch(t *testing.T) {
	t.Parallel()
	const n, limit = 23, 5
	d := &batcher{data: labelled(n), cfg: Config{Vocab: n, Context: 8}, limit: limit, seed: 7}
	var dealt []int32
	for len(dealt) < 3*n {
		var b batch
		if err := d.next(&b); err != nil {
			t.Fatal(err)
		}
		if len(b.tokens) != limit {
			t.Fatalf("a batch of %d tokens, want %d", len(b.tokens), limit)
		}
		dealt = append(dealt, b.tokens...)
	}
	for epoch := range 3 {
		got := slices.Clone(dealt[epoch*n : (epoch+1)*n])
		if epoch > 0 && slices.Equal(got, dealt[:n]) {
			t.Errorf("epoch %d has the order of the first", epoch)
		}
		slices.Sort(got)
		for i, v := range got {
			if int(v) != i {
				t.Fatalf("epoch %d deals %v", epoch, got)
			}
		}
	}
}

func TestBatcherGoesOnFromAPlace(t *testing.T) {
	t.Parallel()
	cfg := Config{Vocab: 23, Context: 8}
	first := &batcher{data: labelled(23), cfg: cfg, limit: 4, seed: 7}
	for range 9 {
		var a, b batch
		second := &batcher{data: labelled(23), cfg: cfg, limit: 4, seed: 7, place: first.place}
		if err := first.next(&a); err != nil {
			t.Fatal(err)
		}
		if err := second.next(&b); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(a.tokens, b.tokens) || first.place != second.place {
			t.Fatalf("from the same place: %v and %v", a.tokens, b.tokens)
		}
	}
}

func TestBatcherTakesAnExampleLongerThanTheLimit(t *testing.T) {
	t.Parallel()
	d := &batcher{data: tinyExamples(rand.New(rand.NewPCG(1, 1)), tiny.Vocab, 5), cfg: tiny, limit: 1}
	var b batch
	for range 7 {
		if err := d.next(&b); err != nil || len(b.starts) != 2 {
			t.Fatalf("%d examples in a batch: %v", len(b.starts)-1, err)
		}
	}
}
