// Instructions that Go's assembler knows in their EVEX form only, which a CPU
// without AVX-512 does not have. Each macro takes register numbers in Go's
// order, destination last. The comment before it is the instruction in Intel's
// syntax, with d, n and m for the numbers; words_vex_test.go encodes the
// comments and compares.

// vpdpbusd ymmd, ymmn, ymmm
#define VPDPBUSD(m, n, d) BYTE $0xc4; LONG $(0xc0507de2 ^ ((m)&7)<<24 ^ ((m)>>3)<<5 ^ (n)<<11 ^ ((d)&7)<<27 ^ ((d)>>3)<<7)
