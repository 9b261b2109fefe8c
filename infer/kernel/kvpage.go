package kernel

import "fmt"

// PageTokens is the number of positions that a page of the KV cache holds. For
// one layer and one head of keys and values a page has
//
//	keys   [headDim][PageTokens]: a vector register holds neighbouring positions
//	values [PageTokens][headDim]: a vector register holds neighbouring values
//
// both in binary16, or in float32 for the functions with F32 in their names, in
// the order of the machine's bytes.
// Where a float32 page holds what its binary16 twin does, the results are the
// same bit for bit. Pages of INT8 are laid out otherwise; see page8.go.
const PageTokens = 16

// PutKey stores a key of len(key) values at a position of a page of keys:
// page[d*PageTokens+position] = key[d], rounded to nearest with ties to even.
// Values beyond 65504 become infinities as quant.ToF16 has it, NaN stays one.
func PutKey(page []uint16, position int, key []float32) {
	checkPut("PutKey", len(page), position, len(key))
	if len(key) > 0 {
		active.putKey(page[position:], key)
	}
}

// PutKeyF32 is PutKey for a page of float32.
func PutKeyF32(page []float32, position int, key []float32) {
	checkPut("PutKeyF32", len(page), position, len(key))
	for d, v := range key {
		page[d*PageTokens+position] = v
	}
}

// PutValue stores a value at a position of a page of values,
// page[position*len(value)+d] = value[d], rounded as by PutKey.
func PutValue(page []uint16, position int, value []float32) {
	checkPut("PutValue", len(page), position, len(value))
	if len(value) > 0 {
		active.narrow(page[position*len(value):][:len(value)], value)
	}
}

// PutValueF32 is PutValue for a page of float32.
func PutValueF32(page []float32, position int, value []float32) {
	checkPut("PutValueF32", len(page), position, len(value))
	copy(page[position*len(value):], value)
}

func checkPut(caller string, page, position, headDim int) {
	if position < 0 || position >= PageTokens || page < headDim*PageTokens {
		panic(fmt.Sprintf("kernel: %s at position %d of a page of %d: a head of %d has %d positions in %d values",
			caller, position, page, headDim, PageTokens, headDim*PageTokens))
	}
}
