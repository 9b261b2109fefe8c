// Attention over paged keys and values. A block has a tile: the queries of some
// consecutive rows that read one head of keys, at most 16. It goes over segments
// of 256 positions, in chunks of 128, with an online softmax (arXiv 2205.14135);
// chunks and segments lie at fixed positions, and what a query gets does not
// depend on the tile that it is in. For a chunk
//
//	scores   a thread has a position, and up to 8 queries
//	softmax  a warp has a query
//	mix      a thread has two neighbouring values of some positions, and up to 8 queries
#include "cache.h"

enum { QUERIES = 16, PASS = 8, CHUNK = 128, SEGMENT = 256, ATTEND_THREADS = 128 };

struct Tile {
  int row, rows, position, end, pages, partial, causal, pad;
};

// Look is how the rows look, the same for a launch.
struct Look {
  int heads, kv_heads, head_dim;
  float scale;
  int window;
  float limit;
  const float *slopes, *biases;
  int reach;
  int kv_head; // of the block

  DEVICE_METHOD int group() const { return heads / kv_heads; }
  DEVICE_METHOD int first(int position) const { return window > 0 ? larger(0, position + 1 - window) : 0; }
  DEVICE_METHOD int first_segment(const Tile &t) const { return first(t.position) / SEGMENT; }
  DEVICE_METHOD int segments(const Tile &t) const { return ceil_div(t.end, SEGMENT) - first_segment(t); }
  DEVICE_METHOD int head(int query) const { return kv_head * group() + query % group(); }
  DEVICE_METHOD int row(int query) const { return query / group(); }
  // at is where a query of the tile begins, and its result.
  DEVICE_METHOD long long at(const Tile &t, int query) const { return ((long long)(t.row + row(query)) * heads + head(query)) * head_dim; }
  // width is head_dim up to whole units of any kind.
  DEVICE_METHOD int width() const { return ceil_div(head_dim, 16) * 16; }
};

// Softmax is a running softmax of the queries: with the weights
// exp(score-largest), their sum and the values weighted.
struct Softmax {
  float *largest, *sum; // [PASS]
  float *mixed;         // [PASS][width]
};

// Room is the block's shared memory.
struct Room {
  float *queries;      // [PASS][width], scaled
  float *scores;       // [PASS][CHUNK], then weights; then values of a part of the block
  float *value_scales; // [CHUNK]
  float *keep, *add;   // [PASS] factors of what is there, and of what is merged with it
  float *largest, *sum;
  Softmax total;
};

DEVICE Room make_room(float *shared, int width) {
  Room r;
  r.queries = shared;
  r.scores = r.queries + PASS * width;
  r.value_scales = r.scores + PASS * CHUNK;
  r.keep = r.value_scales + CHUNK;
  r.add = r.keep + PASS;
  r.largest = r.add + PASS;
  r.sum = r.largest + PASS;
  r.total.largest = r.sum + PASS;
  r.total.sum = r.total.largest + PASS;
  r.total.mixed = r.total.sum + PASS;
  return r;
}

// Mixed is what a thread has of the values weighted: two neighbours, d and d+1,
// of the positions that leave part when divided by parts.
template <int N> struct Mixed {
  float v[N][2];
  int d, part, parts;

  DEVICE_METHOD bool idle() const { return part >= parts; }
};

template <int N> DEVICE Mixed<N> make_mixed(int head_dim) {
  int pairs = ceil_div(head_dim, 2);
  return {{}, thread() % pairs * 2, thread() / pairs, ATTEND_THREADS / pairs};
}

// finish is what becomes of a query's score of a position.
DEVICE float finish(const Look &look, const Tile &tile, int query, int position, float score) {
  int own = tile.position + look.row(query);
  if (position >= tile.end || (tile.causal && position > own) || position < look.first(own)) return -infinity();
  if (look.limit != 0) score = look.limit * hyperbolic_tangent(score / look.limit);
  if (look.slopes) score -= look.slopes[look.head(query)] * (float)(own - position);
  if (look.biases) {
    int distance = smaller(larger(position - own, -look.reach), look.reach);
    score += look.biases[look.head(query) * (2 * look.reach + 1) + distance + look.reach];
  }
  return score;
}

