package kernel

import (
	"golang.org/x/sys/cpu"

	"github.com/a472be26/cusp/infer/quant"
)

func native() []*tier {
	// NEON is part of every arm64 that Go runs on.
	ts := []*tier{neon()}
	if cpu.ARM64.HasASIMDDP {
		ts = append(ts, neonDotProd())
		if cpu.ARM64.HasI8MM {
			ts = append(ts, neonI8MM())
		}
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
	t.dense = [packTypes][]denseFunc{
		quant.F32:  {denseF32x1NEON, denseF32x2NEON, denseF32x3NEON, denseF32x4NEON},
		quant.F16:  {denseF16x1NEON, denseF16x2NEON, denseF16x3NEON, denseF16x4NEON},
		quant.BF16: {denseBF16x1NEON, denseBF16x2NEON, denseBF16x3NEON, denseBF16x4NEON},
	}
	t.scores, t.scoresF32 = scoresVector(scoresPage), scoresVector(scoresF32Page)
	t.mix, t.mixF32 = mixVector[uint16](mixSixteen, mixEight), mixVector[float32](mixF32Sixteen, mixF32Eight)
	t.maxima, t.expAdd = maximaBy(largestVector), expAddBy(expSumVector)
	t.narrow, t.putKey = narrowVector, putKeyVector
	t.quantize = quantizeNEON
	t.lanes, t.unit = 8, 4
	t.pack = [packTypes]packFunc{
		quant.Q8_0:   packQ8_0Quads,
		quant.Q4_0:   packQ4_0Quads,
		quant.Q4_1:   packQ4_1Quads,
		quant.Q5_0:   packQ5_0Quads,
		quant.Q5_1:   packQ5_1Quads,
		quant.IQ4_NL: packIQ4_NLQuads,
		quant.MXFP4:  packMXFP4Quads,
		quant.Q2_K:   packQ2_KQuads,
		quant.Q3_K:   packQ3_KQuads,
		quant.Q4_K:   packQ4_KQuads,
		quant.Q5_K:   packQ5_KQuads,
		quant.Q6_K:   packQ6_KQuads,
		quant.IQ4_XS: packIQ4_XSQuads,
	}
	t.single = [packTypes]singleFunc{
		quant.Q8_0:   singleQ8_0NEON,
		quant.Q4_0:   singleQ4_0NEON,
		quant.Q4_1:   singleQ4_1NEON,
		quant.Q5_0:   singleQ5_0NEON,
		quant.Q5_1:   singleQ5_1NEON,
		quant.IQ4_NL: singleIQ4_NLNEON,
		quant.MXFP4:  singleMXFP4NEON,
		quant.Q2_K:   singleQ2_KNEON,
		quant.Q3_K:   singleQ3_KNEON,
		quant.Q4_K:   singleQ4_KNEON,
		quant.Q5_K:   singleQ5_KNEON,
		quant.Q6_K:   singleQ6_KNEON,
		quant.IQ4_XS: singleIQ4_XSNEON,
	}
	t.tiles32 = [...]tileFunc{tile32x1NEON, tile32x2NEON, tile32x4NEON, tile32x8NEON, tile32x16NEON}
	t.tiles16 = [...]tileFunc{tile16x1NEON, tile16x2NEON, tile16x4NEON, tile16x8NEON, tile16x16NEON}
	t.mix8 = [...]mix8Func{mix8x1NEON, mix8x2NEON, mix8x4NEON, mix8x8NEON, mix8x16NEON}
	t.minus = [...]minusFunc{minus1NEON, minus2NEON, minus4NEON, minus8NEON, minus16NEON}
	return t
}

func neonDotProd() *tier {
	t := neon()
	t.name = "neon+dotprod"
	t.single = [packTypes]singleFunc{
		quant.Q8_0:   singleQ8_0DotProd,
		quant.Q4_0:   singleQ4_0DotProd,
		quant.Q4_1:   singleQ4_1DotProd,
		quant.Q5_0:   singleQ5_0DotProd,
		quant.Q5_1:   singleQ5_1DotProd,
		quant.IQ4_NL: singleIQ4_NLDotProd,
		quant.MXFP4:  singleMXFP4DotProd,
		quant.Q2_K:   singleQ2_KDotProd,
		quant.Q3_K:   singleQ3_KDotProd,
		quant.Q4_K:   singleQ4_KDotProd,
		quant.Q5_K:   singleQ5_KDotProd,
		quant.Q6_K:   singleQ6_KDotProd,
		quant.IQ4_XS: singleIQ4_XSDotProd,
	}
	t.tiles32 = [...]tileFunc{tile32x1DotProd, tile32x2DotProd, tile32x4DotProd, tile32x8DotProd, tile32x16DotProd}
	t.tiles16 = [...]tileFunc{tile16x1DotProd, tile16x2DotProd, tile16x4DotProd, tile16x8DotProd, tile16x16DotProd}
	t.mix8 = [...]mix8Func{mix8x1DotProd, mix8x2DotProd, mix8x4DotProd, mix8x8DotProd, mix8x16DotProd}
	return t
}

func neonI8MM() *tier {
	t := neonDotProd()
	t.name = "neon+i8mm"
	t.unit = 8
	t.pack = [packTypes]packFunc{
		quant.Q8_0:   packQ8_0Octets,
		quant.Q4_0:   packQ4_0Octets,
		quant.Q4_1:   packQ4_1Octets,
		quant.Q5_0:   packQ5_0Octets,
		quant.Q5_1:   packQ5_1Octets,
		quant.IQ4_NL: packIQ4_NLOctets,
		quant.MXFP4:  packMXFP4Octets,
		quant.Q2_K:   packQ2_KOctets,
		quant.Q3_K:   packQ3_KOctets,
		quant.Q4_K:   packQ4_KOctets,
		quant.Q5_K:   packQ5_KOctets,
		quant.Q6_K:   packQ6_KOctets,
		quant.IQ4_XS: packIQ4_XSOctets,
	}
	t.tiles32 = [...]tileFunc{tile32x1I8MM, tile32x2I8MM, tile32x4I8MM, tile32x8I8MM, tile32x16I8MM}
	t.tiles16 = [...]tileFunc{tile16x1I8MM, tile16x2I8MM, tile16x4I8MM, tile16x8I8MM, tile16x16I8MM}
	t.mix8 = [...]mix8Func{mix8x1I8MM, mix8x2I8MM, mix8x4I8MM, mix8x8I8MM, mix8x16I8MM}
	return t
}
