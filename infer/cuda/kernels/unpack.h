// The block formats of GGUF files, taken apart as infer/quant's Unpack does.
//
// A chunk is 256 columns of a row: 8 groups of 32. A warp unpacks it at once:
// lane 4*g+q takes from group g the columns 4q to 4q+3 and 16+4q to 16+4q+3,
// two words of four signed codes, which lie near each other in every format. A
// weight is scale*code - minimum; first and second belong to the halves of the
// group and are the same where all 32 columns share them.
//
// A type has a struct with
//
//	group    columns that share a scale: 16 or 32
//	minima   whether there are minima
//	piece    what a lane takes; block is the one that holds group g
//	columns, bytes of a block
#pragma once
#include "warp.h"

struct Piece {
  uint32 first, second; // codes
  float scale[2], minimum[2];
};

// Words of a block that begin at multiples of 4, 2 or 1 bytes.
DEVICE uint32 word4(const uint8 *p) { return read((const uint32 *)p); }
DEVICE uint32 word2(const uint8 *p) { return read((const uint16 *)p) | (uint32)read((const uint16 *)(p + 2)) << 16; }
DEVICE uint32 word1(const uint8 *p) { return read(p) | (uint32)read(p + 1) << 8 | (uint32)read(p + 2) << 16 | (uint32)read(p + 3) << 24; }
DEVICE float half_at(const uint8 *p) { return from_half(read((const uint16 *)p)); }

// Arithmetic on the four bytes of a word, all below 128.
DEVICE uint32 nibbles(uint32 v, int shift) { return v >> shift & 0x0f0f0f0f; }
DEVICE uint32 pairs(uint32 v, int shift) { return v >> shift & 0x03030303; }
DEVICE uint32 bits(uint32 v, int shift) { return v >> shift & 0x01010101; }
// less takes k, itself below 128, from each: no byte borrows from its neighbour.
DEVICE uint32 less(uint32 v, uint32 k) { return ((v | 0x80808080) - k * 0x01010101) ^ 0x80808080; }
// spread makes bit i of v, from a bit on, the lowest of byte i.
DEVICE uint32 spread(uint32 v, int from) { return ((v >> from & 15) * 0x00204081) & 0x01010101; }

// level replaces four numbers below 16 by entries of a table.
DEVICE uint32 level(uint32 v, uint32 t0, uint32 t1, uint32 t2, uint32 t3) {
  uint32 low = v & 0x07070707;
  uint32 order = (low | low >> 4) & 0x00ff00ff;
  order = (order | order >> 8) & 0xffff;
  uint32 upper = bits(v, 3) * 0xff;
  return (permute(t0, t1, order) & ~upper) | (permute(t2, t3, order) & upper);
}

DEVICE void same_scale(Piece *p, float scale, float minimum = 0) {
  p->scale[0] = p->scale[1] = scale;
  p->minimum[0] = p->minimum[1] = minimum;
}

// Of a block of its own for every group.
template <int Bytes, int Minima> struct Small {
  enum { columns = 32, bytes = Bytes, group = 32, minima = Minima };
};
// Of a block that is a chunk.
template <int Bytes, int Group, int Minima> struct Super {
  enum { columns = 256, bytes = Bytes, group = Group, minima = Minima };
};

struct Q4_0 : Small<18, 0> {
  DEVICE Piece piece(const uint8 *b, int g, int q) {
    Piece p;
    uint32 w = word2(b + 2 + 4 * q);
    p.first = less(nibbles(w, 0), 8);
    p.second = less(nibbles(w, 4), 8);
    same_scale(&p, half_at(b));
    return p;
  }
};

struct Q4_1 : Small<20, 1> {
  DEVICE Piece piece(const uint8 *b, int g, int q) {
    Piece p;
    uint32 w = word4(b + 4 + 4 * q);
    p.first = nibbles(w, 0);
    p.second = nibbles(w, 4);
    same_scale(&p, half_at(b), -half_at(b + 2));
    return p;
  }
};

