// Package quant defines the block formats in which weights lie on disk: what
// a row of each type looks like in bytes, and the reference encoder and
// decoder that the trainer and the device share.
//
// It promises one definition for every machine: the same floats give the same
// bytes on amd64 and arm64, and what cannot be represented (a NaN, an infinity,
// a scale beyond float16) is an error of Encode instead of a value that depends
// on the processor. It is not fast and not meant to be: the kernels that
// multiply with these bytes live in infer/kernel.
package quant

import (
	"fmt"
	"math/bits"
)

// Type is a tensor element type with the numbers that GGUF files use.
type Type uint32

// The types that can be read here. Every other number of the table below is
// only known by name and size.
const (
	F32    Type = 0
	F16    Type = 1
	Q4_0   Type = 2
	Q4_1   Type = 3
	Q5_0   Type = 6
	Q5_1   Type = 7
	Q8_0   Type = 8
	Q2_K   Type = 10
	Q3_K   Type = 11
	Q4_K   Type = 12
	Q5_K   Type = 13
	Q6_K   Type = 14
	IQ4_NL Type = 20
	IQ4_XS Type = 23
	BF16   Type = 30
	MXFP4  Type = 39
)

// Q8Block is the number of elements in one Q8_0 block.
const Q8Block = 32

// layout says how many elements share a block and how many bytes it takes.
type layout struct {
	name     string
	elements int
	bytes    int
}

// layouts is the ggml type table (ggml.h, enum ggml_type; ggml-common.h for the
// block structs). The numbers 4, 5, 31-33 and 36-38 were withdrawn upstream.
var layouts = map[Type]layout{
	F32:  {"F32", 1, 4},
	F16:  {"F16", 1, 2},
	2:    {"Q4_0", 32, 18},
	3:    {"Q4_1", 32, 20},
	6:    {"Q5_0", 32, 22},
	7:    {"Q5_1", 32, 24},
	Q8_0: {"Q8_0", Q8Block, 34},
	9:    {"Q8_1", 32, 36},
	10:   {"Q2_K", 256, 84},
	11:   {"Q3_K", 256, 110},
	12:   {"Q4_K", 256, 144},
	13:   {"Q5_K", 256, 176},
	14:   {"Q6_K", 256, 210},
	15:   {"Q8_K", 256, 292},
	16:   {"IQ2_XXS", 256, 66},
	17:   {"IQ2_XS", 256, 74},
	18:   {"IQ3_XXS", 256, 98},
	19:   {"IQ1_S", 256, 50},
	20:   {"IQ4_NL", 32, 18},
	21:   {"IQ3_S", 256, 110},
	22:   {"IQ2_S", 256, 82},
	23:   {"IQ4_XS", 256, 136},
	24:   {"I8", 1, 1},
	25:   {"I16", 1, 2},
	26:   {"I32", 1, 4},
	27:   {"I64", 1, 8},
	28:   {"F64", 1, 8},
	29:   {"IQ1_M", 256, 56},
	BF16: {"BF16", 1, 2},
	34:   {"TQ1_0", 256, 54},
	35:   {"TQ2_0", 256, 66},
	39:   {"MXFP4", 32, 17},
	40:   {"NVFP4", 64, 36},
	41:   {"Q1_0", 128, 18},
	42:   {"Q2_0", 64, 18},
}

// Known reports whether the size of the type is known, so that a tensor of it
// can be measured.
func (t Type) Known() bool {
	_, ok := layouts[t]
	return ok
}

// String returns ggml's name of the type, for example "Q8_0".
func (t Type) String() string {
	if l, ok := layouts[t]; ok {
		return l.name
	}
	return fmt.Sprintf("type(%d)", uint32(t))
}

// BlockSize is the number of elements of one block, 0 for an unknown type.
func (t Type) BlockSize() int { return layouts[t].elements }

// BlockBytes is the number of bytes of one block, 0 for an unknown type.
func (t Type) BlockBytes() int { return layouts[t].bytes }

// RowBytes is the number of bytes of a row of n elements; n must be a whole
// number of blocks.
func (t Type) RowBytes(n int) (int, error) {
	l, ok := layouts[t]
	if !ok {
		return 0, fmt.Errorf("quant: %s has no known size", t)
	}
	if n < 0 || n%l.elements != 0 {
		return 0, fmt.Errorf("quant: a row of %d elements is not a multiple of the %s block of %d", n, l.name, l.elements)
	}
	hi, size := bits.Mul64(uint64(n/l.elements), uint64(l.bytes))
	if hi != 0 || size > uint64(maxInt) {
		return 0, fmt.Errorf("quant: a %s row of %d elements is larger than memory", l.name, n)
	}
	return int(size), nil
}

const maxInt = int(^uint(0) >> 1)
