package kernel

import "github.com/a472be26/cusp/infer/quant"

// tier is one implementation of every kernel: the fastest that a kind of CPU
// offers. A field's contract stands at the function of the same name in the
// *_generic.go files. Lengths are checked by the callers.
type tier struct {
	name string

	// The float32 matrix product works on tiles of tileRows x tileCols.
	tileRows, tileCols int
	tile               func(k int, a, b, c *float32, ldc int, add bool)
	transpose8         func(dst *float32, stride int, src *float32, ld, n int)

	dot     func(a, b []float32) float32
	axpy    func(alpha float32, x, y []float32)
	mulAll  func(dst, x, weight []float32, scale float32)
	largest func(x []float32) float32
	expSum  func(dst, x []float32, shift float32) float32
	swiglu  func(dst, gate, up []float32)
	scale   func(alpha float32, x []float32)

	topTwo   func(x []float32) (first, second float32)
	atLeast  func(bits []uint64, x []float32, floor float32)
	expTotal func(x []float32, shift float32) float32 // expSum without its dst

	rotate       func(x, turns []float32, heads, headDim int)
	rotateHalves func(x, turns []float32, heads, headDim int)

	scores    scoresFunc
	scoresF32 scoresFunc
	mix       mixFunc
	mixF32    mixFunc
	maxima    maximaFunc
	expAdd    expAddFunc
	narrow    func(dst []uint16, x []float32)
	putKey    func(dst []uint16, key []float32)
	mix8      [len(tileSizes)]mix8Func // keys of INT8 are tiles32's

	// Products with dense weights: tiles of 1, 2, ... vectors; nil: quantized.
	dense [packTypes][]denseFunc

	// Products with quantized weights; see panel.
	quantize   func(step *byte, half *int32, n, v int, x *float32, steps int)
	lanes      int                 // rows of a panel
	unit       int                 // consecutive columns of a row that lie together: 4 or 8
	offset     byte                // added to the codes
	pack       [packTypes]packFunc // by type; nil: packAny
	tiles32    [len(tileSizes)]tileFunc
	tiles16    [len(tileSizes)]tileFunc
	span       int // panels that one product can take together, 0: none
	span32     spanFunc
	span16     spanFunc
	batch32    batchFunc // nil: tiles of 16 vectors are treated as all others
	promptRows int       // see PromptRows
	minus      [len(tileSizes)]minusFunc
	small      *smallProducts                           // nil: small codes are treated as all others
	single     [packTypes]singleFunc                    // by type; nil: pack and a tile of one
	streams    [packTypes][]streamFunc                  // by type and tile size, from the smallest; the others take panels
	turned     [packTypes][len(turnedWidths)]turnedFunc // by type and width; nil: as streams has it
	streaming  bool                                     // few vectors gain by streams; see job.streamed
}

// smallProducts are those with codes within -32 to 31, where a tier has faster
// ones for them.
type smallProducts struct {
	offset           byte // instead of the tier's
	tiles32, tiles16 [len(tileSizes)]tileFunc
}

// products are those with weights of the given type.
func (t *tier) products(kind quant.Type) (*[len(tileSizes)]tileFunc, spanFunc) {
	tiles32, tiles16 := &t.tiles32, &t.tiles16
	if t.small != nil && smallCodes(kind) {
		tiles32, tiles16 = &t.small.tiles32, &t.small.tiles16
	}
	if group, _, _ := kind.Groups(); group == 16 {
		return tiles16, t.span16
	}
	return tiles32, t.span32
}

// offsetOf is what is added to the codes of a type.
func (t *tier) offsetOf(kind quant.Type) byte {
	if t.small != nil && smallCodes(kind) {
		return t.small.offset
	}
	return t.offset
}

// active is written at start and by tests only.
var active = best(tiers())

// Tier names the implementation in use: "avx512vnni+amx", "avx512vnni", "avxvnni",
// "avx2", "neon+i8mm", "neon+dotprod", "neon" or "generic".
func Tier() string { return active.name }

// PromptRows is how many tokens of a prompt are best computed together: the weights
// are read once for all of them, which takes a part of the products' time that
// grows with how fast those are.
func PromptRows() int { return active.promptRows }

// tiers lists what this CPU can run, slowest first. The portable one is always
// there.
func tiers() []*tier { return append([]*tier{generic()}, native()...) }

func best(ts []*tier) *tier { return ts[len(ts)-1] }

func generic() *tier {
	t := &tier{
		name:       "generic",
		tileRows:   4,
		tileCols:   4,
		tile:       tileGeneric,
		transpose8: transpose8Generic,
		dot:        dotGeneric,
		axpy:       axpyGeneric,
		mulAll:     mulAllGeneric,
		largest:    largestGeneric,
		expSum:     expSumGeneric,
		swiglu:     swigluGeneric,
		scale:      scaleGeneric,

		topTwo:   topTwoGeneric,
		atLeast:  atLeastGeneric,
		expTotal: expTotalGeneric,

		rotate:       rotateGeneric,
		rotateHalves: rotateHalvesGeneric,

		scores:    scoresGeneric[uint16],
		scoresF32: scoresGeneric[float32],
		mix:       mixGeneric[uint16],
		mixF32:    mixGeneric[float32],
		maxima:    maximaBy(largestGeneric),
		expAdd:    expAddBy(expSumGeneric),
		narrow:    narrowGeneric,
		putKey:    putKeyGeneric,

		dense: [packTypes][]denseFunc{
			quant.F32:  denseGeneric(quant.F32),
			quant.F16:  denseGeneric(quant.F16),
			quant.BF16: denseGeneric(quant.BF16),
		},
		quantize:   quantizeGeneric,
		lanes:      genericLanes,
		promptRows: 256,
		unit:       4,
	}
	for i, n := range tileSizes {
		t.tiles32[i], t.tiles16[i], t.minus[i] = tileGeneric32(n), tileGeneric16(n), minusGeneric(n)
		t.mix8[i] = mix8Generic(n)
	}
	return t
}