// score_chunk sets scores to those of the positions from one on, for N queries
// from one on.
template <class KV, int N> DEVICE void score_chunk(const Room &room, const Look &look, const Tile &tile, const Cache &cache, const int *pages, int query, int from) {
  int position = from + thread(), units = units_of<KV>(look.head_dim), width = look.width();
  float scores[N] = {}, scale = 1;
  if (position < tile.end) {
    Head<KV> head = cache.head<KV>(pages[position / PAGE], look.kv_head, units);
    int slot = position % PAGE;
    float key[4], next[4];
    KV::four(key, head.key(slot, 0));
#pragma unroll 1
    for (int d = 0; d < look.head_dim; d += 4) {
      if (d + 4 < look.head_dim) KV::four(next, head.key(slot, d + 4)); // while this one is multiplied
#pragma unroll
      for (int i = 0; i < N; i++) {
        float4 own = *(const float4 *)(room.queries + i * width + d);
#pragma unroll
        for (int k = 0; k < 4; k++) scores[i] = fma(own[k], key[k], scores[i]);
      }
#pragma unroll
      for (int k = 0; k < 4; k++) key[k] = next[k];
    }
    if (KV::scaled) scale = *head.key_scale(slot), room.value_scales[thread()] = *head.value_scale(slot);
  }
#pragma unroll
  for (int i = 0; i < N; i++) room.scores[i * CHUNK + thread()] = scores[i] * scale;
#pragma unroll 1
  for (int i = 0; i < N; i++) {
    float *score = room.scores + i * CHUNK + thread();
    *score = finish(look, tile, query + i, position, *score);
  }
}

// softmax_query takes a query's scores of a chunk into its running softmax, and
// replaces them by weights; keep is what earlier values are to be multiplied by.
// While a query has seen nothing, largest stays -Inf, and keep is 1.
template <class KV> DEVICE void softmax_query(const Room &room, int i) {
  float *scores = room.scores + i * CHUNK;
  float v[CHUNK / 32], most = -infinity(), before = room.largest[i];
  for (int k = 0; k < CHUNK / 32; k++) v[k] = scores[lane() + 32 * k], most = larger(v[k], most);
  most = larger(warp_max(most), before);
  float shift = most == -infinity() ? 0 : most;
  float keep = most == before ? 1 : exponential(before - most);
  for (int k = 0; k < CHUNK / 32; k++) v[k] = exponential(v[k] - shift);
  float sum = warp_sum((v[0] + v[1]) + (v[2] + v[3]));
  for (int k = 0; k < CHUNK / 32; k++) {
    int p = lane() + 32 * k;
    scores[p] = KV::scaled && v[k] != 0 ? v[k] * room.value_scales[p] : v[k];
  }
  if (lane() == 0) room.keep[i] = keep, room.largest[i] = most, room.sum[i] = fma(room.sum[i], keep, sum);
}

// mix_chunk adds the values of the positions from one on, weighted.
template <class KV, int N> DEVICE void mix_chunk(const Room &room, const Look &look, const Cache &cache, const int *pages, int from, int tokens, Mixed<N> &mixed) {
  if (mixed.idle()) return;
#pragma unroll
  for (int i = 0; i < N; i++) mixed.v[i][0] *= room.keep[i], mixed.v[i][1] *= room.keep[i];
  int units = units_of<KV>(look.head_dim);
#pragma unroll 1
  for (int p = mixed.part; p < tokens; p += mixed.parts) {
    Head<KV> head = cache.head<KV>(pages[(from + p) / PAGE], look.kv_head, units);
    float two[2];
    KV::two(two, head.value(p % PAGE, mixed.d));
#pragma unroll
    for (int i = 0; i < N; i++) {
      float weight = room.scores[i * CHUNK + p];
      mixed.v[i][0] = fma(weight, two[0], mixed.v[i][0]);
      mixed.v[i][1] = fma(weight, two[1], mixed.v[i][1]);
    }
  }
}

