package train

import "fmt"

// Options are the choices of one training run. Start from Defaults: where a field's zero has a meaning it switches
// the feature off, elsewhere zero is an error.
type Options struct {
	Steps       int // optimizer steps of the whole run, resumed parts included
	BatchTokens int // tokens per step; examples are packed back to back up to this many

	LR          float64 // peak learning rate
	MinLR       float64 // learning rate at the last step
	WarmupSteps int     // steps of linear rise to LR
	Beta1       float64 // decay of the gradient's running mean
	Beta2       float64 // decay of the gradient's running square
	Eps         float64 // added to the root of the running square
	WeightDecay float64 // decoupled decay of matrices (norm weights have none); 0: off
	Clip        float64 // largest global gradient norm; 0: off
	EMA         float64 // decay of the averaged weights that Run returns; 0: off, the last weights are returned

	KLWeight    float64 // share of the teacher's KL term where a position has candidates, 0 to 1 exclusive
	Temperature float64 // of both distributions in the KL term
	Smoothing   float64 // label smoothing of the cross-entropy; 0: off
	Dropout     float64 // of both residual branches of a block; 0: off

	Start *Weights `json:"-"` // to go on from, of the run's shape; nil: random ones

	Seed    uint64 // of the initial weights, the data order and the dropout masks
	Mixed   bool   // round the operands of the large products to bfloat16 where the processor multiplies those faster
	Threads int    // goroutines for the element-wise parts; 0: one per core. Results do not depend on it.

	Checkpoint      string // file to resume from and to save to; empty: none. The history lies beside it, see HistoryPath
	CheckpointEvery int    // steps between saves; 0: only at the end and when the context ends

	Valid      Dataset `json:"-"` // scored every ValidEvery steps with the weights that Run would return; nil: none
	ValidEvery int
}

// Defaults are the settings that suited models of 3 to 15 million parameters on sequences of 20 to 45 tokens.
func Defaults() Options {
	return Options{
		Steps: 1000, BatchTokens: 4096,
		LR: 2e-3, MinLR: 1e-4, WarmupSteps: 100, Beta1: 0.9, Beta2: 0.98, Eps: 1e-8,
		WeightDecay: 0.05, Clip: 1, EMA: 0.995,
		KLWeight: 0.5, Temperature: 2,
		Mixed: true, CheckpointEvery: 200,
	}
}

// identity keeps what decides the numbers of a run, so that a checkpoint can tell whether it belongs to one.
func (o Options) identity() Options {
	o.Threads, o.Checkpoint, o.CheckpointEvery, o.Valid, o.ValidEvery, o.Start = 0, "", 0, nil, 0, nil
	return o
}

// Validate reports the first setting that no run can use.
func (o Options) Validate() error {
	for _, f := range []struct {
		name     string
		value    float64
		min, max float64 // inclusive
	}{
		{"Steps", float64(o.Steps), 1, 1e9}, {"BatchTokens", float64(o.BatchTokens), 1, 1 << 20},
		{"LR", o.LR, 1e-12, 1}, {"MinLR", o.MinLR, 0, o.LR}, {"WarmupSteps", float64(o.WarmupSteps), 0, 1e9},
		{"Beta1", o.Beta1, 0, 0.9999999}, {"Beta2", o.Beta2, 0, 0.9999999}, {"Eps", o.Eps, 1e-30, 1},
		{"WeightDecay", o.WeightDecay, 0, 10}, {"Clip", o.Clip, 0, 1e9}, {"EMA", o.EMA, 0, 0.9999999},
		{"KLWeight", o.KLWeight, 0, 0.9999999}, {"Temperature", o.Temperature, 0.01, 100},
		{"Smoothing", o.Smoothing, 0, 0.99}, {"Dropout", o.Dropout, 0, 0.95},
		{"Threads", float64(o.Threads), 0, 1024}, {"CheckpointEvery", float64(o.CheckpointEvery), 0, 1e9},
		{"ValidEvery", float64(o.ValidEvery), 0, 1e9},
	} {
		if !(f.value >= f.min && f.value <= f.max) {
			return fmt.Errorf("train options: %s is %v, must be between %v and %v (see train.Defaults)", f.name, f.value, f.min, f.max)
		}
	}
	return nil
}

// checkStart reports whether the weights to start from have the run's shape.
func (o Options) checkStart(c Config) error {
	if o.Start == nil {
		return nil
	}
	start := o.Start.Config
	start.Context = c.Context // a limit on sequences, not a shape
	if start != c {
		return fmt.Errorf("train options: the weights to start from have the shape %+v, the run %+v", start, c)
	}
	return nil
}
