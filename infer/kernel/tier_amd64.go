package kernel

import "golang.org/x/sys/cpu"

func native() []*tier {
	var ts []*tier
	if !cpu.X86.HasAVX2 || !cpu.X86.HasFMA || !cpu.X86.HasF16C {
		return nil
	}
	ts = append(ts, avx2())
	if cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512VL && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512VNNI {
		ts = append(ts, avx512())
	}
	return ts
}

func avx2() *tier {
	t := generic()
	t.name = "avx2"
	t.tileRows, t.tileCols, t.tile = 6, 16, tileAVX2
	t.transpose8 = transpose8
	t.dot, t.axpy, t.mulAll, t.largest = dotVector, axpyVector, mulAllVector, largestVector
	t.expSum, t.swiglu, t.scale = expSumVector, swigluVector, scaleVector
	t.rotate, t.rotateHalves = rotateVector, rotateHalvesVector
	t.dotF16, t.dotF32 = dotF16Vector, dotF32Vector
	t.scores, t.scoresF32, t.mix, t.mixF32 = scoresVector, scoresF32Vector, mixVector, mixF32Vector
	t.narrow, t.putKey = narrowVector, putKeyVector
	t.quantize, t.q8Rows, t.q8Rows4 = quantizeVector, q8RowsVector, q8Rows4Vector
	return t
}

// avx512 differs from avx2 where wider registers or VNNI gain something; the
// rest runs at the speed of memory already.
func avx512() *tier {
	t := avx2()
	t.name = "avx512vnni"
	t.tileRows, t.tileCols, t.tile = 8, 32, tileAVX512
	t.scores, t.scoresF32, t.mix, t.mixF32 = scoresAVX512, scoresF32AVX512, mixAVX512, mixF32AVX512
	t.q8Rows, t.q8Rows4 = q8RowsVNNI, q8Rows4VNNI
	return t
}
