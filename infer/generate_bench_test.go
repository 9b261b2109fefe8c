package infer_test

import (
	"testing"

	"github.com/a472be26/cusp/infer"
	"github.com/a472be26/cusp/infer/model"
	"github.com/a472be26/cusp/infer/modeltest"
	"github.com/a472be26/cusp/infer/quant"
)

// middling has 25 million weights: more than the caches hold, small enough to
// be made in a second.
func middling(b *testing.B) model.Model {
	m, err := model.Load(modeltest.Shape{
		Vocab: 8192, Dim: 512, Layers: 6, Heads: 8, KVHeads: 4, HeadDim: 64, FFN: 1408, Context: 512, Type: quant.Q8_0,
	}.File(b))
	if err != nil {
		b.Fatal(err)
	}
	return m
}

func benchmark(b *testing.B, r infer.Request) {
	e, err := infer.New(middling(b), infer.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close()
	var result infer.Result
	for b.Loop() {
		r.Prompt[0]++ // so that no prefix is reused
		result = generate(b, e, r)
	}
	b.ReportMetric(float64(len(r.Prompt))/result.Prefill.Seconds(), "prompt-tokens/s")
	b.ReportMetric(float64(len(result.Tokens)-1)/result.Decode.Seconds(), "tokens/s")
}

func BenchmarkGenerate(b *testing.B) {
	benchmark(b, infer.Request{Prompt: longPrompt(256), MaxTokens: 64})
}
