package kernel

import (
	"fmt"
	"runtime"
	"sync/atomic"
)

// Gemm computes C (+)= op(A) * op(B) on row-major matrices: op(A) is m x k,
// op(B) is k x n, C is m x n. With transA, A is stored as k x m; with transB, B
// is stored as n x k. lda, ldb and ldc are the row strides, in elements, of the
// matrices as stored. Without accumulate, C is overwritten and never read.
//
// Each element is a float32 sum in an order that depends only on the tier and
// k: its error is below (k+1) * 2^-23 * sum of all |a*b| and the old |C|, and
// the result does not depend on the number of threads. C must not overlap A or
// B.
func Gemm(transA, transB bool, m, n, k int, a []float32, lda int, b []float32, ldb int, c []float32, ldc int, accumulate bool) {
	if m <= 0 || n <= 0 {
		return
	}
	checkMatrix("c", c, m, n, ldc)
	if k <= 0 {
		if !accumulate {
			clearMatrix(c, m, n, ldc)
		}
		return
	}
	left := operand{a, lda, !transA}
	right := operand{b, ldb, transB}
	left.check("a", m, k)
	right.check("b", n, k)
	g := products.Get().(*product)
	g.tier, g.m, g.n, g.k = active, m, n, k
	g.a, g.b, g.c, g.ldc, g.accumulate = left, right, c, ldc, accumulate
	g.run(gemmPool(m * n * k))
	g.release()
}

// SetGemmThreads sets how many threads one large Gemm may use. The default is
// GOMAXPROCS at the first large product. Concurrent Gemms share the threads.
func SetGemmThreads(threads int) {
	old := gemmThreads.Swap(NewPool(max(threads, 1)))
	old.Close()
}

var gemmThreads atomic.Pointer[Pool]

// A product below gemmParallel multiplications is not worth waking a thread.
const gemmParallel = 1 << 19

func gemmPool(size int) *Pool {
	if size < gemmParallel {
		return nil
	}
	if p := gemmThreads.Load(); p != nil {
		return p
	}
	p := NewPool(runtime.GOMAXPROCS(0))
	if !gemmThreads.CompareAndSwap(nil, p) {
		p.Close()
	}
	return gemmThreads.Load()
}

// operand is a matrix seen as lines of length k: the rows of op(A) or the
// columns of op(B).
type operand struct {
	x     []float32
	ld    int
	along bool // a line is contiguous; otherwise its values lie ld apart
}

func (o operand) check(name string, lines, k int) {
	if o.along {
		checkMatrix(name, o.x, lines, k, o.ld)
	} else {
		checkMatrix(name, o.x, k, lines, o.ld)
	}
}

func checkMatrix(name string, x []float32, rows, cols, ld int) {
	if ld < cols || len(x) < (rows-1)*ld+cols {
		panic(fmt.Sprintf("kernel: matrix %s of %d x %d, stride %d, has %d values", name, rows, cols, ld, len(x)))
	}
}

func clearMatrix(c []float32, m, n, ldc int) {
	for i := range m {
		clear(c[i*ldc:][:n])
	}
}

func divUp(x, by int) int   { return (x + by - 1) / by }
func roundUp(x, to int) int { return divUp(x, to) * to }
