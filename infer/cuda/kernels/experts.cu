// Sparse feed-forward layers: which experts a row goes through, and the sum of
// what they make of it. A warp has a row.
#include "arith.h"

enum { MAX_EXPERTS = 1024 };

// first_largest is the index of the first of the largest values; every lane gets it.
DEVICE int first_largest(const float *v, int n) {
  float best = -infinity();
  int at = n;
  for (int i = lane(); i < n; i += 32)
    if (v[i] > best || at == n) best = v[i], at = i;
  for (int mask = 1; mask < 32; mask *= 2) {
    float other = shuffle_xor(best, mask);
    int where = shuffle_xor(at, mask);
    if (where < n && (at == n || other > best || (other == best && where < at))) best = other, at = where;
  }
  return at;
}

KERNEL_FUNCTION(32) route(const float *RESTRICT scores, int *experts, float *weights, int n, int all, int used, int sum_to_1) {
  SHARED(float, left, MAX_EXPERTS); // of experts that were not chosen; then the weight of those that were
  SHARED(int, chosen, MAX_EXPERTS);
  int row = block_x();
  scores += (long long)row * all;
  // 1. Softmax.
  float most = -infinity(), sum = 0;
  for (int i = lane(); i < all; i += 32) most = larger(scores[i], most);
  most = warp_max(most);
  for (int i = lane(); i < all; i += 32) sum += left[i] = exponential(scores[i] - most), chosen[i] = 0;
  float factor = 1 / warp_sum(sum);
  for (int i = lane(); i < all; i += 32) left[i] *= factor;
  sync_block();
  // 2. The largest, one after the other.
  float total = 0;
  for (int k = 0; k < used; k++) {
    int best = first_largest(left, all);
    total += left[best];
    sync_block();
    if (lane() == 0) {
      weights[(long long)row * used + k] = left[best]; // room for step 3
      chosen[best] = k + 1;
      left[best] = -infinity();
    }
    sync_block();
  }
  // 3. In the order of the experts, so that sums over them always have the same.
  if (lane() != 0) return;
  for (int i = 0, k = 0; i < all; i++)
    if (chosen[i]) experts[(long long)row * used + k++] = i, left[i] = weights[(long long)row * used + chosen[i] - 1];
  for (int k = 0; k < used; k++) {
    float w = left[experts[(long long)row * used + k]];
    weights[(long long)row * used + k] = sum_to_1 ? w * (1 / total) : w;
  }
}

KERNEL_FUNCTION(256) mix_experts(float *dst, const float *RESTRICT y, const float *RESTRICT weights, int n, int used, int dim, int add) {
  int column = block_x() * 256 + thread(), row = block_y();
  if (column >= dim) return;
  float sum = 0;
  for (int k = 0; k < used; k++) sum = fma(weights[(long long)row * used + k], y[((long long)row * used + k) * dim + column], sum);
  float *to = dst + (long long)row * dim + column;
  *to = add ? *to + sum : sum;
}
