package quant

// Q2_K, Q4_K and Q5_K: groups with a scale and a minimum, both rounded to
// multiples of one float16 for all groups of the block.

type lineFormat struct {
	group    int // elements that share a scale
	scaleTop int // scales and minima are multiples from 0 to this
	search   lineSearch
	weigh    func(w, x []float32)
}

var (
	q2K = lineFormat{16, 15, lineSearch{3, -0.5, 15, true}, byMagnitude}
	q4K = lineFormat{32, 63, lineSearch{15, -1, 20, false}, byMagnitudeAndMean}
	q5K = lineFormat{32, 63, lineSearch{31, -0.5, 15, false}, byMagnitudeAndMean}
)

func byMagnitude(w, x []float32) {
	for i, v := range x {
		w[i] = abs(v)
	}
}

func byMagnitudeAndMean(w, x []float32) {
	mean := rootMeanSquare(x)
	for i, v := range x {
		w[i] = mean + abs(v)
	}
}

// lineBlock is a block before its bits are laid out: element i is
// d*scales[g]*codes[i] - dmin*mins[g] with g = i/group.
type lineBlock struct {
	codes        [256]uint8
	scales, mins [16]uint8
	d, dmin      float32
}

func (f lineFormat) quantize(src []float32) *lineBlock {
	// 1. Every group for itself.
	var (
		b            lineBlock
		scales, mins [16]float32
		n            = len(src) / f.group
		w            [32]float32
	)
	for g := range n {
		x := src[g*f.group:][:f.group]
		f.weigh(w[:], x)
		l := f.search.fit(x, w[:])
		scales[g], mins[g] = l.scale, -l.offset
	}

	// 2. Scales and minima to multiples.
	b.d = multiples(b.scales[:n], scales[:n], f.scaleTop)
	b.dmin = multiples(b.mins[:n], mins[:n], f.scaleTop)

	// 3. The codes that fit what the scales became. Those of a scale of 0 do not matter.
	for g := range n {
		d, m := asF16(b.d)*float32(b.scales[g]), float32(asF16(b.dmin)*float32(b.mins[g]))
		for i := g * f.group; i < (g+1)*f.group && d != 0; i++ {
			b.codes[i] = uint8(nearest((src[i]+m)/d, 0, f.search.top))
		}
	}
	return &b
}

// multiples rounds x to whole multiples of d, the largest to top.
func multiples(n []uint8, x []float32, top int) (d float32) {
	_, most := bounds(x)
	if !(most > 0) {
		return 0
	}
	factor := float32(top) / most
	for i, v := range x {
		n[i] = uint8(nearest(factor*v, 0, top))
	}
	return most / float32(top)
}

func encodeQ2K(dst []byte, src []float32) error {
	b := q2K.quantize(src)
	for g, scale := range b.scales {
		dst[g] = scale | b.mins[g]<<4
	}
	packPairs(dst[16:80], b.codes[:])
	return putScaleMin(dst[80:], b.d, b.dmin)
}

func encodeQ4K(dst []byte, src []float32) error {
	b := q4K.quantize(src)
	b.header(dst[4:16])
	for j := range 4 {
		packNibbles(dst[16+j*32:][:32], b.codes[j*64:])
	}
	return putScaleMin(dst, b.d, b.dmin)
}

func encodeQ5K(dst []byte, src []float32) error {
	b := q5K.quantize(src)
	b.header(dst[4:16])
	packPlanes(dst[16:48], b.codes[:], 4)
	for j := range 4 {
		packNibbles(dst[48+j*32:][:32], b.codes[j*64:])
	}
	return putScaleMin(dst, b.d, b.dmin)
}

// header writes the eight 6-bit pairs that scaleMins reads.
func (b *lineBlock) header(s []byte) {
	for j := range 4 {
		s[j] = b.scales[j] | b.scales[j+4]>>4<<6
		s[j+4] = b.mins[j] | b.mins[j+4]>>4<<6
		s[j+8] = b.scales[j+4]&15 | b.mins[j+4]<<4
	}
}
