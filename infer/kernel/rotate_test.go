package kernel

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

func TestRotate(t *testing.T) {
	rotations := map[string]struct {
		rotate func(x, turns []float32, headDim int)
		pair   func(i, turns int) (int, int)
	}{
		"Rotate":       {Rotate, func(i, _ int) (int, int) { return 2 * i, 2*i + 1 }},
		"RotateHalves": {RotateHalves, func(i, turns int) (int, int) { return i, i + turns/2 }},
	}
	eachTier(t, func(t *testing.T, tier *tier) {
		useTier(t, tier)
		for name, c := range rotations {
			for _, headDim := range headDims {
				for _, size := range []int{headDim &^ 1, headDim / 2 &^ 1, min(headDim, 18) &^ 1} {
					for heads := range 4 {
						for _, offset := range offsets {
							r := random(headDim, size, heads, offset)
							x := newGuard("x", offset, values(r, heads*headDim))
							turns := newGuard("turns", offset/2, values(r, size))
							was := slices.Clone(x.x)
							c.rotate(x.x, turns.x, headDim)
							x.check(t)
							turns.check(t)
							for h := range heads {
								head, old := x.x[h*headDim:][:headDim], was[h*headDim:][:headDim]
								for i := range size / 2 {
									a, b := c.pair(i, size)
									what := fmt.Sprintf("%s of %d of %d, head %d: pair %d", name, size, headDim, h, i)
									wantTurned(t, what, head[a], head[b], old[a], old[b], turns.x[2*i], turns.x[2*i+1])
								}
								if !slices.Equal(head[size:], old[size:]) {
									t.Fatalf("%s of %d of %d changed the rest of head %d", name, size, headDim, h)
								}
							}
						}
					}
				}
			}
		}
	})
}

func wantTurned(t *testing.T, what string, gotA, gotB, a, b, cos, sin float32) {
	t.Helper()
	ac, bs := float64(a)*float64(cos), float64(b)*float64(sin)
	as, bc := float64(a)*float64(sin), float64(b)*float64(cos)
	near(t, what+", first", gotA, ac-bs, (math.Abs(ac)+math.Abs(bs))*0x1p-22)
	near(t, what+", second", gotB, as+bc, (math.Abs(as)+math.Abs(bc))*0x1p-22)
}

func TestRotateQuarter(t *testing.T) {
	eachTier(t, func(t *testing.T, tier *tier) {
		useTier(t, tier)
		x := []float32{1, 2, 3, 4, 5, 6}
		quarter := []float32{0, 1, 0, 1}
		Rotate(x, quarter, 6)
		if want := []float32{-2, 1, -4, 3, 5, 6}; !slices.Equal(x, want) {
			t.Errorf("neighbours: %v, want %v", x, want)
		}
		x = []float32{1, 2, 3, 4, 5, 6}
		RotateHalves(x, quarter, 6)
		if want := []float32{-3, -4, 1, 2, 5, 6}; !slices.Equal(x, want) {
			t.Errorf("halves: %v, want %v", x, want)
		}
	})
}

func BenchmarkRotate(b *testing.B) {
	const heads, headDim = 32, 64
	x, turns := values(random(1), heads*headDim), make([]float32, headDim)
	for i := 0; i < headDim; i += 2 {
		turns[i] = 1
	}
	for _, tier := range tiers() {
		b.Run(tier.name, func(b *testing.B) {
			for b.Loop() {
				tier.rotate(x, turns, heads, headDim)
			}
		})
		b.Run(tier.name+"/halves", func(b *testing.B) {
			for b.Loop() {
				tier.rotateHalves(x, turns, heads, headDim)
			}
		})
	}
}
