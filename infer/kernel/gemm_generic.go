package kernel

import "unsafe"

// tileGeneric computes C (+)= A*B for one tile of tileRows x tileCols. A is
// packed as k columns of tileRows values, B as k rows of tileCols values; C
// has rows ldc apart. Without add, C is written but never read.
func tileGeneric(k int, a, b, c *float32, ldc int, add bool) {
	const size = 4
	as := unsafe.Slice(a, k*size)
	bs := unsafe.Slice(b, k*size)
	cs := unsafe.Slice(c, (size-1)*ldc+size)
	var sum [size][size]float32
	for p := range k {
		x, y := as[p*size:][:size], bs[p*size:][:size]
		for i := range size {
			for j := range size {
				sum[i][j] += x[i] * y[j]
			}
		}
	}
	for i := range size {
		for j := range size {
			if add {
				sum[i][j] += cs[i*ldc+j]
			}
			cs[i*ldc+j] = sum[i][j]
		}
	}
}

// transpose8Generic sets dst[p*stride+r] = src[r*ld+p] for r < 8 and p < n.
func transpose8Generic(dst *float32, stride int, src *float32, ld, n int) {
	if n == 0 {
		return
	}
	d := unsafe.Slice(dst, (n-1)*stride+8)
	s := unsafe.Slice(src, 7*ld+n)
	for r := range 8 {
		for p, x := range s[r*ld:][:n] {
			d[p*stride+r] = x
		}
	}
}
