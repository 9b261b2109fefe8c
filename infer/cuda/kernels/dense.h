// Weights that are numbers already.
#pragma once
#include "warp.h"

// A type has the bytes of a value, and at, the value at an address. eight reads
// eight values from a multiple of 16 bytes on.
struct F32 {
  enum { bytes = 4 };
  DEVICE float at(const uint8 *p) { return read((const float *)p); }
  DEVICE void eight(float to[8], const uint8 *p) {
    float4 a = read((const float4 *)p), b = read((const float4 *)p + 1);
    for (int i = 0; i < 4; i++) to[i] = a[i], to[i + 4] = b[i];
  }
};

template <class T> struct Half16 {
  enum { bytes = 2 };
  DEVICE float at(const uint8 *p) { return T::widen(read((const uint16 *)p)); }
  DEVICE void eight(float to[8], const uint8 *p) {
    uint32x4 v = read((const uint32x4 *)p);
    for (int i = 0; i < 4; i++) to[2 * i] = T::widen((uint16)v[i]), to[2 * i + 1] = T::widen((uint16)(v[i] >> 16));
  }
};
struct F16 : Half16<F16> {
  DEVICE float widen(uint16 v) { return from_half(v); }
};
struct BF16 : Half16<BF16> {
  DEVICE float widen(uint16 v) { return float_of((uint32)v << 16); }
};

// lane_eight reads the lane's 8 of 256 columns of a row from column on; zeros
// behind the row's end. Whole says that rows begin at multiples of 16 bytes and
// have whole eights.
template <class T, bool Whole> DEVICE void lane_eight(float to[8], const uint8 *row, int column, int cols) {
  column += lane() * 8;
#pragma unroll
  for (int i = 0; i < 8; i++) to[i] = 0;
  if (Whole) {
    if (column < cols) T::eight(to, row + (long long)column * T::bytes);
    return;
  }
#pragma unroll
  for (int i = 0; i < 8; i++)
    if (column + i < cols) to[i] = T::at(row + (long long)(column + i) * T::bytes);
}
