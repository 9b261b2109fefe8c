#include "textflag.h"

// Loops that multiply registers and touch no memory: what they reach is the
// peak of a core. Each instruction adds to a sum of its own, and there are
// enough of them to hide the latency of one. Registers hold zeros, the speed
// does not depend on the values. A round is one pass of the loop, rounds > 0.

#define ROUNDS CX

#define AGAIN(label) \
	DECQ ROUNDS \
	JNZ  label

// func peakVNNI(rounds int): 16 times 64 multiply-accumulates of bytes
TEXT ·peakVNNI(SB), NOSPLIT, $0-8
	MOVQ   rounds+0(FP), ROUNDS
	VPXORD Z30, Z30, Z30
	VPXORD Z31, Z31, Z31

round:
	VPDPBUSD Z31, Z30, Z0
	VPDPBUSD Z31, Z30, Z1
	VPDPBUSD Z31, Z30, Z2
	VPDPBUSD Z31, Z30, Z3
	VPDPBUSD Z31, Z30, Z4
	VPDPBUSD Z31, Z30, Z5
	VPDPBUSD Z31, Z30, Z6
	VPDPBUSD Z31, Z30, Z7
	VPDPBUSD Z31, Z30, Z8
	VPDPBUSD Z31, Z30, Z9
	VPDPBUSD Z31, Z30, Z10
	VPDPBUSD Z31, Z30, Z11
	VPDPBUSD Z31, Z30, Z12
	VPDPBUSD Z31, Z30, Z13
	VPDPBUSD Z31, Z30, Z14
	VPDPBUSD Z31, Z30, Z15
	AGAIN(round)
	VZEROUPPER
	RET

// VPDPBUSD256 is vpdpbusd ymmd, ymm14, ymm15 as a CPU with AVX-VNNI has it;
// the assembler knows the form of AVX-512 only. See words_amd64.h of the
// kernels.
#define VPDPBUSD256(d) BYTE $0xc4; LONG $(0xc7500dc2 ^ ((d)&7)<<27 ^ ((d)>>3)<<7)

// func peakVNNI256(rounds int): 12 times 32 multiply-accumulates of bytes
TEXT ·peakVNNI256(SB), NOSPLIT, $0-8
	MOVQ  rounds+0(FP), ROUNDS
	VPXOR Y14, Y14, Y14
	VPXOR Y15, Y15, Y15

round:
	VPDPBUSD256(0)
	VPDPBUSD256(1)
	VPDPBUSD256(2)
	VPDPBUSD256(3)
	VPDPBUSD256(4)
	VPDPBUSD256(5)
	VPDPBUSD256(6)
	VPDPBUSD256(7)
	VPDPBUSD256(8)
	VPDPBUSD256(9)
	VPDPBUSD256(10)
	VPDPBUSD256(11)
	AGAIN(round)
	VZEROUPPER
	RET

// MADD adds 32 products of bytes to sum, the way of AVX2: pairs to 16 bits,
// pairs of those to 32 bits. Y14 and Y15 are the operands, Y13 is for ones.
#define MADD(tmp, sum) \
	VPMADDUBSW Y15, Y14, tmp \
	VPMADDWD   Y13, tmp, tmp \
	VPADDD     tmp, sum, sum

// func peakMADD(rounds int): 6 times 32 multiply-accumulates of bytes
TEXT ·peakMADD(SB), NOSPLIT, $0-8
	MOVQ  rounds+0(FP), ROUNDS
	VPXOR Y13, Y13, Y13
	VPXOR Y14, Y14, Y14
	VPXOR Y15, Y15, Y15

round:
	MADD(Y6, Y0)
	MADD(Y7, Y1)
	MADD(Y8, Y2)
	MADD(Y9, Y3)
	MADD(Y10, Y4)
	MADD(Y11, Y5)
	AGAIN(round)
	VZEROUPPER
	RET

// func peakFMA512(rounds int): 16 times 16 multiply-accumulates of float32
TEXT ·peakFMA512(SB), NOSPLIT, $0-8
	MOVQ   rounds+0(FP), ROUNDS
	VZEROALL // of 0 to 15
	VPXORD Z31, Z31, Z31

round:
	VFMADD231PS Z31, Z31, Z0
	VFMADD231PS Z31, Z31, Z1
	VFMADD231PS Z31, Z31, Z2
	VFMADD231PS Z31, Z31, Z3
	VFMADD231PS Z31, Z31, Z4
	VFMADD231PS Z31, Z31, Z5
	VFMADD231PS Z31, Z31, Z6
	VFMADD231PS Z31, Z31, Z7
	VFMADD231PS Z31, Z31, Z8
	VFMADD231PS Z31, Z31, Z9
	VFMADD231PS Z31, Z31, Z10
	VFMADD231PS Z31, Z31, Z11
	VFMADD231PS Z31, Z31, Z12
	VFMADD231PS Z31, Z31, Z13
	VFMADD231PS Z31, Z31, Z14
	VFMADD231PS Z31, Z31, Z15
	AGAIN(round)
	VZEROUPPER
	RET

// func peakFMA256(rounds int): 12 times 8 multiply-accumulates of float32
TEXT ·peakFMA256(SB), NOSPLIT, $0-8
	MOVQ  rounds+0(FP), ROUNDS
	VZEROALL

round:
	VFMADD231PS Y15, Y15, Y0
	VFMADD231PS Y15, Y15, Y1
	VFMADD231PS Y15, Y15, Y2
	VFMADD231PS Y15, Y15, Y3
	VFMADD231PS Y15, Y15, Y4
	VFMADD231PS Y15, Y15, Y5
	VFMADD231PS Y15, Y15, Y6
	VFMADD231PS Y15, Y15, Y7
	VFMADD231PS Y15, Y15, Y8
	VFMADD231PS Y15, Y15, Y9
	VFMADD231PS Y15, Y15, Y10
	VFMADD231PS Y15, Y15, Y11
	AGAIN(round)
	VZEROUPPER
	RET
