// The arithmetic of quantized products; README.md has the order of sums.
#pragma once
#include "matrix.h"
#include "unpack.h"

// Inputs is a batch of quantized activations; see quantize.h.
struct Inputs {
  const int8 *q;
  const float *d;
  const int *halves;
  int n, cols;
};

// half_sums are d times the sums of a group's halves, or of all of it in the
// first one where 32 columns share a minimum.
template <class T> DEVICE void half_sums(float sums[2], float d, int halves) {
  int low = (short)halves, high = halves >> 16;
  sums[0] = d * (float)(T::group == 16 ? low : low + high);
  sums[1] = d * (float)high;
}

// term is what a group adds to a product: i are the integer products of its
// halves, or all of it in i[0] where the columns share a scale.
template <class T> DEVICE float term(const int i[2], const float scale[2], const float minimum[2], float d, const float sums[2]) {
  float v = (scale[0] * d) * (float)i[0];
  if (T::group == 16) v = fma(scale[1] * d, (float)i[1], v);
  if (T::minima) v = fma(-minimum[0], sums[0], v);
  if (T::minima && T::group == 16) v = fma(-minimum[1], sums[1], v);
  return v;
}
