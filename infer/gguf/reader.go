package gguf

import (
	"encoding/binary"
	"fmt"
	"math"
)

// reader walks the bytes of a file; every step is checked against the end.
type reader struct {
	data []byte
	pos  int // at most len(data)
}

// left is the number of bytes that were not read yet.
func (r *reader) left() uint64 { return uint64(len(r.data) - r.pos) }

// take returns the next n bytes.
func (r *reader) take(n uint64) ([]byte, error) {
	if n > r.left() {
		return nil, fmt.Errorf("%d bytes wanted at byte %d, but only %d are left", n, r.pos, r.left())
	}
	b := r.data[r.pos : r.pos+int(n)]
	r.pos += int(n)
	return b, nil
}

func (r *reader) u32() (uint32, error) {
	b, err := r.take(4)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint32(b), nil
}

func (r *reader) u64() (uint64, error) {
	b, err := r.take(8)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(b), nil
}

// text reads a length and that many bytes, at most limit.
func (r *reader) text(limit uint64) ([]byte, error) {
	n, err := r.u64()
	if err != nil {
		return nil, fmt.Errorf("length: %w", err)
	}
	if n > limit {
		return nil, fmt.Errorf("length is %d: at most %d are allowed", n, limit)
	}
	return r.take(n)
}

// dims reads a tensor's dimensions, each at least 1.
func (r *reader) dims() ([]int, error) {
	n, err := r.u32()
	if err != nil {
		return nil, fmt.Errorf("number of dimensions: %w", err)
	}
	if n > maxDims {
		return nil, fmt.Errorf("number of dimensions is %d: at most %d are allowed", n, maxDims)
	}
	dims := make([]int, n)
	for i := range dims {
		d, err := r.u64()
		if err != nil {
			return nil, fmt.Errorf("dimension %d: %w", i, err)
		}
		if d == 0 || d > math.MaxInt {
			return nil, fmt.Errorf("dimension %d is %d, not between 1 and %d", i, d, math.MaxInt)
		}
		dims[i] = int(d)
	}
	return dims, nil
}
