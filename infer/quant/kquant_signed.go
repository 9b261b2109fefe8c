package quant

// Q3_K and Q6_K: groups of 16 with a signed scale, rounded to multiples of one
// float16 for all groups of the block.

type signedFormat struct {
	top      int // codes are -top to top-1
	scaleTop int // so are multiples
	fit      func(x []float32, top int) float32
}

var (
	q3K = signedFormat{4, 32, fitCodes}
	q6K = signedFormat{32, 128, fitSigned}
)

// signedBlock is a block before its bits are laid out: element i is
// d*scales[i/16]*(codes[i]-top).
type signedBlock struct {
	codes  [256]uint8
	scales [16]int
	d      float32
}

// quantize is ok unless the block is zero.
func (f signedFormat) quantize(src []float32) (b *signedBlock, ok bool) {
	// 1. Every group for itself.
	b = &signedBlock{}
	var scales [16]float32
	for g := range scales {
		scales[g] = f.fit(src[g*16:][:16], f.top)
	}

	// 2. Scales to multiples: the largest becomes -scaleTop, so that d has its sign.
	most, _ := peak(scales[:])
	if abs(most) < tiny {
		return b, false
	}
	factor := float32(-f.scaleTop) / most
	b.d = 1 / factor
	for g, s := range scales {
		b.scales[g] = nearest(factor*s, -f.scaleTop, f.scaleTop-1)
	}

	// 3. The codes that fit what the scales became. Those of a scale of 0 do not matter.
	for i, x := range src {
		if d := asF16(b.d) * float32(b.scales[i/16]); d != 0 {
			b.codes[i] = uint8(nearest(x/d, -f.top, f.top-1) + f.top)
		}
	}
	return b, true
}

func encodeQ3K(dst []byte, src []float32) error {
	b, ok := q3K.quantize(src)
	if !ok {
		return nil // all bits 0
	}
	packPlanes(dst[:32], b.codes[:], 2)
	packPairs(dst[32:96], b.codes[:])
	for g, scale := range b.scales {
		s := byte(scale + 32)
		dst[96+g%8] |= s & 15 << (g / 8 * 4)
		dst[104+g%4] |= s >> 4 << (g / 4 * 2)
	}
	return putScale(dst[108:], b.d)
}

func encodeQ6K(dst []byte, src []float32) error {
	b, ok := q6K.quantize(src)
	if !ok {
		return nil
	}
	var high [256]uint8
	for i, code := range b.codes {
		high[i] = code >> 4
	}
	for j := range 2 {
		packNibbles(dst[j*64:][:64], b.codes[j*128:])
	}
	packPairs(dst[128:192], high[:])
	for g, scale := range b.scales {
		dst[192+g] = byte(int8(scale))
	}
	return putScale(dst[208:], b.d)
}
