package kernel

import "unsafe"

// tileAVX512 is tileGeneric for 8 x 32.
//
//go:noescape
func tileAVX512(k int, a, b, c *float32, ldc int, add bool)

// tileAVX2 is tileGeneric for 6 x 16.
//
//go:noescape
func tileAVX2(k int, a, b, c *float32, ldc int, add bool)

// transpose8AVX is transpose8Generic for n a positive multiple of 8.
//
//go:noescape
func transpose8AVX(dst *float32, stride int, src *float32, ld, n int)

func transpose8(dst *float32, stride int, src *float32, ld, n int) {
	whole := n &^ 7
	if whole > 0 {
		transpose8AVX(dst, stride, src, ld, whole)
	}
	if whole < n {
		rest := (*float32)(unsafe.Add(unsafe.Pointer(dst), 4*whole*stride))
		transpose8Generic(rest, stride, (*float32)(unsafe.Add(unsafe.Pointer(src), 4*whole)), ld, n-whole)
	}
}
