package assistant

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/a472be26/cusp/infer/gguf"
)

// labels are the names of n classes; they outlive the file.
func labels(f *gguf.File, n int) []string {
	if n == 0 {
		return nil
	}
	arch, _ := f.String("general.architecture") // was read before
	names, err := f.Strings(arch + ".classifier.output_labels")
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("LABEL_%d", i)
		if err == nil && len(names) == n {
			out[i] = strings.Clone(names[i])
		}
	}
	return out
}

// Labels are the names of the classes that the model tells texts apart by; nil if
// it does not.
func (a *Assistant) Labels() []string { return a.labels }

// Classify returns for each text the probability of each of Labels, and how many
// tokens the texts have together. Of several classes just one is right; a single
// one is, or is not.
func (a *Assistant) Classify(ctx context.Context, texts []Text) ([][]float64, int, error) {
	if err := a.enter(); err != nil {
		return nil, 0, err
	}
	defer a.running.Done()
	all, tokens, err := a.framedAll(texts)
	if err != nil {
		return nil, 0, err
	}
	scores, err := a.engine.Classify(ctx, all)
	if err != nil {
		return nil, 0, fmt.Errorf("classify with %s: %w", a.name, err)
	}
	out := make([][]float64, len(scores))
	for i, s := range scores {
		out[i] = probabilities(s)
	}
	return out, tokens, nil
}

// probabilities are the softmax of logits, or the sigmoid of a single one.
func probabilities(logits []float32) []float64 {
	if len(logits) == 1 {
		return []float64{1 / (1 + math.Exp(-float64(logits[0])))}
	}
	out, sum, most := make([]float64, len(logits)), 0., slices.Max(logits)
	for i, x := range logits {
		out[i] = math.Exp(float64(x - most))
		sum += out[i]
	}
	for i := range out {
		out[i] /= sum
	}
	return out
}