// gather_parts adds the parts up, in their order, in part 0's threads. The scores
// make room: with more than one part no head is wider than 128.
template <int N> DEVICE void gather_parts(const Room &room, int width, Mixed<N> &mixed) {
  for (int part = 1; part < mixed.parts; part++) {
    sync_block();
    float *shared = room.scores + mixed.d;
    if (mixed.part == part)
#pragma unroll
      for (int i = 0; i < N; i++) shared[i * width] = mixed.v[i][0], shared[i * width + 1] = mixed.v[i][1];
    sync_block();
    if (mixed.part == 0)
#pragma unroll
      for (int i = 0; i < N; i++) mixed.v[i][0] += shared[i * width], mixed.v[i][1] += shared[i * width + 1];
  }
}

// Merge says how a segment's softmax goes into the total of those before it.
struct Merge {
  float largest, sum, keep, add;
};

DEVICE Merge merge(float largest, float sum, float other, float other_sum) {
  if (other_sum == 0) return {largest, sum, 1, 0}; // saw nothing
  float most = larger(largest, other);
  float keep = exponential(largest - most), add = exponential(other - most);
  return {most, fma(sum, keep, other_sum * add), keep, add};
}

// merged is a value of the total after a merge.
DEVICE float merged(float keep, float add, float total, float other) { return add == 0 ? total * keep : fma(add, other, total * keep); }

// merge_segment adds a segment's result to the total.
template <int N> DEVICE void merge_segment(const Room &room, int width, const Mixed<N> &mixed) {
  sync_block();
  if (int i = thread(); i < PASS) {
    Merge m = merge(room.total.largest[i], room.total.sum[i], room.largest[i], room.sum[i]);
    room.total.largest[i] = m.largest, room.total.sum[i] = m.sum, room.keep[i] = m.keep, room.add[i] = m.add;
  }
  sync_block();
  if (mixed.part == 0) {
    float *total = room.total.mixed + mixed.d;
#pragma unroll
    for (int i = 0; i < N; i++)
#pragma unroll
      for (int e = 0; e < 2; e++) total[i * width + e] = merged(room.keep[i], room.add[i], total[i * width + e], mixed.v[i][e]);
  }
  sync_block();
}

// segment sets largest, sum and, in part 0, mixed to what the queries see in a segment.
template <class KV, int N> DEVICE void attend_segment(const Room &room, const Look &look, const Tile &tile, const Cache &cache, const int *pages, int query, int segment, Mixed<N> &mixed) {
  for (int i = thread(); i < PASS; i += ATTEND_THREADS) room.largest[i] = -infinity(), room.sum[i] = 0;
#pragma unroll
  for (int i = 0; i < N; i++) mixed.v[i][0] = mixed.v[i][1] = 0;
  int end = smaller((segment + 1) * SEGMENT, tile.end);
  for (int from = larger(segment * SEGMENT, look.first(tile.position) / CHUNK * CHUNK); from < end; from += CHUNK) {
    sync_block();
    score_chunk<KV, N>(room, look, tile, cache, pages, query, from);
    sync_block();
    for (int i = warp(); i < N; i += ATTEND_THREADS / 32) softmax_query<KV>(room, i);
    sync_block();
    mix_chunk<KV, N>(room, look, cache, pages, from, smaller(CHUNK, end - from), mixed);
  }
  gather_parts<N>(room, look.width(), mixed);
}

// partial_at is where a segment's result of a query lies: largest, sum, values.
DEVICE long long partial_at(const Look &look, const Tile &tile, int segment, int query) {
  return (((long long)(tile.partial + segment) * look.kv_heads + look.kv_head) * QUERIES + query) * (look.head_dim + 2);
}

// keep_partial stores a segment's result.
template <int N> DEVICE void keep_partial(const Room &room, float *to, int n, int head_dim, const Mixed<N> &mixed) {
#pragma unroll
  for (int i = 0; i < N; i++) {
    float *query = to + i * (head_dim + 2), *value = query + 2 + mixed.d;
    if (i < n && thread() == 0) query[0] = room.largest[i], query[1] = room.sum[i];
    if (i < n && mixed.part == 0) value[0] = mixed.v[i][0];
    if (i < n && mixed.part == 0 && mixed.d + 1 < head_dim) value[1] = mixed.v[i][1];
  }
}

