package train

// average is an exponential moving average of the weights, which generalizes better than the last weights and costs one
// pass per step. Early steps weigh more, so that the random start is soon forgotten.
type average struct {
	decay float64
	value []float32 // [parameters]
}

// step moves the average towards the weights; number counts from 1.
func (a *average) step(w workers, number int, value []float32) {
	decay := min(a.decay, float64(number)/float64(number+9))
	pull := float32(1 - decay)
	w.run(len(value), flatGrain, func(lo, hi int) {
		avg, v := a.value[lo:hi], value[lo:hi]
		v = v[:len(avg)]
		for i := range avg {
			avg[i] += pull * (v[i] - avg[i])
		}
	})
}
