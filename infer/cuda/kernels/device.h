// All that only a GPU has, under names of our own: infer/cuda/simulator puts a
// header with the same names in front of this one and runs the kernels on the
// host. Nothing else in this folder may use a builtin, a special register or an
// address space.
//
// Compiled by clang as CUDA, without NVIDIA's headers. CUSP_ARCH is 53, 61, 75 or 80.
#pragma once

// Of the largest blocks two fit a multiprocessor.
#define KERNEL_FUNCTION(threads) extern "C" __attribute__((global)) __attribute__((launch_bounds(threads, ((threads) + 127) / 128))) void
#define DEVICE static inline __attribute__((device)) __attribute__((always_inline))
#define DEVICE_METHOD inline __attribute__((device)) __attribute__((always_inline))
#define RESTRICT __restrict__

// SHARED declares memory of the block, DYNAMIC_SHARED what the launch gives it.
#define SHARED(type, name, n) __attribute__((shared)) type name[n]
#define DYNAMIC_SHARED(type, name) extern __attribute__((shared)) type name[]

// Whether dp4a and the tensor cores' int8 products are instructions.
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

// Where a thread is. Blocks have one dimension, a multiple of 32 threads.
DEVICE int thread() { return __nvvm_read_ptx_sreg_tid_x(); }
DEVICE int threads() { return __nvvm_read_ptx_sreg_ntid_x(); }
DEVICE int block_x() { return __nvvm_read_ptx_sreg_ctaid_x(); }
DEVICE int block_y() { return __nvvm_read_ptx_sreg_ctaid_y(); }
DEVICE int block_z() { return __nvvm_read_ptx_sreg_ctaid_z(); }
DEVICE int blocks_x() { return __nvvm_read_ptx_sreg_nctaid_x(); }

// sync_block waits for all threads of the block, and for their writes.
DEVICE void sync_block() { __syncthreads(); }

// Exchange between the 32 lanes of a warp, all of which take part.
DEVICE int shuffle_xor(int v, int mask) {
  int out;
  asm volatile("shfl.sync.bfly.b32 %0, %1, %2, 31, -1;" : "=r"(out) : "r"(v), "r"(mask));
  return out;
}
DEVICE int shuffle(int v, int lane) {
  int out;
  asm volatile("shfl.sync.idx.b32 %0, %1, %2, 31, -1;" : "=r"(out) : "r"(v), "r"(lane));
  return out;
}

DEVICE uint32 bits_of(float v) { return __builtin_bit_cast(uint32, v); }
DEVICE float float_of(uint32 v) { return __builtin_bit_cast(float, v); }

// fma is the one fused multiply-add: the compiler makes none of its own.
DEVICE float fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
DEVICE float square_root(float v) { return __nvvm_sqrt_rn_f(v); }
DEVICE float round_to_even(float v) { return __builtin_rintf(v); }

// Binary16 to float32 and back, rounded to nearest, ties to even; beyond 65504 is infinite.
DEVICE float from_half(uint16 v) {
  float out;
  asm("cvt.f32.f16 %0, %1;" : "=f"(out) : "h"(v));
  return out;
}
DEVICE uint16 to_half(float v) {
  uint16 out;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(out) : "f"(v));
  return out;
}

// permute picks four of the eight bytes b:a, by the nibbles of order; byte 0 is a's lowest.
DEVICE uint32 permute(uint32 a, uint32 b, uint32 order) {
  uint32 out;
  asm("prmt.b32 %0, %1, %2, %3;" : "=r"(out) : "r"(a), "r"(b), "r"(order));
  return out;
}

// dot4 is c plus the products of the four signed bytes of a and b.
DEVICE int dot4(uint32 a, uint32 b, int c) {
#if HAS_DP4A
  int out;
  asm("dp4a.s32.s32 %0, %1, %2, %3;" : "=r"(out) : "r"(a), "r"(b), "r"(c));
  return out;
#else
  for (int i = 0; i < 32; i += 8) c += (int)(int8)(a >> i) * (int)(int8)(b >> i);
  return c;
#endif
}

// Products of int8 matrices by a whole warp, added to c. With g = lane/4 and
// t = lane%4 a lane holds of A [16][32]: a0, a2 of row g, a1, a3 of row g+8, columns
// 4t to 4t+3 (a0, a1) and 16 further (a2, a3); of B [32][8] the same rows of
// column g (b0, b1); of C [16][8] the columns 2t and 2t+1 of row g (c0, c1)
// and row g+8 (c2, c3). (PTX ISA, mma.m16n8k32, and two by two mma.m8n8k16.)
#if HAS_MMA
DEVICE void mma_8x8x16(int &c0, int &c1, uint32 a, uint32 b) {
  asm("mma.sync.aligned.m8n8k16.row.col.s32.s8.s8.s32 {%0, %1}, {%2}, {%3}, {%0, %1};" : "+r"(c0), "+r"(c1) : "r"(a), "r"(b));
}
#endif
// mma_16x8x16 is the half with a0, a1 and b0.
DEVICE void mma_16x8x16(int c[4], uint32 a0, uint32 a1, uint32 b0) {
#if CUSP_ARCH >= 80
  asm("mma.sync.aligned.m16n8k16.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"
      : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3]) : "r"(a0), "r"(a1), "r"(b0));
#elif HAS_MMA
  mma_8x8x16(c[0], c[1], a0, b0);
  mma_8x8x16(c[2], c[3], a1, b0);
#endif
}
DEVICE void mma_16x8x32(int c[4], uint32 a0, uint32 a1, uint32 a2, uint32 a3, uint32 b0, uint32 b1) {
#if CUSP_ARCH >= 80
  asm("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3]) : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
#else
  mma_16x8x16(c, a0, a1, b0);
  mma_16x8x16(c, a2, a3, b1);
#endif
}

// read loads what no kernel writes while this one runs: through the read-only
// cache, which is the only one between memory and Maxwell's processors.
DEVICE uint8 read(const uint8 *p) { return __nvvm_ldg_uc(p); }
DEVICE uint16 read(const uint16 *p) { return __nvvm_ldg_us(p); }
DEVICE uint32 read(const uint32 *p) { return __nvvm_ldg_ui(p); }
DEVICE int read(const int *p) { return __nvvm_ldg_i(p); }
DEVICE float read(const float *p) { return __nvvm_ldg_f(p); }
DEVICE uint32x2 read(const uint32x2 *p) { return __nvvm_ldg_ui2(p); }
DEVICE uint32x4 read(const uint32x4 *p) { return __nvvm_ldg_ui4(p); }
DEVICE float4 read(const float4 *p) { return __nvvm_ldg_f4(p); }

// atomic_add adds to a value in shared memory and returns what was there.
DEVICE int atomic_add(int *p, int v) { return __nvvm_atom_add_gen_i(p, v); }
