package kernel

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// leadersPlain is Leaders in the plainest way.
func leadersPlain(x []float32) (best int, second float32) {
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	second = float32(math.Inf(-1))
	for i, v := range x {
		if i != best {
			second = max(second, v)
		}
	}
	return best, second
}

func wantLeaders(t *testing.T, what string, x []float32) {
	t.Helper()
	best, second := Leaders(x)
	if wantBest, wantSecond := leadersPlain(x); best != wantBest || second != wantSecond {
		t.Fatalf("%s of %d: best is %d, second %v, want %d, %v", what, len(x), best, second, wantBest, wantSecond)
	}
}

func TestLeaders(t *testing.T) {
	inf := float32(math.Inf(1))
	eachTier(t, func(t *testing.T, tier *tier) {
		useTier(t, tier)
		eachVector(t, func(t *testing.T, x, _ []float32) {
			for at := range x {
				was := x[at]
				for _, v := range []float32{3, -3, x[0], x[len(x)-1], inf, -inf} {
					x[at] = v // the best, the worst, equals
					wantLeaders(t, fmt.Sprintf("leaders with %v at %d", v, at), x)
				}
				x[at] = was
			}
		})
		for _, v := range []float32{0, 7, -7, inf, -inf} {
			for _, n := range []int{1, 2, 8, 9, 40, 5000} {
				wantLeaders(t, fmt.Sprintf("leaders of nothing but %v", v), slices.Repeat([]float32{v}, n))
			}
		}
		for n := 4090; n < 13000; n += 1011 {
			for seed := range 20 {
				x := values(random(seed), n)
				wantLeaders(t, "leaders of blocks", x)
				x[seed*n/20] = 2
				x[(seed*31+n)%n] = 2
				wantLeaders(t, "equal leaders of blocks", x)
			}
		}
	})
}

// A NaN anywhere leaves an index, so that the caller can go on to find it.
func TestLeadersOfNaN(t *testing.T) {
	nan := float32(math.NaN())
	eachTier(t, func(t *testing.T, tier *tier) {
		useTier(t, tier)
		for n := 1; n < 70; n++ {
			x := slices.Repeat([]float32{nan}, n)
			if best, _ := Leaders(x); best < 0 || best >= n {
				t.Fatalf("best of %d NaN is %d", n, best)
			}
			for at := range n {
				x = values(random(n), n)
				x[at] = nan
				if best, _ := Leaders(x); best < 0 || best >= n {
					t.Fatalf("best of %d with a NaN at %d is %d", n, at, best)
				}
			}
		}
	})
}

func TestLogSumExp(t *testing.T) {
	eachTier(t, func(t *testing.T, tier *tier) {
		useTier(t, tier)
		for _, n := range append([]int{4095, 4096, 4097, 20000}, lengths...) {
			x := newGuard("x", n%5, values(random(n), n))
			for i := range x.x {
				x.x[i] = x.x[i]*30 + 100
			}
			largest := slices.Max(x.x)
			var sum float64
			for _, v := range x.x {
				sum += math.Exp(float64(v - largest))
			}
			got := LogSumExp(x.x, largest)
			// A relative error of the sum is an absolute one of its logarithm.
			bound := 0x1p-21 + float64(min(n, 4096))*0x1p-23 + math.Abs(math.Log(sum))*0x1p-23
			near(t, fmt.Sprintf("LogSumExp of %d", n), got, math.Log(sum), bound)
			dst := make([]float32, n)
			if stored := ExpSum(dst, x.x, largest); float32(math.Log(float64(stored))) != got {
				t.Fatalf("LogSumExp of %d is %v, ExpSum's sum %v", n, got, stored)
			}
			x.check(t)
		}
	})
}

