package export

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/a472be26/cusp/distill/dataset"
	"github.com/a472be26/cusp/distill/train"
	"github.com/a472be26/cusp/distill/vocab"
	"github.com/a472be26/cusp/infer/assistant"
	"github.com/a472be26/cusp/infer/chat"
	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/infer/quant"
)

// model is a vocabulary and weights that know nothing.
func model(t *testing.T) (*vocab.Vocab, *train.Weights) {
	t.Helper()
	examples := []dataset.Example{{Text: "lamp on", Intent: "HassTurnOn", Slots: dataset.Slots{"name": "lamp"}}}
	v, err := vocab.Train([]string{"lamp on", "lamp off"}, vocab.Options{Size: 300, Defined: vocab.Pieces(examples)})
	if err != nil {
		t.Fatal(err)
	}
	cfg := train.Config{Vocab: len(v.Tokens), Dim: 32, Layers: 1, Heads: 2, KVHeads: 1, FFN: 32, Context: 64, RopeTheta: 10000, NormEps: 1e-5, Tied: true}
	o := train.Defaults()
	o.Steps, o.BatchTokens, o.WarmupSteps, o.KLWeight = 1, 16, 0, 0
	w, err := train.Run(context.Background(), cfg, train.Examples{{Tokens: []int32{1, 2, 3, 4}, Loss: []float32{0, 1, 1, 0}}}, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	return v, w
}

// What is written is what the engine and the next student's trainer read.
func TestWrite(t *testing.T) {
	t.Parallel()
	v, w := model(t)
	for _, kind := range []quant.Type{quant.F32, quant.Q8_0} {
		file := filepath.Join(t.TempDir(), "m.gguf")
		if err := Write(file, "a-model", w, v, kind); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(file + ".tmp"); err == nil {
			t.Error("a temporary file is left")
		}
		check(t, file, v, w)
	}
}

func check(t *testing.T, file string, v *vocab.Vocab, w *train.Weights) {
	t.Helper()
	f, err := gguf.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	back, err := train.Load(f)
	if err != nil || back.Config != w.Config {
		t.Errorf("weights come back as %+v, %v", back, err)
	}
	if words, err := vocab.FromFile(f); err != nil || len(words.Tokens) != len(v.Tokens) || len(words.Merges) != len(v.Merges) {
		t.Errorf("vocabulary: %v", err)
	}
	a, err := assistant.New(f, assistant.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if _, err := a.Reply(context.Background(), []chat.Message{{Role: "user", Content: "lamp on"}}, assistant.Options{MaxTokens: 4}, nil); err != nil || a.Name() != "a-model" {
		t.Errorf("%s: %v", a.Name(), err)
	}
}
