// Storing keys and values in their pages.
#include "cache.h"

// head_scale is group_scale over all values of a head.
DEVICE float head_scale(const float *x, int head_dim, float *inverse) {
  uint32 largest = 0;
  for (int d = lane(); d < head_dim; d += 32) largest = larger(largest, bits_of(x[d]) & 0x7fffffff);
  return group_scale(float_of(largest), inverse);
}

// store: a warp has a head of a position.
template <class KV> DEVICE void store(Cache cache, const float *keys, const float *values, const int *slots, int head_dim, int ld) {
  int head = block_x(), row = block_y(), slot = slots[row];
  if (slot < 0) return;
  long long from = (long long)row * ld + head * head_dim;
  keys += from, values += from;
  Head<KV> to = cache.head<KV>(slot / PAGE, head, units_of<KV>(head_dim));
  slot %= PAGE;
  float key_inverse = 0, value_inverse = 0;
  if (KV::scaled) {
    float key_scale = head_scale(keys, head_dim, &key_inverse), value_scale = head_scale(values, head_dim, &value_inverse);
    if (lane() == 0) *to.key_scale(slot) = key_scale, *to.value_scale(slot) = value_scale;
  }
  for (int d = lane(); d < to.units * KV::values; d += 32) {
    KV::put(to.key(slot, d), d < head_dim ? keys[d] : 0, key_inverse);
    KV::put(to.value(slot, d), d < head_dim ? values[d] : 0, value_inverse);
  }
}

#define STORE(name, KV) \
  KERNEL_FUNCTION(32) store_##name(void *cache, long long page_bytes, long long head_bytes, const float *RESTRICT keys, const float *RESTRICT values, \
                                   const int *RESTRICT slots, int n, int heads, int head_dim, int ld) { \
    store<KV>({cache, page_bytes, head_bytes}, keys, values, slots, head_dim, ld); \
  }
STORE(f16, InF16)
STORE(f32, InF32)
STORE(i8, InI8)

KERNEL_FUNCTION(256) copy_page(void *cache, long long page_bytes, int dst, int src) {
  long long at = ((long long)block_x() * 256 + thread()) * 16;
  if (at < page_bytes) *(uint32x4 *)((uint8 *)cache + dst * page_bytes + at) = *(const uint32x4 *)((const uint8 *)cache + src * page_bytes + at);
}
