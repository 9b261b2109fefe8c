// Where keys and values lie in a page: 16-byte units, so that a lane that has a
// position reads whole units, beside its neighbours'; see README.md.
#pragma once
#include "quantize.h"

enum { PAGE = 16, UNIT = 16 };

// A kind of storage has the number of values of a unit; four and two, which widen
// neighbours; and put, which stores a value. scaled says that each position has a
// scale.
struct InF16 {
  enum { values = 8, bytes = 2, scaled = 0 };
  DEVICE void four(float to[4], const uint8 *p) {
    uint32x2 v = read((const uint32x2 *)p);
    to[0] = from_half((uint16)v[0]), to[1] = from_half((uint16)(v[0] >> 16));
    to[2] = from_half((uint16)v[1]), to[3] = from_half((uint16)(v[1] >> 16));
  }
  DEVICE void two(float to[2], const uint8 *p) {
    uint32 v = read((const uint32 *)p);
    to[0] = from_half((uint16)v), to[1] = from_half((uint16)(v >> 16));
  }
  DEVICE void put(uint8 *p, float v, float inverse) { *(uint16 *)p = to_half(v); }
};

struct InF32 {
  enum { values = 4, bytes = 4, scaled = 0 };
  DEVICE void four(float to[4], const uint8 *p) {
    float4 v = read((const float4 *)p);
    to[0] = v[0], to[1] = v[1], to[2] = v[2], to[3] = v[3];
  }
  DEVICE void two(float to[2], const uint8 *p) { to[0] = read((const float *)p), to[1] = read((const float *)p + 1); }
  DEVICE void put(uint8 *p, float v, float inverse) { *(float *)p = v; }
};

struct InI8 {
  enum { values = 16, bytes = 1, scaled = 1 };
  DEVICE void four(float to[4], const uint8 *p) {
    uint32 v = read((const uint32 *)p);
    to[0] = (float)(int8)v, to[1] = (float)(int8)(v >> 8), to[2] = (float)(int8)(v >> 16), to[3] = (float)(int8)(v >> 24);
  }
  DEVICE void two(float to[2], const uint8 *p) {
    uint16 v = read((const uint16 *)p);
    to[0] = (float)(int8)v, to[1] = (float)(int8)(v >> 8);
  }
  DEVICE void put(uint8 *p, float v, float inverse) { *(int8 *)p = (int8)round_away(v * inverse); }
};

// Head finds the parts of one head's block of a page.
template <class KV> struct Head {
  uint8 *base;
  int units;

  DEVICE_METHOD uint8 *key(int slot, int d) const { return base + (d / KV::values * PAGE + slot) * UNIT + d % KV::values * KV::bytes; }
  DEVICE_METHOD uint8 *value(int slot, int d) const { return base + (PAGE + slot) * units * UNIT + d * KV::bytes; }
  DEVICE_METHOD float *key_scale(int slot) const { return (float *)(base + 2 * PAGE * units * UNIT) + slot; }
  DEVICE_METHOD float *value_scale(int slot) const { return key_scale(slot) + PAGE; }
};

template <class KV> DEVICE int units_of(int head_dim) { return ceil_div(head_dim, KV::values); }

// Cache is a layer's keys and values.
struct Cache {
  void *base;
  long long page_bytes, head_bytes;

  template <class KV> DEVICE_METHOD Head<KV> head(int page, int head, int units) const {
    return {(uint8 *)base + page * page_bytes + head * head_bytes, units};
  }
};
