package bench

import (
	"runtime"
	"sync"
	"time"

	"github.com/a472be26/cusp/infer/kernel"
	"github.com/a472be26/cusp/infer/quant"
)

// probe sizes the measurement of the machine.
type probe struct {
	buffer int64         // bytes that are read
	window time.Duration // that every limit is measured for
}

// completed fills in the usual sizes: a buffer that no cache keeps, at most an
// eighth of the free memory, and about as long as a repeat of the engine.
func (p probe) completed(cache int64) probe {
	if p.buffer == 0 {
		p.buffer = max(4*cache, 64<<20)
		if free := freeMemory(); free > 0 {
			p.buffer = min(p.buffer, free/8)
		}
	}
	if p.window == 0 {
		p.window = 200 * time.Millisecond
	}
	return p
}

// limits measures what the machine can do at most.
type limits struct {
	probe  probe
	buffer []float32
	peak   peak
}

func newLimits(p probe, kind quant.Type, cache int64) *limits {
	l := &limits{probe: p.completed(cache), peak: peakFor(kind)}
	l.buffer = make([]float32, l.probe.buffer/4)
	for i := range l.buffer { // a page that was never written is read from a cache
		l.buffer[i] = 1
	}
	return l
}

func (l *limits) describe() Limits {
	return Limits{
		Read:    "sum over float32 values beyond the caches (kernel.Dot of a slice with itself), each thread its own part, at 1, 4, 8 or 16 places at a time, whichever is fastest",
		Compute: l.peak.what,
	}
}

// ceilings are what the place of the measurements can do at most.
type ceilings interface {
	describe() Limits
	read(threads int) (Spread, error)     // GB per second
	multiply(threads int) (Spread, error) // 10^9 multiply-accumulates per second
}

var (
	_ ceilings = cpuLimits{}
	_ ceilings = gpuLimits{}
)

// cpuLimits measures without failing.
type cpuLimits struct{ *limits }

func (l cpuLimits) read(threads int) (Spread, error)     { return l.limits.read(threads), nil }
func (l cpuLimits) multiply(threads int) (Spread, error) { return l.limits.multiply(threads), nil }

func (b *bench) limits(cache int64) ceilings {
	if g := b.options.GPU; g != nil {
		_, _, bytes := b.work.most.Groups()
		return gpuLimits{g, bytes, b.options.probe.completed(cache).window}
	}
	return cpuLimits{newLimits(b.options.probe, b.work.most, cache)}
}

// read is the GB per second of all threads together, in the best of some ways:
// what a core gets from memory depends on how many places it reads at a time.
func (l *limits) read(threads int) (best Spread) {
	part := len(l.buffer) / threads
	for _, streams := range []int{1, 4, 8, 16} {
		s := l.sample(threads, float64(4*part*threads)/1e9, func(thread int) {
			sweep(l.buffer[thread*part:][:part], streams)
		})
		if s.Median > best.Median {
			best = s
		}
	}
	return best
}

// sweep reads x at some places in turn, 4 KB of all of them together.
func sweep(x []float32, streams int) {
	per, size := len(x)/streams, 1024/streams
	for from := 0; from < per; from += size {
		for s := range streams {
			piece := x[s*per+from : s*per+min(from+size, per)]
			kernel.Dot(piece, piece)
		}
	}
}

// multiply is the 10^9 multiply-accumulates per second of all threads together.
func (l *limits) multiply(threads int) Spread {
	loops := make([]func(rounds int), threads)
	for i := range loops {
		loops[i] = l.peak.loop()
	}
	rounds := 1 // under emulation even that takes long
	for l.once(1, func(int) { loops[0](rounds) }) < time.Millisecond {
		rounds *= 2
	}
	return l.sample(threads, float64(rounds)*float64(l.peak.macs)*float64(threads)/1e9, func(thread int) { loops[thread](rounds) })
}

// sample has all threads work until the window is over, five times at least,
// and returns units per second.
func (l *limits) sample(threads int, units float64, work func(thread int)) Spread {
	const least = 5
	runtime.GC()
	l.once(threads, work) // to wake everything up
	var figures []float64
	for end := time.Now().Add(l.probe.window); len(figures) < least || time.Now().Before(end); {
		figures = append(figures, units/l.once(threads, work).Seconds())
	}
	return spreadOf(figures)
}

func (l *limits) once(threads int, work func(thread int)) time.Duration {
	var others sync.WaitGroup
	start := time.Now()
	for thread := 1; thread < threads; thread++ {
		others.Go(func() { work(thread) })
	}
	work(0)
	others.Wait()
	return time.Since(start)
}

// peak is a loop of multiply-accumulates whose operands never leave the core.
type peak struct {
	what string
	macs int                     // of one round
	loop func() func(rounds int) // makes the loop of one thread
}

// peakFor is the limit of products with weights of that type, which the engine
// multiplies as bytes unless they are floats: the processor's own where this package has a loop for it, else the best that the
// engine's kernel reaches in the cache, and its name says so.
func peakFor(kind quant.Type) peak {
	_, _, bytes := kind.Groups()
	if p, ok := nativePeak(bytes); ok {
		return p
	}
	if bytes {
		return cachedQ8()
	}
	return cachedGemm()
}

// cachedQ8 multiplies 16 kB of weights with four vectors, again and again.
func cachedQ8() peak {
	const rows, cols, tokens = 32, 512, 4
	return peak{
		what: "the engine's Q8_0 product (kernel.MatMul) in the first-level cache; the peak of this CPU is not measured",
		macs: rows * cols * tokens,
		loop: func() func(int) {
			w := &kernel.Weights{Kind: quant.Q8_0, Rows: rows, Cols: cols, Data: make([]byte, rows*cols/32*34)}
			dst := make([]float32, rows*tokens)
			x := &kernel.Activations{}
			x.Set(make([]float32, tokens*cols), tokens, cols)
			return func(rounds int) {
				for range rounds {
					kernel.MatMul(nil, x, kernel.Product{W: w, Dst: dst})
				}
			}
		},
	}
}

// cachedGemm multiplies matrices small enough for one thread and the cache.
func cachedGemm() peak {
	const m, n, k = 64, 64, 120
	return peak{
		what: "the trainer's float32 product (kernel.Gemm) in the first-level cache; the peak of this CPU is not measured",
		macs: m * n * k,
		loop: func() func(int) {
			a, b, c := make([]float32, m*k), make([]float32, k*n), make([]float32, m*n)
			return func(rounds int) {
				for range rounds {
					kernel.Gemm(false, false, m, n, k, a, k, b, n, c, n, false)
				}
			}
		},
	}
}
