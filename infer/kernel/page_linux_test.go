package kernel

import (
	"os"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// beforePageEnd copies b so that it ends where readable memory does, as the
// last tensor of a mapped file may: a kernel that reads one byte more crashes.
func beforePageEnd(t *testing.T, b []byte) []byte {
	t.Helper()
	page := os.Getpagesize()
	size := roundUp(len(b), page)
	room, err := unix.Mmap(-1, 0, size+page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatalf("mmap of %d bytes: %v", size+page, err)
	}
	t.Cleanup(func() {
		if err := unix.Munmap(room); err != nil {
			t.Errorf("munmap: %v", err)
		}
	})
	if err := unix.Mprotect(room[size:], unix.PROT_NONE); err != nil {
		t.Fatalf("mprotect: %v", err)
	}
	end := room[size-len(b) : size : size]
	copy(end, b)
	return end
}

func floatsBeforePageEnd(t *testing.T, x []float32) []float32 {
	b := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), 4*len(x))
	end := beforePageEnd(t, b)
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(end))), len(x))
}

func TestMatMulReadsNothingBeyondEnd(t *testing.T) {
	eachTier(t, func(t *testing.T, tier *tier) {
		useTier(t, tier)
		for _, kind := range panelTypes {
			for blocks := 1; blocks < 4; blocks++ {
				r := random(blocks)
				rows, cols := 2*tier.lanes+3, blocks*kind.BlockSize()
				for _, rows := range []int{rows, 2 * tier.lanes} {
					w := randomWeights(r, kind, rows, cols)
					w.Data = beforePageEnd(t, w.Data)
					var a Activations
					a.Set(floatsBeforePageEnd(t, values(r, 3*cols)), 3, cols)
					MatMul(nil, &a, Product{w, floatsBeforePageEnd(t, make([]float32, 3*rows))})
				}
			}
		}
	})
}

func TestMatMulDenseReadsNothingBeyondEnd(t *testing.T) {
	eachTier(t, func(t *testing.T, tier *tier) {
		useTier(t, tier)
		for _, kind := range denseTypes {
			for _, cols := range []int{1, 15, 16, 17, 40, denseCols + 3} {
				for _, rows := range []int{1, denseRows, denseRows + 3} {
					for n := 1; n < 9; n += 1 + n%3 {
						r := random(cols, rows, n)
						w, _ := denseWeights(r, kind, rows, cols)
						w.Data = beforePageEnd(t, w.Data)
						var a Activations
						a.Set(floatsBeforePageEnd(t, values(r, n*cols)), n, cols)
						MatMul(nil, &a, Product{w, floatsBeforePageEnd(t, make([]float32, n*rows))})
					}
				}
			}
		}
	})
}

func TestVectorsReadNothingBeyondEnd(t *testing.T) {
	eachTier(t, func(t *testing.T, tier *tier) {
		for _, n := range lengths {
			r := random(n)
			x, y := floatsBeforePageEnd(t, values(r, n)), floatsBeforePageEnd(t, values(r, n))
			tier.dot(x, y)
			tier.axpy(1, x, y)
			tier.mulAll(y, x, x, 1)
			tier.scale(2, x)
			tier.largest(x)
			tier.topTwo(x)
			tier.expTotal(x, 1)
			tier.atLeast(make([]uint64, n/64+1), x, 0)
			tier.expSum(y, x, 1)
			tier.swiglu(y, x, x)
		}
	})
}

func halvesBeforePageEnd(t *testing.T, n int) []uint16 {
	return unsafe.Slice((*uint16)(unsafe.Pointer(unsafe.SliceData(beforePageEnd(t, make([]byte, 2*n))))), n)
}

func TestAttentionReadsNothingBeyondEnd(t *testing.T) {
	eachTier(t, func(t *testing.T, tier *tier) {
		useTier(t, tier)
		for _, headDim := range headDims {
			for _, n := range []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 14, 16} {
				dst := floatsBeforePageEnd(t, make([]float32, n*max(headDim, PageTokens)))
				scores, mixed := dst[len(dst)-n*PageTokens:], dst[len(dst)-n*headDim:]
				queries := floatsBeforePageEnd(t, make([]float32, n*headDim))
				page, floats := halvesBeforePageEnd(t, headDim*PageTokens), floatsBeforePageEnd(t, make([]float32, headDim*PageTokens))
				Scores(scores, PageTokens, queries, headDim, n, inPages(page, len(page)), headDim)
				ScoresF32(scores, PageTokens, queries, headDim, n, inPages(floats, len(floats)), headDim)
				SoftmaxStep(scores, PageTokens, n, PageTokens, make([]float32, n), make([]float32, n), make([]float32, n))
				for _, tokens := range []int{PageTokens, n} {
					weights := floatsBeforePageEnd(t, make([]float32, n*tokens))
					Mix(mixed, headDim, weights, tokens, n, inPages(page[len(page)-tokens*headDim:], len(page)), tokens, headDim)
					MixF32(mixed, headDim, weights, tokens, n, inPages(floats[len(floats)-tokens*headDim:], len(floats)), tokens, headDim)
				}
				PutKey(page, PageTokens-1, queries[:headDim])
				PutValue(page, PageTokens-1, queries[(n-1)*headDim:])
				turns := floatsBeforePageEnd(t, make([]float32, headDim&^1))
				Rotate(queries, turns, headDim)
				RotateHalves(queries, turns, headDim)
			}
		}
	})
}

func TestGemmReadsNothingBeyondEnd(t *testing.T) {
	eachTier(t, func(t *testing.T, tier *tier) {
		useTier(t, tier)
		r := random(1)
		const m, n, k = 17, 35, 19
		a, b, c := values(r, m*k), values(r, k*n), values(r, m*n)
		a, b, c = floatsBeforePageEnd(t, a), floatsBeforePageEnd(t, b), floatsBeforePageEnd(t, c)
		for mode := range 4 {
			transA, transB := mode&1 != 0, mode&2 != 0
			lda, ldb := k, n
			if transA {
				lda = m
			}
			if transB {
				ldb = k
			}
			Gemm(transA, transB, m, n, k, a, lda, b, ldb, c, n, false)
		}
	})
}
