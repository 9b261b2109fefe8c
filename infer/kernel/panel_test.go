package kernel

import (
	"fmt"
	"testing"

	"github.com/a472be26/cusp/infer/quant"
)

// Every exponent has its scale, also the two that are subnormal.
func TestPackExponents(t *testing.T) {
	eachTier(t, func(t *testing.T, tier *tier) {
		pack := tier.pack[quant.MXFP4]
		if pack == nil {
			return
		}
		for e := range 256 {
			w := randomWeights(random(e), quant.MXFP4, 2*tier.lanes, stepCols)
			for b := 0; b < len(w.Data); b += w.rowBytes() {
				w.Data[b] = byte(e + b/w.rowBytes())
			}
			got, want := newPanel(), newPanel()
			pack(&got.steps[0], &got.mins[0], &w.Data[0], w.rowBytes(), 0, 1)
			tier.packAny(quant.MXFP4, want, new(unpacked), w.Data, w.rowBytes(), tier.lanes, 1)
			size := tier.stepBytes(stepCols)
			if i := firstDifference(got.steps[:size], want.steps[:size]); i >= 0 {
				t.Fatalf("exponents from %d: step bytes differ from byte %d", e, i)
			}
		}
	})
}

// newPanel has room for a chunk of any type.
func newPanel() panel {
	return panel{aligned[byte](panelBytes), aligned[float32](batchSteps * maxLanes * 2)}
}

// BenchmarkPack packs a full chunk that lies in the first-level cache, in bytes
// of weights.
func BenchmarkPack(b *testing.B) {
	for _, kind := range panelTypes {
		pack := active.pack[kind]
		if pack == nil {
			continue
		}
		const cols = chunkSteps * stepCols
		w := randomWeights(random(1), kind, 2*active.lanes, cols) // the second panel is called in
		p := newPanel()
		b.Run(kind.String(), func(b *testing.B) {
			b.SetBytes(int64(active.lanes * w.rowBytes()))
			for b.Loop() {
				pack(&p.steps[0], &p.mins[0], &w.Data[0], w.rowBytes(), active.lanes*w.rowBytes(), chunkSteps)
			}
		})
	}
}

// BenchmarkTile multiplies a packed chunk with tiles of all sizes.
func BenchmarkTile(b *testing.B) {
	const cols = chunkSteps * stepCols
	for _, kind := range []quant.Type{quant.Q8_0, quant.Q6_K} {
		group, _, _ := kind.Groups()
		tiles, span := active.products(kind)
		panels := max(1, active.span)
		w := randomWeights(random(1), kind, panels*active.lanes, cols)
		s := newWorkspace()
		for i := range panels {
			active.packAny(kind, panel{s.steps[i*panelBytes:], newPanel().mins}, new(unpacked), w.Data[i*active.lanes*w.rowBytes():], w.rowBytes(), active.lanes, chunkSteps)
		}
		dst := make([]float32, 16*panels*active.lanes)
		for i, n := range tileSizes {
			var a Activations
			a.Set(values(random(1), n*cols), n, cols)
			a.quantize(nil)
			x, half := a.step(a.tiles[0], 0), a.half(a.tiles[0], 0)
			measure := func(name string, panels int, multiply func()) {
				b.Run(fmt.Sprintf("%s/group=%d/n=%d", name, group, n), func(b *testing.B) {
					for b.Loop() {
						multiply()
					}
					b.ReportMetric(float64(panels*active.lanes*cols*n)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GMAC/s")
				})
			}
			measure("panel", 1, func() { tiles[i](&dst[0], active.lanes, &s.steps[0], x, half, chunkSteps, false) })
			if batch := active.batch32; batch != nil && group == stepCols && n == 16 {
				measure("batch", panels, func() {
					batch(&dst[0], panels*active.lanes, &s.steps[0], panelBytes, panels, x, 0, 1, chunkSteps, false)
				})
			}
			if span != nil && n >= spanVectors {
				measure("span", panels, func() { span(&dst[0], panels*active.lanes, &s.steps[0], panelBytes, x, half, n, chunkSteps, false) })
			}
		}
	}
}
