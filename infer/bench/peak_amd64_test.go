package bench

import (
	"testing"

	"golang.org/x/sys/cpu"

	"github.com/a472be26/cusp/infer/kernel"
)

// The loops of a tier below the one in use run as well.
func TestLoopsReturn(t *testing.T) {
	t.Parallel()
	if cpu.X86.HasAVXVNNI {
		peakVNNI256(3)
	}
	switch kernel.Tier() {
	case "avx512vnni+amx", "avx512vnni":
		peakVNNI(3)
		peakFMA512(3)
		fallthrough
	case "avxvnni", "avx2":
		peakMADD(3)
		peakFMA256(3)
	}
}
