package train

import "time"

// Step reports one optimizer step.
type Step struct {
	Step, Steps     int           // 1-based number of this step, and of how many
	Loss            float64       // weighted mean of what was minimized
	CE, KL          float64       // weighted means of the two parts, before their shares: nats, and T²-scaled nats
	Accuracy        float64       // share of loss positions whose best token was the target, before this step's update
	GradNorm        float64       // global, before clipping
	LR              float64       // of this step
	Tokens          int64         // tokens read since the first step, resumed parts included
	TokensPerSecond float64       // of this step alone
	Elapsed         time.Duration // computing time of all steps, resumed parts included
	Valid           *Score        // of Options.Valid, at the steps that score it
}

// Score is how a model does on examples when it is fed the right previous tokens. Exact equals the share of examples
// that greedy decoding would answer exactly.
type Score struct {
	Loss     float64 // weighted mean cross-entropy, nats
	Accuracy float64 // share of loss positions predicted right
	Exact    float64 // share of examples with every loss position right
	Examples int
}
