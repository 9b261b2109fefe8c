package kernel

import "golang.org/x/sys/cpu"

func native() []*tier {
	// NEON is part of every arm64 that Go runs on.
	ts := []*tier{neon()}
	if cpu.ARM64.HasASIMDDP {
		ts = append(ts, neonDotProd())
	}
	return ts
}

func neon() *tier {
	t := generic()
	t.name = "neon"
	t.tileRows, t.tileCols, t.tile = 8, 8, tileNEON
	t.dot, t.axpy, t.mulAll, t.largest = dotVector, axpyVector, mulAllVector, largestVector
	t.expSum, t.swiglu = expSumVector, swigluVector
	t.dotF16, t.dotF32 = dotF16Vector, dotF32Vector
	return t
}

func neonDotProd() *tier {
	t := neon()
	t.name = "neon+dotprod"
	return t
}
