package model_test

import (
	"testing"

	"github.com/a472be26/cusp/infer/model"
	"github.com/a472be26/cusp/infer/modeltest"
	"github.com/a472be26/cusp/infer/quant"
)

// BenchmarkAttention runs passes of a model that is little more than its
// attention, behind a long context.
func BenchmarkAttention(b *testing.B) {
	s := modeltest.Shape{Vocab: 32, Dim: 64, Layers: 4, Heads: 14, KVHeads: 2, HeadDim: 64, FFN: 32, Context: 4096, Seed: 1}
	m, err := model.Load(s.File(b))
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name              string
		threads, rows, at int
	}{{"decode at 40", 1, 1, 40}, {"decode at 4000", 1, 1, 4000}, {"decode at 4000, 2 threads", 2, 1, 4000}, {"256 rows at 2000", 1, 256, 2000}, {"256 rows at 2000, 2 threads", 2, 256, 2000}} {
		for _, kind := range []quant.Type{quant.F16, quant.Q8_0} {
			b.Run(kind.String()+" "+c.name, func(b *testing.B) {
				r, pages := newRunner(b, m, kind, model.Limits{Threads: c.threads, Sequences: 1, Rows: 256, Context: 4096})
				ids := make([]int32, c.rows)
				for b.Loop() {
					if err := r.Forward([]model.Sequence{{Pages: pages[0], Position: c.at, Tokens: ids}}); err != nil {
						b.Fatal(err)
					}
				}
				values := 4.0 * 2 * 14 * 64 * float64(c.rows) * (float64(c.at) + float64(c.rows+1)/2)
				b.ReportMetric(values*float64(b.N)/b.Elapsed().Seconds()/1e9, "GMAC/s")
			})
		}
	}
}
