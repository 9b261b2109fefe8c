package bench

import (
	"strings"

	"github.com/a472be26/cusp/infer/kernel"
)

//go:noescape
func peakVNNI(rounds int)

//go:noescape
func peakVNNI256(rounds int)

//go:noescape
func peakMADD(rounds int)

//go:noescape
func peakFMA512(rounds int)

//go:noescape
func peakFMA256(rounds int)

// nativePeak is the loop for products of bytes or of float32, with the
// instructions that the kernels in use have.
func nativePeak(bytes bool) (peak, bool) {
	bare := func(f func(int)) func() func(int) { return func() func(int) { return f } }
	const vnni = "VPDPBUSD on registers (AVX-512 VNNI, 8-bit)"
	tier, amx := strings.CutSuffix(kernel.Tier(), "+amx")
	switch {
	case tier == "avx512vnni" && bytes && amx:
		return peak{vnni + "; prompts use AMX, whose own limit is about eight times that", 16 * 64, bare(peakVNNI)}, true
	case tier == "avx512vnni" && bytes:
		return peak{vnni, 16 * 64, bare(peakVNNI)}, true
	case tier == "avx512vnni":
		return peak{"VFMADD231PS on registers (AVX-512, float32)", 16 * 16, bare(peakFMA512)}, true
	case tier == "avxvnni" && bytes:
		return peak{"VPDPBUSD on registers (AVX-VNNI, 8-bit)", 12 * 32, bare(peakVNNI256)}, true
	case tier == "avx2" && bytes:
		return peak{"VPMADDUBSW, VPMADDWD, VPADDD on registers (AVX2, 8-bit)", 6 * 32, bare(peakMADD)}, true
	case tier == "avx2" || tier == "avxvnni":
		return peak{"VFMADD231PS on registers (AVX2, float32)", 12 * 8, bare(peakFMA256)}, true
	}
	return peak{}, false
}
