package train

import "golang.org/x/sys/cpu"

// hasBF16 says whether the processor multiplies bfloat16 pairs.
var hasBF16 = cpu.X86.HasAVX512BF16 && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512VL

// tileBF16 computes tileRows x tileCols of C (stride ldc) from k steps of packed pairs; with add it adds to C.
//
//go:noescape
func tileBF16(k int, a, b *uint32, c *float32, ldc int, add bool)

// zipBF16 packs two rows of 16*blocks values as pairs (even[i], odd[i]); after every eight pairs dst moves on by half words.
//
//go:noescape
func zipBF16(dst *uint32, half int, even, odd *float32, blocks int)

// turnBF16 packs eight lines, ld apart, of 16*blocks values: pair p of line i goes to dst[p*width+i].
//
//go:noescape
func turnBF16(dst *uint32, width int, src *float32, ld, blocks int)
