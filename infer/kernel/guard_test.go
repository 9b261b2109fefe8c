package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// lengths lie around the edges of every unrolled loop: 8, 16, 32 and 64.
var lengths = []int{1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 39, 40, 63, 64, 65, 100, 127, 128, 129, 257}

// offsets are the starts, in elements, that make vectors unaligned.
var offsets = []int{0, 1, 2, 3, 5, 7, 13}

const guardWords = 16

// guard is a slice between two runs of NaN: a kernel that reads beside it
// spoils its result, one that writes beside it is found by check.
type guard struct {
	all  []float32
	x    []float32
	name string
}

func newGuard(name string, offset int, x []float32) *guard {
	all := make([]float32, offset+guardWords+len(x)+guardWords)
	for i := range all {
		all[i] = float32(math.NaN())
	}
	from := offset + guardWords
	copy(all[from:], x)
	return &guard{all, all[from : from+len(x) : from+len(x)], name}
}

func (g *guard) check(t *testing.T) {
	t.Helper()
	from := (len(g.all) - guardWords) - len(g.x)
	for i, v := range g.all {
		if (i < from || i >= from+len(g.x)) && v == v {
			t.Fatalf("%s: wrote at %d, outside its %d values", g.name, i-from, len(g.x))
		}
	}
}

// unaligned copies b to an address that is offset bytes past an aligned one.
func unaligned(b []byte, offset int) []byte {
	room := make([]byte, offset+len(b))
	copy(room[offset:], b)
	return room[offset : offset+len(b) : offset+len(b)]
}

func random(seed ...int) *rand.Rand {
	s := uint64(7)
	for _, x := range seed {
		s = s*31 + uint64(x)
	}
	return rand.New(rand.NewPCG(s, 1))
}

func values(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = r.Float32()*2 - 1
	}
	return x
}
