package kernel

// job is one product, cut into ranges of rows. Jobs are used again and hold
// what a closure would capture, so that a product does not allocate.
type job struct {
	dst  []float32
	w    []byte
	size int // bytes of a row
	rows int

	// Products of dense rows.
	dot  func([]byte, []float32) float32
	cols int
	xs   [][]float32
	one  [1][]float32 // what xs is for a single vector

	// Products of Q8_0 rows.
	q8 []*Q8
	q1 [1]*Q8

	parts    int
	rowRange func(j *job, from, to int)
	part     func(part int) // runPart, bound once
}

// jobs keeps those that nobody uses: enough for the products that run at the
// same time. Unlike a sync.Pool it never forgets one, so the count of
// allocations is the same in every run.
var jobs = make(chan *job, 64)

func takeJob() *job {
	select {
	case j := <-jobs:
		return j
	default:
		j := &job{}
		j.part = j.runPart
		return j
	}
}

// give drops what belongs to the caller and keeps the job.
func (j *job) give() {
	*j = job{part: j.part}
	select {
	case jobs <- j:
	default:
	}
}

// Work on fewer bytes than this takes less time than to hand it out.
const parallelBytes = 32 << 10

// run splits the rows into ranges, work bytes in all, runs them on p, and gives
// the job back. There are some more ranges than threads, so that a thread that
// loses its core for a moment holds up only its last one.
func (j *job) run(p *Pool, work int, rowRange func(j *job, from, to int)) {
	j.rowRange = rowRange
	j.parts = min(j.rows, 4*p.Threads(), work/parallelBytes)
	if p.Threads() == 1 || j.parts < 2 {
		rowRange(j, 0, j.rows)
	} else {
		p.Run(j.parts, j.part)
	}
	j.give()
}

func (j *job) runPart(part int) {
	j.rowRange(j, j.rows*part/j.parts, j.rows*(part+1)/j.parts)
}
