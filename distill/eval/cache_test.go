package eval

import (
	"io/fs"
	"math"
	"slices"
	"testing"

	"github.com/a472be26/cusp/distill/dataset"
	"github.com/a472be26/cusp/infer/assistant"
	"github.com/a472be26/cusp/infer/builtin"
	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/packaging/bundle"
)

// What keys and values are stored as changes few answers of the built-in student,
// and its confidence in them little.
func TestCacheKeepsAnswers(t *testing.T) {
	t.Parallel()
	set, err := dataset.Build("", dataset.Options{Seed: 5, OursEnglish: 1500, OursChinese: 700, DeclineEnglish: 300, DeclineChinese: 150, Floor: 5})
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, e := range set.Calibration {
		texts = append(texts, e.Text)
	}
	if len(texts) < 200 {
		t.Fatalf("only %d held-out questions", len(texts))
	}
	exact := askWith(t, "f32", texts)
	for kv, least := range map[string]float64{"f16": 0.98, "q8_0": 0.96} {
		same, drift, tokens := 0, 0.0, 0
		for i, a := range askWith(t, kv, texts) {
			if a.Text != exact[i].Text {
				continue
			}
			same++
			for j, token := range a.Tokens {
				drift += math.Abs(float64(token.LogProb - exact[i].Tokens[j].LogProb))
				tokens++
			}
		}
		share, mean := float64(same)/float64(len(texts)), drift/float64(tokens)
		t.Logf("%s: %d of %d answers are the same; log-probabilities of their tokens differ by %.4f on the mean", kv, same, len(texts), mean)
		if share < least || mean > 0.01 {
			t.Errorf("%s: %.2f%% of the answers are the same, log-probabilities differ by %.4f", kv, 100*share, mean)
		}
	}
}

func askWith(t *testing.T, kv string, texts []string) []Answer {
	t.Helper()
	files, err := builtin.Student()
	if err != nil {
		t.Fatal(err)
	}
	weights, err := fs.ReadFile(files, bundle.ModelFile)
	if err != nil {
		t.Fatal(err)
	}
	f, err := gguf.Parse("student", slices.Clone(weights))
	if err != nil {
		t.Fatal(err)
	}
	model, err := assistant.New(f, assistant.Config{Sequences: 4, KV: kv})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { model.Close() })
	answers, err := Ask(t.Context(), model, texts, func(int, int) {})
	if err != nil {
		t.Fatal(err)
	}
	return answers
}
