package train

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestTopK(t *testing.T) {
	t.Parallel()
	logits := []float32{1, 5, -2, 5, 3, float32(math.Inf(-1))}
	for k, want := range map[int][]TopK{
		0: {},
		1: {{1, 5}},
		3: {{1, 5}, {3, 5}, {4, 3}},
		9: {{1, 5}, {3, 5}, {4, 3}, {0, 1}, {2, -2}, {5, float32(math.Inf(-1))}},
	} {
		if got := topK(logits, k); !slices.Equal(got, want) {
			t.Errorf("best %d: %v, want %v", k, got, want)
		}
	}
}

func TestAnnotateAgreesWithSingleSequences(t *testing.T) {
	t.Parallel()
	w := randomWeights(wideShape, 31)
	r := rand.New(rand.NewPCG(32, 1))
	examples := tinyExamples(r, wideShape.Vocab, 600) // more than one batch
	examples[1].Loss = make([]float32, len(examples[1].Tokens))
	got, err := NewScorer(w, 2).Annotate(context.Background(), examples, 4)
	if err != nil || len(got) != len(examples) {
		t.Fatalf("%d of %d examples: %v", len(got), len(examples), err)
	}
	for i := 0; i < len(got); i += 37 {
		e := got[i]
		for at := range e.Tokens {
			if at >= e.used() || e.Loss[at] == 0 {
				if e.Soft[at] != nil {
					t.Errorf("example %d has candidates at position %d without loss", i, at)
				}
				continue
			}
			want, err := w.TopK(e.Tokens, []int{at}, 4)
			if err != nil {
				t.Fatal(err)
			}
			for k := range want[0] {
				if have := e.Soft[at][k]; have.ID != want[0][k].ID || math.Abs(float64(have.Logit-want[0][k].Logit)) > 1e-4 {
					t.Errorf("example %d position %d: %v, want %v", i, at, e.Soft[at], want[0])
				}
			}
		}
	}
}

func TestAnnotateStops(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := NewScorer(randomWeights(tiny, 1), 1).Annotate(ctx, shortData(), 2); err == nil {
		t.Error("no error from an ended context")
	}
}

func TestTopKRefusesPositions(t *testing.T) {
	t.Parallel()
	w := randomWeights(tiny, 1)
	for _, position := range []int{-1, 2} {
		if _, err := w.TopK([]int32{1, 2}, []int{position}, 1); err == nil || !strings.Contains(err.Error(), "of 2 tokens") {
			t.Errorf("position %d: %v", position, err)
		}
	}
	if _, err := w.TopK([]int32{1, 99}, []int{0}, 1); err == nil {
		t.Error("a token outside the vocabulary is accepted")
	}
}

func TestScoreCounts(t *testing.T) {
	t.Parallel()
	w := randomWeights(tiny, 33)
	// Targets are made from the model's own best tokens, so that every position is right, then one is spoiled.
	tokens := []int32{4}
	for range 6 {
		best, err := w.TopK(tokens, []int{len(tokens) - 1}, 1)
		if err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, best[0][0].ID)
	}
	right := Example{Tokens: tokens, Loss: []float32{1, 1, 1, 1, 1, 1, 0}}
	wrong := Example{Tokens: slices.Clone(tokens), Loss: right.Loss}
	wrong.Tokens[6] = (wrong.Tokens[6] + 1) % int32(tiny.Vocab)
	score, err := NewScorer(w, 1).Score(Examples{right, wrong, right, right})
	if err != nil {
		t.Fatal(err)
	}
	if score.Examples != 4 || score.Exact != 0.75 || math.Abs(score.Accuracy-23.0/24) > 1e-9 || !(score.Loss > 0) {
		t.Errorf("score %+v, want 3 of 4 exact and 23 of 24 right", score)
	}
}
