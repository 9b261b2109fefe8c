// Sums and maxima over lanes, always by the same tree.
#pragma once
#include <device.h>

DEVICE int lane() { return thread() & 31; }
DEVICE int warp() { return thread() >> 5; }

DEVICE float shuffle_xor(float v, int mask) { return float_of(shuffle_xor((int)bits_of(v), mask)); }
DEVICE float shuffle(float v, int from) { return float_of(shuffle((int)bits_of(v), from)); }
DEVICE uint32 shuffle_xor(uint32 v, int mask) { return (uint32)shuffle_xor((int)v, mask); }

DEVICE float larger(float a, float b) { return a > b ? a : b; }
DEVICE float smaller(float a, float b) { return a < b ? a : b; }
DEVICE int larger(int a, int b) { return a > b ? a : b; }
DEVICE int smaller(int a, int b) { return a < b ? a : b; }
DEVICE uint32 larger(uint32 a, uint32 b) { return a > b ? a : b; }
DEVICE int ceil_div(int a, int b) { return (a + b - 1) / b; }

// warp_sum adds neighbours first: ((v0+v1)+(v2+v3))+... Every lane gets the same bits.
template <class T> DEVICE T warp_sum(T v) {
  for (int i = 1; i < 32; i *= 2) v += shuffle_xor(v, i);
  return v;
}
template <class T> DEVICE T warp_max(T v) {
  for (int i = 1; i < 32; i *= 2) v = larger(v, shuffle_xor(v, i));
  return v;
}

// block_sum is the sum over the block, by the tree of each warp and then in the
// order of the warps. room is shared memory for a value of each warp, and may be
// used again only after another sync_block.
DEVICE float block_sum(float v, float *room) {
  v = warp_sum(v);
  if (threads() == 32) return v;
  if (lane() == 0) room[warp()] = v;
  sync_block();
  float sum = room[0];
  for (int w = 1; w < threads() / 32; w++) sum += room[w];
  return sum;
}
