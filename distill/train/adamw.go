package train

import (
	"math"

	"github.com/a472be26/cusp/infer/kernel"
)

// adamw is Adam with decoupled weight decay (Loshchilov and Hutter, arXiv 1711.05101).
type adamw struct {
	mean, square []float32 // [parameters]: running means of the gradient and of its square
	decayed      int       // the first so many parameters decay
	partial      []float64 // sums of one norm computation
}

// flatGrain is the number of parameters that one worker takes at a time.
const flatGrain = 1 << 14

func newAdamW(parameters, decayed int) *adamw {
	return &adamw{mean: make([]float32, parameters), square: make([]float32, parameters), decayed: decayed}
}

// step moves value against the gradient times scale. number counts from 1.
func (a *adamw) step(w workers, o Options, number int, rate, scale float64, value, grad []float32) {
	b1, b2, s := float32(o.Beta1), float32(o.Beta2), float32(scale)
	// The corrections for the means' zero start are folded into the rate and the root's factor.
	size := float32(rate / (1 - math.Pow(o.Beta1, float64(number))))
	root := float32(1 / math.Sqrt(1-math.Pow(o.Beta2, float64(number))))
	eps := float32(o.Eps)
	w.run(len(value), flatGrain, func(lo, hi int) {
		mean, square, v, g := a.mean[lo:hi], a.square[lo:hi], value[lo:hi], grad[lo:hi]
		mean, square, g = mean[:len(v)], square[:len(v)], g[:len(v)]
		shrink := 1 - float32(rate*o.WeightDecay)
		for i := range v {
			if lo+i == a.decayed || i == 0 && lo >= a.decayed {
				shrink = 1
			}
			d := g[i] * s
			m := b1*mean[i] + (1-b1)*d
			q := b2*square[i] + (1-b2)*d*d
			mean[i], square[i] = m, q
			v[i] = v[i]*shrink - size*m/(float32(math.Sqrt(float64(q)))*root+eps)
		}
	})
}

// norm is the Euclidean norm of the whole gradient.
func (a *adamw) norm(w workers, grad []float32) float64 {
	a.partial = sized(a.partial, (len(grad)+flatGrain-1)/flatGrain)
	w.run(len(grad), flatGrain, func(lo, hi int) {
		var sum float64
		for at := lo; at < hi; at += 1024 {
			part := grad[at:min(hi, at+1024)]
			sum += float64(kernel.Dot(part, part))
		}
		a.partial[lo/flatGrain] = sum
	})
	var sum float64
	for _, p := range a.partial {
		sum += p
	}
	return math.Sqrt(sum)
}

// clipScale is the factor that brings a gradient of the given norm down to the limit; a limit of 0 is none.
func clipScale(norm, limit float64) float64 {
	if limit == 0 || norm <= limit {
		return 1
	}
	return limit / norm
}
