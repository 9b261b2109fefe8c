// The likeliest tokens, so that only they need to leave the device.
#include "arith.h"

enum { TOP_MOST = 64, TOP_THREADS = 256 };

// key orders logits as numbers, larger ones first, and equal ones by their index,
// smaller ones first. NaN counts as the largest or the smallest, by its sign.
DEVICE uint64 key(float v, int index) {
  uint32 b = bits_of(v);
  b = b & 0x80000000 ? ~b : b | 0x80000000;
  return (uint64)b << 32 | (uint32)~index;
}

// top_floor is the smallest of the k largest keys: digit by digit from the top,
// those that share what is known of it are counted by their next digit.
DEVICE uint64 top_floor(const float *logits, int vocab, int k) {
  SHARED(int, counts, 256);
  uint64 floor = 0;
  for (int shift = 56; shift >= 0; shift -= 8) {
    sync_block();
    counts[thread()] = 0;
    sync_block();
    for (int i = thread(); i < vocab; i += TOP_THREADS) {
      uint64 v = key(logits[i], i);
      if (shift == 56 || (v ^ floor) >> (shift + 8) == 0) atomic_add(&counts[v >> shift & 255], 1);
    }
    sync_block();
    int digit = 255;
    while (counts[digit] < k) k -= counts[digit--];
    floor |= (uint64)digit << shift;
  }
  return floor;
}

// top_k: one block a row.
KERNEL_FUNCTION(TOP_THREADS) top_k(const float *RESTRICT logits, int *ids, float *values, float *sums, int n, int vocab, int k, long long ld) {
  SHARED(uint64, found, TOP_MOST);
  SHARED(float, room, 8);
  SHARED(int, count, 1);
  int row = block_x();
  logits += row * ld;
  // 1. Which they are, in any order.
  if (thread() == 0) count[0] = 0;
  uint64 floor = top_floor(logits, vocab, k);
  for (int i = thread(); i < vocab; i += TOP_THREADS) {
    uint64 v = key(logits[i], i);
    if (v >= floor) found[atomic_add(count, 1)] = v;
  }
  sync_block();
  // 2. Each goes to its rank. No two keys are equal.
  float largest = 0;
  for (int i = 0; i < k; i++) {
    int rank = 0, id = ~(int)(uint32)found[i];
    for (int j = 0; j < k; j++) rank += found[j] > found[i];
    if (rank == 0) largest = logits[id];
    if (thread() == i) ids[row * k + rank] = id, values[row * k + rank] = logits[id];
  }
  // 3. What turns logits into probabilities.
  float sum = 0;
  for (int i = thread(); i < vocab; i += TOP_THREADS) sum += exponential(logits[i] - largest);
  sum = block_sum(sum, room);
  if (thread() == 0) sums[2 * row] = largest, sums[2 * row + 1] = sum;
}
