package safetensors

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"
)

const (
	lengthBytes = 8           // before the header: its length
	maxHeader   = 100_000_000 // bytes, the limit of the reference implementation
)

// bitsOf is the size of an element of each type of the format.
var bitsOf = map[string]uint64{
	"BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
	"I16": 16, "U16": 16, "F16": 16, "BF16": 16,
	"I32": 32, "U32": 32, "F32": 32,
	"I64": 64, "U64": 64, "F64": 64, "C64": 64,
	"F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}

func (f *File) parse(data []byte) error {
	if len(data) < lengthBytes {
		return fmt.Errorf("file of %d bytes is no safetensors file: the length of the header alone takes %d", len(data), lengthBytes)
	}
	length, rest := binary.LittleEndian.Uint64(data), data[lengthBytes:]
	if length > maxHeader {
		return fmt.Errorf("header of %d bytes is longer than the %d allowed", length, maxHeader)
	}
	if length > uint64(len(rest)) {
		return fmt.Errorf("header of %d bytes reaches beyond the %d bytes that follow its length", length, len(rest))
	}
	entries, metadata, err := parseHeader(rest[:length])
	if err != nil {
		return err
	}
	f.metadata = metadata
	return f.place(entries, rest[length:])
}

// place gives every tensor its bytes: together they are all of data, in the
// order of their offsets.
func (f *File) place(entries []entry, data []byte) error {
	slices.SortStableFunc(entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end))
	})
	next := uint64(0)
	for _, e := range entries {
		size, err := e.size()
		switch {
		case err != nil:
			return fmt.Errorf("tensor %q: %w", e.name, err)
		case e.begin != next:
			return fmt.Errorf("tensor %q: its data begins at %d, but that before it ends at %d: they must follow each other", e.name, e.begin, next)
		case e.end < e.begin || e.end-e.begin != size:
			return fmt.Errorf("tensor %q: shape %v of type %s takes %d bytes, not those from %d to %d", e.name, e.shape, e.dtype, size, e.begin, e.end)
		case e.end > uint64(len(data)):
			return fmt.Errorf("tensor %q: its data ends at %d, but the file has %d bytes of data: it was cut off", e.name, e.end, len(data))
		}
		f.byName[e.name] = len(f.tensors)
		f.tensors = append(f.tensors, Tensor{Name: e.name, DType: e.dtype, Shape: e.shape, Data: data[e.begin:e.end:e.end]})
		next = e.end
	}
	if next != uint64(len(data)) {
		return fmt.Errorf("%d bytes of data belong to no tensor", uint64(len(data))-next)
	}
	return nil
}

// size is the number of bytes that the type and the shape ask for.
func (e entry) size() (uint64, error) {
	n, ok := bitsOf[e.dtype]
	if !ok {
		return 0, fmt.Errorf("dtype %q is not known", e.dtype)
	}
	for _, size := range e.shape {
		hi, lo := bits.Mul64(n, uint64(size))
		if hi != 0 {
			return 0, fmt.Errorf("shape %v overflows", e.shape)
		}
		n = lo
	}
	if n%8 != 0 {
		return 0, fmt.Errorf("shape %v of type %s is no whole number of bytes", e.shape, e.dtype)
	}
	return n / 8, nil
}
