package train

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/a472be26/cusp/infer/kernel"
)

// The shapes that the built-in models were chosen from.
var benchShapes = []struct {
	name string
	cfg  Config
}{
	{"256x5", Config{Vocab: 4096, Dim: 256, Layers: 5, Heads: 8, KVHeads: 4, FFN: 688, Context: 128, RopeTheta: 10000, NormEps: 1e-5, Tied: true}},
	{"384x8", Config{Vocab: 4096, Dim: 384, Layers: 8, Heads: 8, KVHeads: 4, FFN: 1024, Context: 128, RopeTheta: 10000, NormEps: 1e-5, Tied: true}},
}

// benchExamples are 20 to 45 tokens long with loss on the second half and candidates there.
func benchExamples(vocab, n int) Examples {
	r := rand.New(rand.NewPCG(1, 2))
	var examples Examples
	for range n {
		length := 20 + r.IntN(26)
		e := Example{Tokens: make([]int32, length), Loss: make([]float32, length), Soft: make([][]TopK, length)}
		for i := range length {
			e.Tokens[i] = int32(r.IntN(vocab))
			if i < length/2 || i == length-1 {
				continue
			}
			e.Loss[i] = 1
			for k := range 16 {
				e.Soft[i] = append(e.Soft[i], TopK{ID: int32(r.IntN(vocab/16)*16 + k), Logit: float32(k) / 4})
			}
		}
		examples = append(examples, e)
	}
	return examples
}

// BenchmarkStep reports tokens per second of whole steps, and the rate of the products that a step cannot do without as a
// share of what one large product alone reaches on the same machine.
func BenchmarkStep(b *testing.B) {
	for _, shape := range benchShapes {
		for _, mixed := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/mixed=%v", shape.name, mixed), func(b *testing.B) {
				o := Defaults()
				o.Steps, o.BatchTokens, o.Mixed = 1<<20, 4096, mixed
				r := newRun(shape.cfg, benchExamples(shape.cfg.Vocab, 2000), o)
				var tokens, products float64
				r.step()
				r.step()
				peak := gemmRate()
				b.ResetTimer()
				for range b.N {
					if _, err := r.step(); err != nil {
						b.Fatal(err)
					}
					tokens += float64(len(r.batch.tokens))
					products += stepProducts(shape.cfg, len(r.batch.tokens), len(r.batch.rows))
				}
				seconds := b.Elapsed().Seconds()
				b.ReportMetric(tokens/seconds, "tokens/s")
				b.ReportMetric(2*products/seconds/1e9, "GFLOP/s")
				b.ReportMetric(100*2*products/seconds/peak, "%gemm")
			})
		}
	}
}

// stepProducts counts the multiplications of a forward and a backward with n tokens and r rows with loss.
func stepProducts(c Config, n, r int) float64 {
	attention := float64(c.Dim * c.qkvDim())
	rest := float64(c.Dim*c.Dim + 3*c.Dim*c.FFN)
	return 3 * (float64(n)*(float64(c.Layers)*attention+float64(c.Layers-1)*rest) + float64(r)*(rest+float64(c.Vocab*c.Dim)))
}

// gemmRate is the rate in FLOP/s of one large product.
func gemmRate() float64 {
	const n = 1024
	a, b, c := make([]float32, n*n), make([]float32, n*n), make([]float32, n*n)
	best := time.Hour
	for range 5 {
		start := time.Now()
		kernel.Gemm(false, true, n, n, n, a, n, b, n, c, n, false)
		best = min(best, time.Since(start))
	}
	return 2 * n * n * n / best.Seconds()
}
