package jinja

import (
	"fmt"
	"time"
)

// Bounds on a template and one rendering of it. The largest published templates
// have about 20 kB and take some ten thousand steps for a long conversation.
const (
	MaxSource  = 128 << 10 // bytes of a template
	MaxOutput  = 8 << 20   // bytes of a rendering, and of any text within it
	MaxMemory  = 128 << 20 // bytes of all values that a rendering makes, together
	MaxSteps   = 10 << 20  // evaluated nodes and handled values; long texts count by length
	MaxTime    = 10 * time.Second
	MaxRange   = 100_000 // numbers in a range, as in Jinja's sandbox
	MaxNesting = 100     // of values within values
	// maxBrackets is how deep the source nests, maxDepth how deep an evaluation
	// does, calls of macros included: Go's stack, which no recover gives back
	// when it is full, is far larger.
	maxBrackets = 200
	maxDepth    = 2000
)

// bytesPerStep is how many bytes of a text an operation may look at for one step.
const bytesPerStep = 64

// Sizes that count against MaxMemory: of a value in a list, of an entry of a
// dictionary with its place in the index, of a text without its bytes.
const (
	slotBytes  = 16
	entryBytes = 96
	textBytes  = 64
)

// failure carries an error up to Render.
type failure struct{ error }

// fail ends the rendering. The package's functions return no errors: nothing
// in a template can catch one.
func fail(format string, args ...any) { panic(failure{fmt.Errorf(format, args...)}) }

// run is one rendering.
type run struct {
	out      *builder
	filters  map[string]filterFunc
	tests    map[string]check
	now      func() time.Time
	limit    time.Duration
	deadline time.Time
	steps    int // left
	memory   int // bytes left
	depth    int
	line     int // of the statement under way
}

func newRun(o Options) *run {
	r := &run{filters: filters, tests: tests, now: o.Now, limit: MaxTime, steps: MaxSteps, memory: MaxMemory}
	if o.Limit > 0 {
		r.limit = o.Limit
	}
	if r.now == nil {
		r.now = time.Now
	}
	r.deadline = time.Now().Add(r.limit)
	r.out = &builder{r: r}
	return r
}

// step counts n steps.
func (r *run) step(n int) {
	before := r.steps
	if r.steps -= n; r.steps < 0 {
		fail("the template takes more than %d steps", MaxSteps)
	}
	if before>>10 != r.steps>>10 && time.Now().After(r.deadline) {
		fail("the template takes longer than %v", r.limit)
	}
}

// scan counts an operation that looks at n bytes.
func (r *run) scan(n int) { r.step(1 + n/bytesPerStep) }

// alloc pays for n bytes that are about to be allocated.
func (r *run) alloc(n int) {
	if n < 0 || n > r.memory {
		fail("the template's values take more than %d bytes", MaxMemory)
	}
	r.memory -= n
}

// slots pays for n values of a list.
func (r *run) slots(n int) {
	if n < 0 || n > MaxMemory/slotBytes {
		fail("the template's values take more than %d bytes", MaxMemory)
	}
	r.step(n)
	r.alloc(n * slotBytes)
}

func (r *run) enter() {
	if r.depth++; r.depth > maxDepth {
		fail("the template nests or calls itself deeper than %d", maxDepth)
	}
	r.step(1)
}

func (r *run) leave() { r.depth-- }

// nest checks the depth of a value within values.
func nest(depth int) {
	if depth > MaxNesting {
		fail("a value nests deeper than %d", MaxNesting)
	}
}
