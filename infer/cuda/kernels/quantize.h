// Activations as int8 in groups of 32 columns; what infer/kernel's Activations
// holds, bit for bit.
#pragma once
#include "arith.h"

// Planes is where quantized activations of a batch go; see README.md.
struct Planes {
  int8 *q;
  float *d;
  int *halves;
};

// round_away rounds to nearest, ties away from zero. v is within +-127.5 or NaN.
// What is added is the largest value below 0.5: 0.5 itself would round the value
// before 0.5 up.
DEVICE int round_away(float v) {
  float half = float_of(0x3effffff | (bits_of(v) & 0x80000000));
  return v != v ? 0 : (int)(v + half);
}

// group_scale is max|v|/127 over the lanes, and its reciprocal: both zero for a
// group of zeros, NaN and zero for one that is not finite.
DEVICE float group_scale(float v, float *inverse) {
  uint32 largest = warp_max(bits_of(v) & 0x7fffffff);
  float m = float_of(largest);
  *inverse = 0;
  if (largest >= 0x7f800000) return float_of(0x7fc00000);
  if (m < 0x1p-119f) return 0; // its reciprocal would be no float32
  *inverse = 127 / m;
  return m / 127;
}

// quantize_group makes a warp's values a group: that of row's columns from 32*group on.
DEVICE void quantize_group(Planes to, float v, int row, int group, int groups) {
  float inverse;
  float d = group_scale(v, &inverse);
  int q = round_away(v * inverse);
  int half = q;
  for (int i = 1; i < 16; i *= 2) half += shuffle_xor(half, i);
  int other = shuffle_xor(half, 16);
  long long at = (long long)row * groups + group;
  to.q[at * 32 + lane()] = (int8)q;
  if (lane() == 0) {
    to.d[at] = d;
    to.halves[at] = (half & 0xffff) | (int)((uint32)other << 16);
  }
}
