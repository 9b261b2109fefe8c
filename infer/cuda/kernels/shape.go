//go:build cuda

package kernels

// Sizes that launches are made of; see README.md.
const (
	PageTokens     = 16  // positions of a page of keys and values
	TileQueries    = 16  // queries that one block of attend takes, at most
	SegmentTokens  = 256 // positions that a softmax goes over before it is merged
	MaxHeadDim     = 256
	MaxExperts     = 1024
	MaxTopK        = 64
	FewVectors     = 8  // that product_few takes, at most
	RowsPerBlock   = 4  // of product_one, product_few and dense_one
	DenseRows      = 16 // per block of dense_few
	TileRows       = 64 // per block of product_many, and as many vectors
	MatrixBytes    = 32 // of a Matrix
	TileBytes      = 32 // of a Tile
	unitBytes      = 16
	scalesPerBlock = 2 * PageTokens * 4
)

// unitValues is how many values of keys and values a unit holds.
var unitValues = map[string]int{"f16": 8, "f32": 4, "i8": 16}

// HeadBytes is what the keys and values of a page, layer and head take, stored
// as kind: f16, f32 or i8. It is 0 for another kind.
func HeadBytes(kind string, headDim int) int {
	values, ok := unitValues[kind]
	if !ok {
		return 0
	}
	bytes := 2 * PageTokens * unitBytes * ((headDim + values - 1) / values)
	if kind == "i8" {
		bytes += scalesPerBlock
	}
	return bytes
}

// AttendShared is the dynamic shared memory of attend, in bytes.
func AttendShared(headDim int) int {
	width := (headDim + 15) / 16 * 16
	const queries, chunk = 8, 128 // in a pass over a tile, and positions
	return 4 * (2*queries*width + queries*chunk + chunk + 6*queries)
}