struct Q5_0 : Small<22, 0> {
  DEVICE Piece piece(const uint8 *b, int g, int q) {
    Piece p;
    uint32 fifths = word2(b + 2), w = word2(b + 6 + 4 * q);
    p.first = less(nibbles(w, 0) | spread(fifths, 4 * q) << 4, 16);
    p.second = less(nibbles(w, 4) | spread(fifths, 16 + 4 * q) << 4, 16);
    same_scale(&p, half_at(b));
    return p;
  }
};

struct Q5_1 : Small<24, 1> {
  DEVICE Piece piece(const uint8 *b, int g, int q) {
    Piece p;
    uint32 fifths = word4(b + 4), w = word4(b + 8 + 4 * q);
    p.first = nibbles(w, 0) | spread(fifths, 4 * q) << 4;
    p.second = nibbles(w, 4) | spread(fifths, 16 + 4 * q) << 4;
    same_scale(&p, half_at(b), -half_at(b + 2));
    return p;
  }
};

struct Q8_0 : Small<34, 0> {
  DEVICE Piece piece(const uint8 *b, int g, int q) {
    Piece p;
    p.first = word2(b + 2 + 4 * q);
    p.second = word2(b + 18 + 4 * q);
    same_scale(&p, half_at(b));
    return p;
  }
};

struct IQ4_NL : Small<18, 0> {
  DEVICE uint32 levels(uint32 v) { return level(v, 0xbfad9881, 0xf6eaddcf, 0x26190d01, 0x71594535); }
  DEVICE Piece piece(const uint8 *b, int g, int q) {
    Piece p;
    uint32 w = word2(b + 2 + 4 * q);
    p.first = levels(nibbles(w, 0));
    p.second = levels(nibbles(w, 4));
    same_scale(&p, half_at(b));
    return p;
  }
};

// MXFP4's levels are twice the values of its 4-bit floats, its scale half a
// power of two: 2^(e-128).
struct MXFP4 : Small<17, 0> {
  DEVICE uint32 levels(uint32 v) { return level(v, 0x03020100, 0x0c080604, 0xfdfeff00, 0xf4f8fafc); }
  DEVICE Piece piece(const uint8 *b, int g, int q) {
    Piece p;
    uint32 w = word1(b + 1 + 4 * q), e = read(b);
    p.first = levels(nibbles(w, 0));
    p.second = levels(nibbles(w, 4));
    same_scale(&p, float_of(e > 1 ? (e - 1) << 23 : 0x00200000 << e));
    return p;
  }
};

struct IQ4_XS : Super<136, 32, 0> {
  DEVICE Piece piece(const uint8 *b, int g, int q) {
    Piece p;
    uint32 w = word4(b + 8 + 16 * g + 4 * q);
    p.first = IQ4_NL::levels(nibbles(w, 0));
    p.second = IQ4_NL::levels(nibbles(w, 4));
    int low = read(b + 4 + g / 2) >> (g % 2 * 4) & 15, high = read((const uint16 *)(b + 2)) >> (2 * g) & 3;
    same_scale(&p, half_at(b) * (float)((low | high << 4) - 32));
    return p;
  }
};

struct Q2_K : Super<84, 16, 1> {
  DEVICE Piece piece(const uint8 *b, int g, int q) {
    Piece p;
    const uint8 *codes = b + 16 + g / 4 * 32 + 4 * q;
    p.first = pairs(word4(codes), g % 4 * 2);
    p.second = pairs(word4(codes + 16), g % 4 * 2);
    float d = half_at(b + 80), dmin = half_at(b + 82);
    for (int i = 0; i < 2; i++) {
      int s = read(b + 2 * g + i);
      p.scale[i] = d * (float)(s & 15);
      p.minimum[i] = dmin * (float)(s >> 4);
    }
    return p;
  }
};

