package kernel

import (
	"math/bits"

	"github.com/a472be26/cusp/infer/quant"
)

// job is one MatMul, cut into ranges of panels. Jobs are used again and hold
// what a closure would capture, so that a product does not allocate.
type job struct {
	x        *Activations
	products []factor
	panels   int // of all products
	bytes    int // of all weights

	gated gated // what else a MatMulGated needs

	units, threads, parts int            // of the work at hand; see spread
	part, gatePart        func(part int) // runPart and runGatePart, bound once
}

// factor is a product and what its weights' type asks for.
type factor struct {
	W       *Weights
	dst     []float32 // [n][W.Rows]
	group   int       // columns with the same scale
	groups  int       // of a step
	mins    bool
	dense   []denseFunc  // tiles of 1, 2, ... vectors; nil if quantized
	pack    packFunc     // nil: packAny
	single  singleFunc   // nil: pack and a tile
	streams []streamFunc // by tile size; the others take panels
	turned  *[len(turnedWidths)]turnedFunc
	stride  int  // bytes of a row
	short   int  // steps of a short chunk
	shift   uint // of a number of steps to one of blocks in the file
	bytes   int  // of a block in the file
	tiles   *[len(tileSizes)]tileFunc
	span    spanFunc
	batch   batchFunc // nil: tiles of 16 are treated as all others
}

func newFactor(w *Weights) factor {
	f := factor{W: w, dense: active.dense[w.Kind], stride: w.rowBytes()}
	f.bytes = w.Kind.BlockBytes()
	if f.dense == nil {
		f.group, f.mins, _ = w.Kind.Groups()
		f.groups, f.shift = stepCols/f.group, uint(bits.TrailingZeros(uint(w.Kind.BlockSize()/stepCols)))
		f.pack, f.short = active.pack[w.Kind], shortChunk(w)
		f.tiles, f.span = active.products(w.Kind)
		if f.group == stepCols {
			f.batch = active.batch32
		}
		f.single, f.streams, f.turned = active.single[w.Kind], active.streams[w.Kind], &active.turned[w.Kind]
	}
	return f
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
		j.part, j.gatePart = j.runPart, j.runGatePart
		return j
	}
}

// give drops what belongs to the caller and keeps the job.
func (j *job) give() {
	clear(j.products)
	*j = job{part: j.part, gatePart: j.gatePart, products: j.products[:0]}
	select {
	case jobs <- j:
	default:
	}
}

// Work on fewer bytes than this takes less time than to hand it out.
const parallelBytes = 32 << 10

// run does all panels on p.
func (j *job) run(p *Pool) { j.spread(p, j.panels, j.part) }

// rounds is how many parts there are for each thread.
const rounds = 6

// spread cuts units of work into parts and does them.
func (j *job) spread(p *Pool, units int, part func(int)) {
	j.units, j.threads = units, p.Threads()
	j.parts = max(1, min(units, rounds*j.threads, j.bytes*j.x.n/parallelBytes))
	if j.threads == 1 {
		j.parts = 1
	}
	p.Run(j.parts, part)
}

// cut is where a part begins. A round of parts, one for each thread, takes half of
// what is left, and the last round all of it: a thread that loses its core for a
// moment, or has a slow one, holds up little in the end, and yet there are few
// parts, each of which begins with rows that nobody has called in.
func (j *job) cut(part int) int {
	if j.parts < rounds*j.threads {
		return j.units * part / j.parts
	}
	const whole = 1 << (rounds - 1)
	left := whole >> (part / j.threads)
	done, size := whole-left, left-left/2
	return j.units * (done*j.threads + size*(part%j.threads)) / (whole * j.threads)
}

// packTypes bounds the types that a tier's pack table has.
const packTypes = quant.MXFP4 + 1
