package gguf

import (
	"encoding/binary"
	"fmt"
	"math"
)

// kind is a metadata value type with the numbers of the specification.
type kind uint32

const (
	kindUint8 kind = iota
	kindInt8
	kindUint16
	kindInt16
	kindUint32
	kindInt32
	kindFloat32
	kindBool
	kindString
	kindArray
	kindUint64
	kindInt64
	kindFloat64
	kindCount
)

// maxNesting bounds arrays of arrays, so that a file cannot exhaust the stack.
const maxNesting = 4

var kindNames = [kindCount]string{
	"uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "bool",
	"string", "array", "uint64", "int64", "float64",
}

func (k kind) String() string {
	if k < kindCount {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint32(k))
}

// minBytes is what the shortest value of a kind takes in the file.
func (k kind) minBytes() uint64 {
	switch k {
	case kindUint8, kindInt8, kindBool:
		return 1
	case kindUint16, kindInt16:
		return 2
	case kindUint32, kindInt32, kindFloat32:
		return 4
	case kindArray:
		return 4 + 8
	default:
		return 8 // 64-bit numbers, and the length of a string
	}
}

// value is a checked but undecoded metadata value: decoding happens on demand,
// so a huge array costs nothing to those who do not ask for it.
type value struct {
	kind       kind
	start, end int // of the encoded value within the file
}

// value checks the next type and value and steps over them.
func (r *reader) value() (value, error) {
	k, err := r.u32()
	if err != nil {
		return value{}, fmt.Errorf("value type: %w", err)
	}
	v := value{kind: kind(k), start: r.pos}
	if err := r.skip(v.kind, 0); err != nil {
		return value{}, err
	}
	v.end = r.pos
	return v, nil
}

// skip checks one value of kind k and steps over it.
func (r *reader) skip(k kind, depth int) error {
	switch {
	case k >= kindCount:
		return fmt.Errorf("value type is %d: the largest known is %d", uint32(k), kindCount-1)
	case k == kindArray:
		return r.skipArray(depth)
	case k == kindString:
		if _, err := r.text(math.MaxUint64); err != nil {
			return fmt.Errorf("string: %w", err)
		}
		return nil
	}
	b, err := r.take(k.minBytes())
	if err != nil {
		return fmt.Errorf("%s: %w", k, err)
	}
	if k == kindBool && b[0] > 1 {
		return fmt.Errorf("bool is %d, not 0 or 1", b[0])
	}
	return nil
}

func (r *reader) skipArray(depth int) error {
	if depth == maxNesting {
		return fmt.Errorf("arrays are nested deeper than %d", maxNesting)
	}
	k, n, err := r.arrayHead()
	if err != nil {
		return err
	}
	if k < kindCount && k != kindString && k != kindArray && k != kindBool {
		_, err := r.take(n * k.minBytes()) // arrayHead compared this product with the file
		return err
	}
	for i := range n {
		if err := r.skip(k, depth+1); err != nil {
			return fmt.Errorf("array element %d of %d: %w", i, n, err)
		}
	}
	return nil
}

// arrayHead reads an array's element kind and count; the file has room for that
// many elements of the shortest length.
func (r *reader) arrayHead() (kind, uint64, error) {
	k, err := r.u32()
	if err != nil {
		return 0, 0, fmt.Errorf("array element type: %w", err)
	}
	if kind(k) >= kindCount {
		return 0, 0, fmt.Errorf("array element type is %d: the largest known is %d", k, kindCount-1)
	}
	n, err := r.u64()
	if err != nil {
		return 0, 0, fmt.Errorf("array count: %w", err)
	}
	if most := r.left() / kind(k).minBytes(); n > most {
		return 0, 0, fmt.Errorf("array count is %d: the file has room for at most %d of type %s", n, most, kind(k))
	}
	return kind(k), n, nil
}

// decode turns the checked bytes into a Go value: a number, a bool, a string, a
// slice of one of these, or []any for an array of arrays. Nothing of it refers
// to the mapping.
func (v value) decode(data []byte) any {
	r := &reader{data: data[:v.end], pos: v.start}
	return r.decode(v.kind)
}

func (r *reader) decode(k kind) any {
	switch k {
	case kindString:
		return r.string()
	case kindArray:
		return r.decodeArray()
	}
	b, _ := r.take(k.minBytes())
	switch k {
	case kindUint8:
		return b[0]
	case kindInt8:
		return int8(b[0])
	case kindBool:
		return b[0] == 1
	case kindUint16:
		return binary.LittleEndian.Uint16(b)
	case kindInt16:
		return int16(binary.LittleEndian.Uint16(b))
	case kindUint32:
		return binary.LittleEndian.Uint32(b)
	case kindInt32:
		return int32(binary.LittleEndian.Uint32(b))
	case kindFloat32:
		return math.Float32frombits(binary.LittleEndian.Uint32(b))
	case kindUint64:
		return binary.LittleEndian.Uint64(b)
	case kindInt64:
		return int64(binary.LittleEndian.Uint64(b))
	default:
		return math.Float64frombits(binary.LittleEndian.Uint64(b))
	}
}

func (r *reader) string() string {
	b, _ := r.text(math.MaxUint64)
	return string(b)
}

func (r *reader) decodeArray() any {
	k, n, _ := r.arrayHead()
	switch k {
	case kindUint8:
		return elements[uint8](r, k, n)
	case kindInt8:
		return elements[int8](r, k, n)
	case kindUint16:
		return elements[uint16](r, k, n)
	case kindInt16:
		return elements[int16](r, k, n)
	case kindUint32:
		return elements[uint32](r, k, n)
	case kindInt32:
		return elements[int32](r, k, n)
	case kindFloat32:
		return elements[float32](r, k, n)
	case kindBool:
		return elements[bool](r, k, n)
	case kindString:
		return elements[string](r, k, n)
	case kindUint64:
		return elements[uint64](r, k, n)
	case kindInt64:
		return elements[int64](r, k, n)
	case kindFloat64:
		return elements[float64](r, k, n)
	default:
		return elements[any](r, k, n)
	}
}

func elements[T any](r *reader, k kind, n uint64) []T {
	out := make([]T, n)
	for i := range out {
		out[i], _ = r.decode(k).(T)
	}
	return out
}