struct Q3_K : Super<110, 16, 0> {
  DEVICE Piece piece(const uint8 *b, int g, int q) {
    Piece p;
    const uint8 *thirds = b + 4 * q, *codes = b + 32 + g / 4 * 32 + 4 * q;
    p.first = less(pairs(word2(codes), g % 4 * 2) | bits(word2(thirds), g) << 2, 4);
    p.second = less(pairs(word2(codes + 16), g % 4 * 2) | bits(word2(thirds + 16), g) << 2, 4);
    float d = half_at(b + 108);
    for (int i = 0; i < 2; i++) {
      int s = 2 * g + i;
      int low = read(b + 96 + s % 8) >> (s / 8 * 4) & 15, high = read(b + 104 + s % 4) >> (s / 4 * 2) & 3;
      p.scale[i] = d * (float)((low | high << 4) - 32);
      p.minimum[i] = 0;
    }
    return p;
  }
};

// scale_and_minimum reads those of a group from Q4_K's and Q5_K's header: d,
// dmin, then eight 6-bit pairs in 12 bytes.
DEVICE void scale_and_minimum(Piece *p, const uint8 *b, int g) {
  const uint8 *s = b + 4;
  int scale, minimum;
  if (g < 4) {
    scale = read(s + g) & 63;
    minimum = read(s + g + 4) & 63;
  } else {
    int both = read(s + g + 4);
    scale = (both & 15) | read(s + g - 4) >> 6 << 4;
    minimum = both >> 4 | read(s + g) >> 6 << 4;
  }
  same_scale(p, half_at(b) * (float)scale, half_at(b + 2) * (float)minimum);
}

struct Q4_K : Super<144, 32, 1> {
  DEVICE Piece piece(const uint8 *b, int g, int q) {
    Piece p;
    const uint8 *codes = b + 16 + g / 2 * 32 + 4 * q;
    p.first = nibbles(word4(codes), g % 2 * 4);
    p.second = nibbles(word4(codes + 16), g % 2 * 4);
    scale_and_minimum(&p, b, g);
    return p;
  }
};

struct Q5_K : Super<176, 32, 1> {
  DEVICE Piece piece(const uint8 *b, int g, int q) {
    Piece p;
    const uint8 *fifths = b + 16 + 4 * q, *codes = b + 48 + g / 2 * 32 + 4 * q;
    p.first = nibbles(word4(codes), g % 2 * 4) | bits(word4(fifths), g) << 4;
    p.second = nibbles(word4(codes + 16), g % 2 * 4) | bits(word4(fifths + 16), g) << 4;
    scale_and_minimum(&p, b, g);
    return p;
  }
};

struct Q6_K : Super<210, 16, 0> {
  DEVICE Piece piece(const uint8 *b, int g, int q) {
    Piece p;
    const uint8 *low = b + g / 4 * 64 + g % 2 * 32 + 4 * q, *high = b + 128 + g / 4 * 32 + 4 * q;
    int nibble = g % 4 / 2 * 4, pair = g % 4 * 2;
    p.first = less(nibbles(word2(low), nibble) | pairs(word2(high), pair) << 4, 32);
    p.second = less(nibbles(word2(low + 16), nibble) | pairs(word2(high + 16), pair) << 4, 32);
    float d = half_at(b + 208);
    for (int i = 0; i < 2; i++) {
      p.scale[i] = d * (float)(int8)read(b + 192 + 2 * g + i);
      p.minimum[i] = 0;
    }
    return p;
  }
};

// lane_piece is the lane's of a chunk of a row; zeros behind the row's last group.
template <class T> DEVICE Piece lane_piece(const uint8 *row, int chunk, int groups) {
  int g = lane() / 4, q = lane() % 4;
  if (chunk * 8 + g >= groups) return {};
  long long block = T::columns == 32 ? chunk * 8 + g : chunk;
  return T::piece(row + block * T::bytes, g, q);
}

// row_bytes is the size of a row.
template <class T> DEVICE long long row_bytes(int cols) { return (long long)(cols / T::columns) * T::bytes; }