// attend_pass takes n of the tile's queries, at most N, from one on.
template <class KV, int N> DEVICE void attend_pass(float *dst, const float *all, const Cache &cache, const Tile &tile, const int *pages, float *partials, const Look &look, int split, int query, int n) {
  DYNAMIC_SHARED(float4, shared);
  int width = look.width(), head_dim = look.head_dim;
  Room room = make_room((float *)shared, width);
  // 1. The queries.
  sync_block();
  for (int i = thread(); i < N * width; i += ATTEND_THREADS) {
    int q = i / width, d = i % width;
    room.queries[i] = q < n && d < head_dim ? all[look.at(tile, query + q) + d] * look.scale : 0;
    room.total.mixed[i] = 0;
  }
  for (int i = thread(); i < PASS; i += ATTEND_THREADS) room.total.largest[i] = -infinity(), room.total.sum[i] = 0;
  Mixed<N> mixed = make_mixed<N>(head_dim);
  // 2. A segment, whose result goes to partials,
  int s = split ? block_x() : 0, segments = look.segments(tile);
#pragma unroll 1
  for (; s < segments; s++) {
    attend_segment<KV, N>(room, look, tile, cache, pages, query, look.first_segment(tile) + s, mixed);
    if (split) {
      keep_partial<N>(room, partials + partial_at(look, tile, s, query), n, head_dim, mixed);
      return;
    }
    // or all of them, merged one after the other.
    merge_segment<N>(room, width, mixed);
  }
  if (split) return;
  // 3. Divided by the sum.
  for (int i = thread(); i < n * head_dim; i += ATTEND_THREADS) {
    int q = i / head_dim, d = i % head_dim;
    dst[look.at(tile, query + q) + d] = room.total.mixed[q * width + d] * (1 / room.total.sum[q]);
  }
}

template <class KV> DEVICE void attend(float *dst, const float *queries, const Cache &cache, const Tile *tiles, const int *pages, float *partials, Look look, int split) {
  Tile tile = tiles[block_z()];
  look.kv_head = block_y();
  pages += tile.pages;
  int n = tile.rows * look.group();
#pragma unroll 1
  for (int q = 0; q < n; q += PASS) {
    if (n - q <= PASS / 2)
      attend_pass<KV, PASS / 2>(dst, queries, cache, tile, pages, partials, look, split, q, n - q);
    else
      attend_pass<KV, PASS>(dst, queries, cache, tile, pages, partials, look, split, q, smaller(PASS, n - q));
  }
}

#define ATTEND(name, KV) \
  KERNEL_FUNCTION(ATTEND_THREADS) attend_##name(float *dst, const float *RESTRICT queries, const void *cache, long long page_bytes, long long head_bytes, \
                                                const Tile *RESTRICT tiles, const int *RESTRICT pages, float *partials, int heads, int kv_heads, int head_dim, \
                                                float scale, int window, float limit, const float *RESTRICT slopes, const float *RESTRICT biases, int reach, int split) { \
    attend<KV>(dst, queries, {(void *)cache, page_bytes, head_bytes}, tiles, pages, partials, {heads, kv_heads, head_dim, scale, window, limit, slopes, biases, reach}, split); \
  }
ATTEND(f16, InF16)
ATTEND(f32, InF32)
ATTEND(i8, InI8)

// attend_merge: a thread has a value of a query, and goes over the segments.
KERNEL_FUNCTION(ATTEND_THREADS) attend_merge(float *dst, const float *RESTRICT partials, const Tile *RESTRICT tiles, int heads, int kv_heads, int head_dim, int window) {
  Tile tile = tiles[block_y()];
  Look look = {heads, kv_heads, head_dim, 0, window};
  look.kv_head = block_x();
  int n = tile.rows * look.group(), segments = look.segments(tile);
  for (int i = thread(); i < n * head_dim; i += ATTEND_THREADS) {
    int q = i / head_dim, d = i % head_dim;
    float largest = -infinity(), sum = 0, total = 0;
    for (int s = 0; s < segments; s++) {
      const float *from = partials + partial_at(look, tile, s, q);
      Merge m = merge(largest, sum, from[0], from[1]);
      total = merged(m.keep, m.add, total, from[2 + d]);
      largest = m.largest, sum = m.sum;
    }
    dst[look.at(tile, q) + d] = total * (1 / sum);
  }
}
