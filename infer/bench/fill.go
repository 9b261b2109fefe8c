package bench

import (
	"encoding/binary"
	"math"
	"runtime"
	"sync"

	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/infer/quant"
)

// fill gives tensors random weights that roughly keep the variance of a vector,
// so that nothing grows or vanishes from layer to layer; norms become 1. The
// bytes are drawn as they lie in the file: rounding floats would take minutes.
// The same tensors always get the same weights.
func fill(tensors []gguf.Tensor) {
	work := make(chan chunk)
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for c := range work {
				c.fill(c.data, c.seed)
			}
		})
	}
	seed := uint64(1)
	for _, t := range tensors {
		draw := drawerOf(t)
		step := chunkBytes - chunkBytes%t.Type.BlockBytes()
		for from := 0; from < len(t.Data); from += step {
			work <- chunk{t.Data[from:min(from+step, len(t.Data))], draw, seed}
			seed++
		}
	}
	close(work)
	all.Wait()
}

const chunkBytes = 1 << 20

// chunk is a part of a tensor, of whole blocks.
type chunk struct {
	data []byte
	fill func(data []byte, seed uint64)
	seed uint64
}

func drawerOf(t gguf.Tensor) func(data []byte, seed uint64) {
	if len(t.Dims) == 1 { // a norm, always float32
		return func(data []byte, _ uint64) { fillOnes(data) }
	}
	deviation := 1 / math.Sqrt(float64(t.Dims[0]))
	switch t.Type {
	case quant.Q8_0:
		// Odd bytes are spread evenly with a standard deviation of 74.
		scale := quant.ToF16(float32(deviation / 74))
		return func(data []byte, seed uint64) { fillQ8(data, scale, seed) }
	case quant.F16:
		exponent := uint64(quant.ToF16(nearestPower(deviation)))
		return func(data []byte, seed uint64) { fillWords(data, 0x83ff*each16, exponent*each16, seed) }
	default:
		exponent := uint64(math.Float32bits(nearestPower(deviation)))
		return func(data []byte, seed uint64) { fillWords(data, 0x807fffff*each32, exponent*each32, seed) }
	}
}

// Multiplying by these repeats a value in all 16- or 32-bit parts of a word.
const (
	each8  = 0x0101010101010101
	each16 = 0x0001000100010001
	each32 = 0x0000000100000001
)

// nearestPower is the power of two p for which numbers between p and 2p, of
// either sign, come closest to the standard deviation: theirs is 1.53 p.
func nearestPower(deviation float64) float32 {
	return float32(math.Exp2(math.Round(math.Log2(deviation / 1.53))))
}

func fillOnes(data []byte) {
	one := math.Float32bits(1)
	for ; len(data) >= 4; data = data[4:] {
		binary.LittleEndian.PutUint32(data, one)
	}
}

// fillQ8 draws blocks with the same scale. Weights are odd, so that none is
// -128, which the format's encoder never makes.
func fillQ8(data []byte, scale uint16, seed uint64) {
	g := generator(seed)
	for ; len(data) >= 34; data = data[34:] {
		block := data[:34:34]
		binary.LittleEndian.PutUint16(block, scale)
		for i := 2; i < 34; i += 8 {
			binary.LittleEndian.PutUint64(block[i:], g.next()|each8)
		}
	}
}

// fillWords draws floats: random where the mask says so, sign and mantissa, and
// with the same exponent.
func fillWords(data []byte, mask, exponent, seed uint64) {
	g := generator(seed)
	for ; len(data) >= 8; data = data[8:] {
		binary.LittleEndian.PutUint64(data, g.next()&mask|exponent)
	}
	var rest [8]byte
	binary.LittleEndian.PutUint64(rest[:], g.next()&mask|exponent)
	copy(data, rest[:])
}

// generator is SplitMix64 (Steele, Lea, Flood 2014): fast, and any seed will do.
type generator uint64

func (g *generator) next() uint64 {
	*g += 0x9e3779b97f4a7c15
	z := uint64(*g)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