func TestLogSumExpEnds(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	eachTier(t, func(t *testing.T, tier *tier) {
		useTier(t, tier)
		if got := LogSumExp(nil, 0); got != -inf {
			t.Errorf("nothing: %v, want -Inf", got)
		}
		if got := LogSumExp(slices.Repeat([]float32{-inf}, 21), 5); got != -inf {
			t.Errorf("nothing that counts: %v, want -Inf", got)
		}
		if got := LogSumExp(slices.Repeat([]float32{-inf}, 21), -inf); got == got {
			t.Errorf("-Inf from -Inf: %v, want NaN", got)
		}
		for at := range 40 {
			x := make([]float32, 40)
			x[at] = nan
			if got := LogSumExp(x, 0); got == got {
				t.Errorf("NaN at %d: %v, want NaN", at, got)
			}
			if x[at] = inf; LogSumExp(x, 0) != inf {
				t.Errorf("+Inf at %d: %v, want +Inf", at, LogSumExp(x, 0))
			}
		}
	})
}

// A long sum must not lose its small parts: one of 1 and a quarter million of 2^-25.
func TestExpSumOfLongTail(t *testing.T) {
	eachTier(t, func(t *testing.T, tier *tier) {
		useTier(t, tier)
		x := slices.Repeat([]float32{-25 * math.Ln2}, 1<<18)
		x[12345] = 0
		want := 1 + float64(len(x)-1)*math.Exp(float64(x[0]))
		near(t, "the sum", ExpSum(make([]float32, len(x)), x, 0), want, want*0x1p-11)
	})
}

func TestAtLeast(t *testing.T) {
	const rest = 0x5555555555555555
	nan := float32(math.NaN())
	eachTier(t, func(t *testing.T, tier *tier) {
		useTier(t, tier)
		eachVector(t, func(t *testing.T, x, _ []float32) {
			x[len(x)/2] = nan
			x[len(x)/3] = 0.25
			words := (len(x) + 63) / 64
			bits := slices.Repeat([]uint64{rest}, words+1)
			AtLeast(bits, x, 0.25)
			for i := range 64 * words {
				if got, want := bits[i/64]>>(i%64)&1 == 1, i < len(x) && x[i] >= 0.25; got != want {
					t.Fatalf("bit %d of %d values is %v, want %v", i, len(x), got, want)
				}
			}
			if bits[words] != rest {
				t.Fatalf("AtLeast of %d values wrote beyond its %d words", len(x), words)
			}
			if AtLeast(bits, x, nan); slices.Max(bits[:words]) != 0 {
				t.Fatalf("bits for values of at least NaN")
			}
		})
		AtLeast(nil, nil, 0)
	})
}

func TestAtLeastChecksItsRoom(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic for 65 values and a single word")
		}
	}()
	AtLeast(make([]uint64, 1), make([]float32, 65), 0)
}

func FuzzLeaders(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 200, 7, 7}, uint16(9))
	f.Add([]byte{128}, uint16(5000))
	f.Fuzz(func(t *testing.T, bits []byte, length uint16) {
		if len(bits) == 0 || length == 0 {
			return
		}
		x := make([]float32, length)
		for i := range x {
			x[i] = float32(int8(bits[i%len(bits)])) / 8
			if x[i] == -16 {
				x[i] = float32(math.Inf(-1))
			}
		}
		for _, tier := range tiers() {
			useTier(t, tier)
			wantLeaders(t, tier.name, x)
		}
	})
}

// BenchmarkVocabulary is what a sampler does with the logits of a token.
func BenchmarkVocabulary(b *testing.B) {
	const vocab = 152064
	x, dst, bits := values(random(1), vocab), make([]float32, vocab), make([]uint64, vocab/64)
	for _, tier := range tiers() {
		run := func(name string, f func()) {
			b.Run(tier.name+"/"+name, func(b *testing.B) {
				old := active
				active = tier
				defer func() { active = old }()
				b.SetBytes(4 * vocab)
				for b.Loop() {
					f()
				}
			})
		}
		run("Leaders", func() { Leaders(x) })
		run("LogSumExp", func() { LogSumExp(x, 1) })
		run("ExpSum", func() { ExpSum(dst, x, 1) })
		run("AtLeast", func() { AtLeast(bits, x, 0.99) })
	}
}
