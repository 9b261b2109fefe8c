package envelope

import (
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"
)

// worthwhile is the size below which nothing is compressed: the frame of zstd
// takes what it could save.
const worthwhile = 128

// Codec compresses and decompresses. Safe for concurrent use.
type Codec struct {
	w *zstd.Encoder
	r *zstd.Decoder
}

// NewCodec returns a codec that refuses what would become larger than limit bytes.
func NewCodec(limit int) (*Codec, error) {
	w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(256<<10))
	if err != nil {
		return nil, fmt.Errorf("zstd: %w", err)
	}
	r, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(uint64(limit)), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, fmt.Errorf("zstd: %w", err)
	}
	return &Codec{w, r}, nil
}

// pack returns body, or what it is compressed to if that is smaller.
func (c *Codec) pack(body []byte) (packed []byte, compressed bool) {
	if c == nil || len(body) < worthwhile {
		return body, false
	}
	if small := c.w.EncodeAll(body, nil); len(small) < len(body) {
		return small, true
	}
	return body, false
}

// unpack is the contrary of pack.
func (c *Codec) unpack(body []byte, compressed bool) ([]byte, error) {
	switch {
	case !compressed:
		return body, nil
	case c == nil:
		return nil, errors.New("a compressed body, and nothing to decompress it with")
	}
	out, err := c.r.DecodeAll(body, nil)
	if err != nil {
		return nil, fmt.Errorf("decompress: %w", err)
	}
	return out, nil
}

// Wrap makes an envelope that is not sealed. It returns body itself where that is
// not larger.
func (c *Codec) Wrap(kind Kind, id string, body []byte) ([]byte, error) {
	packed, compressed := c.pack(body)
	if !compressed {
		return body, nil
	}
	p, err := appendFixed(kind, flagZstd, id)
	if err != nil {
		return nil, err
	}
	if p = append(p, packed...); len(p) < len(body) {
		return p, nil
	}
	return body, nil
}

// Unwrap returns the body of an envelope that is not sealed.
func (c *Codec) Unwrap(e Envelope) ([]byte, error) {
	if e.Sealed {
		return nil, errors.New("the envelope is sealed")
	}
	return c.unpack(e.body, e.zstd)
}
