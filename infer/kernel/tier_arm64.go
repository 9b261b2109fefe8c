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
	t.expSum, t.swiglu, t.scale = expSumVector, swigluVector, scaleVector
	t.topTwo, t.atLeast, t.expTotal = topTwoVector, atLeastVector, expTotalVector
	t.rotate, t.rotateHalves = rotateVector, rotateHalvesVector
	t.dotF16, t.dotF32 = dotF16Vector, dotF32Vector
	t.scores, t.scoresF32, t.mix, t.mixF32 = scoresVector, scoresF32Vector, mixVector, mixF32Vector
	t.narrow, t.putKey = narrowVector, putKeyVector
	return t
}

func neonDotProd() *tier {
	t := neon()
	t.name = "neon+dotprod"
	return t
}
