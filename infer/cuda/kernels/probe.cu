// What the device can do at most, for cusp bench: memory, and multiply-adds that
// wait for nothing. Results are stored so that no compiler leaves the work out.
#include "warp.h"

// probe_read: every warp folds what it read; one word of a block is kept.
KERNEL_FUNCTION(256) probe_read(int *dst, const int *RESTRICT src, long long words) {
  long long step = (long long)blocks_x() * 256;
  uint32x4 all = {0, 0, 0, 0};
#pragma unroll 4
  for (long long i = (long long)block_x() * 256 + thread(); i < words / 4; i += step) all ^= read((const uint32x4 *)src + i);
  uint32 v = all[0] ^ all[1] ^ all[2] ^ all[3];
  for (int i = 1; i < 32; i *= 2) v ^= shuffle_xor(v, i);
  if (thread() == 0) dst[block_x()] = (int)v;
}

// chains are independent sums, enough to hide how long one addition takes.
enum { CHAINS = 8, DEPTH = 16 };

KERNEL_FUNCTION(256) probe_dp4a(int *dst, int rounds) {
  int at = block_x() * 256 + thread(), sums[CHAINS] = {};
  for (int r = 0; r < rounds; r++)
#pragma unroll
    for (int k = 0; k < DEPTH; k++)
#pragma unroll
      for (int i = 0; i < CHAINS; i++) sums[i] = dot4(at + r, at ^ i, sums[i]);
  int all = 0;
  for (int i = 0; i < CHAINS; i++) all += sums[i];
  dst[at] = all;
}

KERNEL_FUNCTION(256) probe_fma(float *dst, int rounds) {
  int at = block_x() * 256 + thread();
  float sums[CHAINS] = {}, x = at * 0x1p-20f;
  for (int r = 0; r < rounds; r++)
#pragma unroll
    for (int k = 0; k < DEPTH; k++)
#pragma unroll
      for (int i = 0; i < CHAINS; i++) sums[i] = fma(x, sums[i], i + 1.f);
  float all = 0;
  for (int i = 0; i < CHAINS; i++) all += sums[i];
  dst[at] = all;
}

KERNEL_FUNCTION(256) probe_mma(int *dst, int rounds) {
  int at = block_x() * 256 + thread(), sums[CHAINS][4] = {};
#if HAS_MMA
  for (int r = 0; r < rounds; r++)
#pragma unroll
    for (int i = 0; i < CHAINS; i++) mma_16x8x32(sums[i], at + r, at, at + 2, at + 3, at, at ^ i);
#endif
  int all = 0;
  for (int i = 0; i < CHAINS; i++) all += sums[i][0] + sums[i][1] + sums[i][2] + sums[i][3];
  dst[at] = all;
}
