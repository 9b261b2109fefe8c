package train

// batch is a run of examples packed back to back, without padding. Only the tokens that a loss depends on are in it.
type batch struct {
	tokens    []int32 // [n]
	positions []int32 // [n]: place of each token in its example
	starts    []int32 // [examples+1]: example e is tokens starts[e] to starts[e+1]

	rows    []int32   // [r]: ascending places in tokens that carry loss
	targets []int32   // [r]: token to predict there
	weights []float32 // [r]
	soft    [][]TopK  // [r]: the teacher's candidates, nil for none
}

// reset empties the batch and keeps its memory.
func (b *batch) reset() {
	b.tokens, b.positions, b.starts = b.tokens[:0], b.positions[:0], append(b.starts[:0], 0)
	b.rows, b.targets, b.weights, b.soft = b.rows[:0], b.targets[:0], b.weights[:0], b.soft[:0]
}

// add packs one more checked example; one without loss adds nothing.
func (b *batch) add(e Example) {
	first, used := int32(len(b.tokens)), e.used()
	if used == 0 {
		return
	}
	for i := range used {
		b.positions = append(b.positions, int32(i))
		if e.Loss[i] == 0 {
			continue
		}
		b.rows = append(b.rows, first+int32(i))
		b.targets = append(b.targets, e.Tokens[i+1])
		b.weights = append(b.weights, e.Loss[i])
		var soft []TopK
		if e.Soft != nil {
			soft = e.Soft[i]
		}
		b.soft = append(b.soft, soft)
	}
	b.tokens = append(b.tokens, e.Tokens[:used]...)
	b.starts = append(b.starts, int32(len(b.tokens)))
}

// totalWeight is the sum of the loss weights.
func (b *batch) totalWeight() float64 {
	var sum float64
	for _, w := range b.weights {
		sum += float64(w)
	}
	return sum
}
