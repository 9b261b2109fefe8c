// The simulator's answer to infer/cuda/kernels/device.h: the same names, on the CPU.
#pragma once

#include "threads.h"  // by kernels.cc already: this header comes into a namespace of its own

#define KERNEL_FUNCTION(threads) static void
#define DEVICE static inline
#define DEVICE_METHOD inline
#define DEVICE_TABLE static const
#define RESTRICT __restrict__

// Blocks run one after the other: what belongs to one is a static variable, put
// together where run_grid spoils it.
#define SHARED(type, name, n) __attribute__((section("cusp_shared"), aligned(16))) static type name[n]
#define DYNAMIC_SHARED(type, name) type *name = (type *)cusp::shared_

#define HAS_DP4A (CUSP_ARCH >= 61)
#define HAS_MMA (CUSP_ARCH >= 75)

typedef signed char int8;
typedef unsigned char uint8;
typedef unsigned short uint16;
typedef unsigned int uint32;
typedef unsigned long long uint64;
typedef uint32 uint32x2 __attribute__((ext_vector_type(2)));
typedef uint32 uint32x4 __attribute__((ext_vector_type(4)));
typedef float float2 __attribute__((ext_vector_type(2)));
typedef float float4 __attribute__((ext_vector_type(4)));

DEVICE int thread() { return cusp::thread_; }
DEVICE int threads() { return cusp::threads_; }
DEVICE int block_x() { return cusp::block_.x; }
DEVICE int block_y() { return cusp::block_.y; }
DEVICE int block_z() { return cusp::block_.z; }
DEVICE int blocks_x() { return cusp::blocks_.x; }

DEVICE void sync_block() { cusp::barrier(); }

// As shfl.sync: the five low bits of the sum or of the lane count.
DEVICE int shuffle_xor(int v, int mask) { return (int)cusp::exchange((uint32)v)[(cusp::thread_ ^ mask) & 31]; }
DEVICE int shuffle(int v, int lane) { return (int)cusp::exchange((uint32)v)[lane & 31]; }

DEVICE uint32 bits_of(float v) { return __builtin_bit_cast(uint32, v); }
DEVICE float float_of(uint32 v) { return __builtin_bit_cast(float, v); }

DEVICE float fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
DEVICE float square_root(float v) { return __builtin_sqrtf(v); }
DEVICE float round_to_even(float v) { return __builtin_rintf(v); }

DEVICE float from_half(uint16 v) { return (float)__builtin_bit_cast(_Float16, v); }
DEVICE uint16 to_half(float v) { return __builtin_bit_cast(uint16, (_Float16)v); }

// prmt.b32 in its default mode; the nibble's high bit repeats the byte's sign.
DEVICE uint32 permute(uint32 a, uint32 b, uint32 order) {
	uint64 all = (uint64)b << 32 | a;
	uint32 out = 0;
	for (int i = 0; i < 4; i++) {
		uint32 nibble = order >> 4 * i & 15, byte = all >> 8 * (nibble & 7) & 255;
		if (nibble & 8) byte = byte & 128 ? 255 : 0;
		out |= byte << 8 * i;
	}
	return out;
}

DEVICE int dot4(uint32 a, uint32 b, int c) {
	for (int i = 0; i < 32; i += 8) c = (int)((uint32)c + (uint32)((int8)(a >> i) * (int8)(b >> i)));
	return c;
}

// Products of the tensor cores, after the tables of fragments in the PTX ISA:
// lane 4g+t holds of A row g, of B column g, the four k from 4t on; of C the
// columns 2t and 2t+1 of row g. The sums wrap, as the instruction's do.
DEVICE void mma_8x8x16(int &c0, int &c1, uint32 a, uint32 b) {
	const uint64_t *all = cusp::exchange((uint64)b << 32 | a);
	int g = (cusp::thread_ & 31) / 4, t = cusp::thread_ & 3;
	for (int k = 0; k < 4; k++) {
		uint32 row = (uint32)all[4 * g + k];
		c0 = dot4(row, (uint32)(all[4 * (2 * t) + k] >> 32), c0);
		c1 = dot4(row, (uint32)(all[4 * (2 * t + 1) + k] >> 32), c1);
	}
}
DEVICE void mma_16x8x16(int c[4], uint32 a0, uint32 a1, uint32 b0) {
	mma_8x8x16(c[0], c[1], a0, b0);
	mma_8x8x16(c[2], c[3], a1, b0);
}
DEVICE void mma_16x8x32(int c[4], uint32 a0, uint32 a1, uint32 a2, uint32 a3, uint32 b0, uint32 b1) {
	mma_16x8x16(c, a0, a1, b0);
	mma_16x8x16(c, a2, a3, b1);
}

template <class T> DEVICE T read(const T *p) { return *p; }

// Threads take turns where they wait only, so that this is one step.
DEVICE int atomic_add(int *p, int v) {
	int was = *p;
	*p = was + v;
	return was;
}
