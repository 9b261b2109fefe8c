package kernel

import (
	"golang.org/x/sys/cpu"

	"github.com/a472be26/cusp/infer/quant"
)

func native() []*tier {
	var ts []*tier
	if !cpu.X86.HasAVX2 || !cpu.X86.HasFMA || !cpu.X86.HasF16C {
		return nil
	}
	ts = append(ts, avx2())
	if cpu.X86.HasAVXVNNI {
		ts = append(ts, avxVNNI())
	}
	if cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512VL && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512VNNI {
		ts = append(ts, avx512())
		if cpu.X86.HasAMXTile && cpu.X86.HasAMXInt8 && allowAMX() {
			ts = append(ts, amx())
		}
	}
	return ts
}

func avx2() *tier {
	t := generic()
	t.name = "avx2"
	t.streaming = true
	t.tileRows, t.tileCols, t.tile = 6, 16, tileAVX2
	t.transpose8 = transpose8
	t.dot, t.axpy, t.mulAll, t.largest = dotVector, axpyVector, mulAllVector, largestVector
	t.expSum, t.swiglu, t.scale = expSumVector, swigluVector, scaleVector
	t.topTwo, t.atLeast, t.expTotal = topTwoVector, atLeastVector, expTotalVector
	t.rotate, t.rotateHalves = rotateVector, rotateHalvesVector
	t.dense = [packTypes][]denseFunc{
		quant.F32:  {denseF32x1AVX2, denseF32x2AVX2, denseF32x3AVX2},
		quant.F16:  {denseF16x1AVX2, denseF16x2AVX2, denseF16x3AVX2},
		quant.BF16: {denseBF16x1AVX2, denseBF16x2AVX2, denseBF16x3AVX2},
	}
	t.scores, t.scoresF32 = scoresVector(scoresPage), scoresVector(scoresF32Page)
	t.mix, t.mixF32 = mixVector[uint16](mixSixteen, mixEight), mixVector[float32](mixF32Sixteen, mixF32Eight)
	t.maxima, t.expAdd = maximaBy(largestVector), expAddBy(expSumVector)
	t.narrow, t.putKey = narrowVector, putKeyVector
	t.quantize = quantizeAVX2
	t.pack = [packTypes]packFunc{
		quant.Q8_0:   packQ8AVX2,
		quant.Q4_0:   packQ4_0AVX2,
		quant.Q4_1:   packQ4_1AVX2,
		quant.Q5_0:   packQ5_0AVX2,
		quant.Q5_1:   packQ5_1AVX2,
		quant.IQ4_NL: packIQ4NLAVX2,
		quant.MXFP4:  packMXFP4AVX2,
		quant.Q2_K:   packQ2KAVX2,
		quant.Q3_K:   packQ3KAVX2,
		quant.Q4_K:   packQ4KAVX2,
		quant.Q5_K:   packQ5KAVX2,
		quant.Q6_K:   packQ6KAVX2,
		quant.IQ4_XS: packIQ4XSAVX2,
	}
	t.tiles32 = [...]tileFunc{tile32x1AVX2, tile32x2AVX2, tile32x4AVX2, tile32x8AVX2, tile32x16AVX2}
	t.tiles16 = [...]tileFunc{tile16x1AVX2, tile16x2AVX2, tile16x4AVX2, tile16x8AVX2, tile16x16AVX2}
	t.mix8 = [...]mix8Func{mix8x1AVX2, mix8x2AVX2, mix8x4AVX2, mix8x8AVX2, mix8x16AVX2}
	t.minus = [...]minusFunc{minus1AVX2, minus2AVX2, minus4AVX2, minus8AVX2, minus16AVX2}
	t.small = &smallProducts{
		offset:  32,
		tiles32: [...]tileFunc{tile32x1SmallAVX2, tile32x2SmallAVX2, tile32x4SmallAVX2, tile32x8SmallAVX2, tile32x16SmallAVX2},
		tiles16: [...]tileFunc{tile16x1SmallAVX2, tile16x2SmallAVX2, tile16x4SmallAVX2, tile16x8SmallAVX2, tile16x16SmallAVX2},
	}
	return t
}

// avxVNNI is avx2 with VPDPBUSD, for CPUs that have it without AVX-512.
func avxVNNI() *tier {
	t := avx2()
	t.name = "avxvnni"
	t.offset, t.small = 128, nil
	t.pack = [packTypes]packFunc{
		quant.Q8_0:   packQ8AVXVNNI,
		quant.Q4_0:   packQ4_0AVXVNNI,
		quant.Q4_1:   packQ4_1AVXVNNI,
		quant.Q5_0:   packQ5_0AVXVNNI,
		quant.Q5_1:   packQ5_1AVXVNNI,
		quant.IQ4_NL: packIQ4NLAVXVNNI,
		quant.MXFP4:  packMXFP4AVXVNNI,
		quant.Q2_K:   packQ2KAVXVNNI,
		quant.Q3_K:   packQ3KAVXVNNI,
		quant.Q4_K:   packQ4KAVXVNNI,
		quant.Q5_K:   packQ5KAVXVNNI,
		quant.Q6_K:   packQ6KAVXVNNI,
		quant.IQ4_XS: packIQ4XSAVXVNNI,
	}
	t.tiles32 = [...]tileFunc{tile32x1AVXVNNI, tile32x2AVXVNNI, tile32x4AVXVNNI, tile32x8AVXVNNI, tile32x16AVXVNNI}
	t.tiles16 = [...]tileFunc{tile16x1AVXVNNI, tile16x2AVXVNNI, tile16x4AVXVNNI, tile16x8AVXVNNI, tile16x16AVXVNNI}
	t.mix8 = [...]mix8Func{mix8x1AVXVNNI, mix8x2AVXVNNI, mix8x4AVXVNNI, mix8x8AVXVNNI, mix8x16AVXVNNI}
	return t
}

// avx512 differs from avx2 where wider registers or VNNI gain something; the
// rest runs at the speed of memory already.
func avx512() *tier {
	t := avx2()
	t.name = "avx512vnni"
	t.tileRows, t.tileCols, t.tile = 8, 32, tileAVX512
	t.expSum, t.expTotal = expSumAVX512, expTotalAVX512
	t.scores, t.scoresF32 = scoresAVX512(scoresPairAVX512), scoresAVX512(scoresPairF32AVX512)
	t.mix, t.mixF32 = mixAVX512(mixLanesAVX512, 2), mixAVX512(mixLanesF32AVX512, 4)
	t.maxima, t.expAdd = maximaAVX512, expAddAVX512
	t.dense = [packTypes][]denseFunc{
		quant.F32:  {denseF32x1AVX512, denseF32x2AVX512, denseF32x3AVX512, denseF32x4AVX512, denseF32x5AVX512, denseF32x6AVX512},
		quant.F16:  {denseF16x1AVX512, denseF16x2AVX512, denseF16x3AVX512, denseF16x4AVX512, denseF16x5AVX512, denseF16x6AVX512},
		quant.BF16: {denseBF16x1AVX512, denseBF16x2AVX512, denseBF16x3AVX512, denseBF16x4AVX512, denseBF16x5AVX512, denseBF16x6AVX512},
	}
	t.lanes, t.offset, t.small = 16, 128, nil
	t.pack = [packTypes]packFunc{
		quant.Q8_0:   packQ8_0AVX512,
		quant.Q4_0:   packQ4_0AVX512,
		quant.Q4_1:   packQ4_1AVX512,
		quant.Q5_0:   packQ5_0AVX512,
		quant.Q5_1:   packQ5_1AVX512,
		quant.IQ4_NL: packIQ4NLAVX512,
		quant.MXFP4:  packMXFP4AVX512,
		quant.Q2_K:   packQ2KAVX512,
		quant.Q3_K:   packQ3KAVX512,
		quant.Q4_K:   packQ4KAVX512,
		quant.Q5_K:   packQ5KAVX512,
		quant.Q6_K:   packQ6KAVX512,
		quant.IQ4_XS: packIQ4XSAVX512,
	}
	t.tiles32 = [...]tileFunc{tile32x1AVX512, tile32x2AVX512, tile32x4AVX512, tile32x8AVX512, tile32x16AVX512}
	t.tiles16 = [...]tileFunc{tile16x1AVX512, tile16x2AVX512, tile16x4AVX512, tile16x8AVX512, tile16x16AVX512}
	t.mix8 = [...]mix8Func{mix8x1AVX512, mix8x2AVX512, mix8x4AVX512, mix8x8AVX512, mix8x16AVX512}
	t.streams = [packTypes][]streamFunc{
		quant.Q8_0: {streamQ8_0x1AVX512, streamQ8_0x2AVX512, streamQ8_0x4AVX512},
		quant.Q4_0: {streamQ4_0x1AVX512, streamQ4_0x2AVX512, streamQ4_0x4AVX512},
	}
	t.span, t.span32, t.span16 = 3, trio32AVX512, trio16AVX512
	t.minus = [...]minusFunc{minus1AVX512, minus2AVX512, minus4AVX512, minus8AVX512, minus16AVX512}
	return t
}

// amx is avx512 with tiles of 16 vectors, and 3 to 8 with rows of Q8_0, multiplied by AMX. A scale for each 16
// columns would halve what an instruction does and leave nothing to gain.
func amx() *tier {
	t := avx512()
	t.name = "avx512vnni+amx"
	t.batch32, t.promptRows = batch32AVX512AMX, 512
	t.turned[quant.Q8_0] = [...]turnedFunc{turnedQ8_0x4AVX512AMX, turnedQ8_0x8AVX512AMX}
	return t
}
