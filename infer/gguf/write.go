package gguf

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"math/bits"
)

// KV is one metadata entry. Value is a number of a fixed width, a bool, a
// string, or a slice of one of these.
type KV struct {
	Key   string
	Value any
}

// Write writes a version 3 file that Open accepts: the metadata and the tensors
// in the given order. general.alignment is respected if meta has it.
func Write(w io.Writer, meta []KV, tensors []Tensor) error {
	for i := range tensors { // before anything is written
		t := &tensors[i]
		if size, err := t.size(); err == nil && size != uint64(len(t.Data)) {
			return fmt.Errorf("gguf: write: %w", t.wrongBytes(size, t.Data))
		}
	}
	return WriteFunc(w, meta, tensors, func(i int) ([]byte, error) { return tensors[i].Data, nil })
}

// WriteFunc is Write for tensors that are too large to be in memory together:
// Data is not looked at; data is asked for the bytes of one tensor after the
// other, and may use the same memory again.
func WriteFunc(w io.Writer, meta []KV, tensors []Tensor, data func(i int) ([]byte, error)) error {
	align, err := checkMeta(meta)
	if err != nil {
		return err
	}
	sizes, err := checkTensors(tensors)
	if err != nil {
		return err
	}
	out := &writer{w: bufio.NewWriter(w)}
	out.head(meta, tensors, sizes, align)
	out.tensorData(tensors, sizes, align, data)
	if out.err == nil {
		out.err = out.w.Flush()
	}
	if out.err != nil {
		return fmt.Errorf("gguf: write: %w", out.err)
	}
	return nil
}

// checkMeta refuses what the reader would refuse, before anything is written.
func checkMeta(meta []KV) (align uint64, err error) {
	align = defaultAlignment
	seen := map[string]bool{}
	for _, kv := range meta {
		if len(kv.Key) == 0 || len(kv.Key) > maxKeyBytes || seen[kv.Key] {
			return 0, fmt.Errorf("gguf: write: key %q is empty, too long or given twice", kv.Key)
		}
		seen[kv.Key] = true
		if _, _, ok := kindOf(kv.Value); !ok {
			return 0, fmt.Errorf("gguf: write: key %q: a value of type %T cannot be stored", kv.Key, kv.Value)
		}
		if kv.Key != alignmentKey {
			continue
		}
		n, ok := kv.Value.(uint32)
		if !ok || bits.OnesCount32(n) != 1 {
			return 0, fmt.Errorf("gguf: write: %s is %v, not a power of two as uint32", kv.Key, kv.Value)
		}
		align = uint64(n)
	}
	return align, nil
}

// checkTensors returns the bytes that each tensor takes.
func checkTensors(tensors []Tensor) (sizes []uint64, err error) {
	seen := map[string]bool{}
	for i := range tensors {
		t := &tensors[i]
		if len(t.Name) > maxNameBytes || seen[t.Name] {
			return nil, fmt.Errorf("gguf: write: tensor name %q is longer than %d bytes or given twice", t.Name, maxNameBytes)
		}
		seen[t.Name] = true
		if len(t.Dims) > maxDims {
			return nil, fmt.Errorf("gguf: write: tensor %q has %d dimensions: at most %d are allowed", t.Name, len(t.Dims), maxDims)
		}
		for _, d := range t.Dims {
			if d < 1 {
				return nil, fmt.Errorf("gguf: write: tensor %q has the dimensions %v", t.Name, t.Dims)
			}
		}
		size, err := t.size()
		if err != nil {
			return nil, fmt.Errorf("gguf: write: tensor %q: %w", t.Name, err)
		}
		sizes = append(sizes, size)
	}
	return sizes, nil
}

// writer keeps the first error and does nothing after it.
type writer struct {
	w   *bufio.Writer
	n   uint64 // bytes written
	err error
}

func (w *writer) bytes(b []byte) {
	if w.err != nil {
		return
	}
	n, err := w.w.Write(b)
	w.n += uint64(n)
	w.err = err
}

func (w *writer) u32(v uint32) { w.bytes(binary.LittleEndian.AppendUint32(nil, v)) }

func (w *writer) u64(v uint64) { w.bytes(binary.LittleEndian.AppendUint64(nil, v)) }

func (w *writer) text(s string) {
	w.u64(uint64(len(s)))
	w.bytes([]byte(s))
}

// value writes the type and the value; checkMeta has made sure that it can.
func (w *writer) value(v any) {
	k, n, _ := kindOf(v)
	if n < 0 {
		w.u32(uint32(k))
		w.scalar(v)
		return
	}
	w.u32(uint32(kindArray))
	w.u32(uint32(k))
	w.u64(uint64(n))
	switch a := v.(type) {
	case []string:
		for _, s := range a {
			w.text(s)
		}
	default:
		w.bytes(appendFixed(nil, v))
	}
}

func (w *writer) scalar(v any) {
	if s, ok := v.(string); ok {
		w.text(s)
		return
	}
	w.bytes(appendFixed(nil, v))
}

// appendFixed appends a fixed-width value or slice of them; kindOf admitted it,
// so encoding/binary knows it too.
func appendFixed(b []byte, v any) []byte {
	b, _ = binary.Append(b, binary.LittleEndian, v)
	return b
}

// kindOf is the kind of a scalar with n = -1, or of the elements of a slice
// with their number.
func kindOf(v any) (k kind, n int, ok bool) {
	switch a := v.(type) {
	case []uint8:
		return kindUint8, len(a), true
	case []int8:
		return kindInt8, len(a), true
	case []uint16:
		return kindUint16, len(a), true
	case []int16:
		return kindInt16, len(a), true
	case []uint32:
		return kindUint32, len(a), true
	case []int32:
		return kindInt32, len(a), true
	case []float32:
		return kindFloat32, len(a), true
	case []bool:
		return kindBool, len(a), true
	case []string:
		return kindString, len(a), true
	case []uint64:
		return kindUint64, len(a), true
	case []int64:
		return kindInt64, len(a), true
	case []float64:
		return kindFloat64, len(a), true
	}
	k, ok = kindOfScalar(v)
	return k, -1, ok
}

func kindOfScalar(v any) (kind, bool) {
	switch v.(type) {
	case uint8:
		return kindUint8, true
	case int8:
		return kindInt8, true
	case uint16:
		return kindUint16, true
	case int16:
		return kindInt16, true
	case uint32:
		return kindUint32, true
	case int32:
		return kindInt32, true
	case float32:
		return kindFloat32, true
	case bool:
		return kindBool, true
	case string:
		return kindString, true
	case uint64:
		return kindUint64, true
	case int64:
		return kindInt64, true
	case float64:
		return kindFloat64, true
	}
	return 0, false
}

// head writes what comes before the tensors' data.
func (w *writer) head(meta []KV, tensors []Tensor, sizes []uint64, align uint64) {
	w.bytes([]byte("GGUF"))
	w.u32(3)
	w.u64(uint64(len(tensors)))
	w.u64(uint64(len(meta)))
	for _, kv := range meta {
		w.text(kv.Key)
		w.value(kv.Value)
	}
	w.tensorList(tensors, sizes, align)
}

// tensorList writes names, shapes and the offsets that tensorData keeps.
func (w *writer) tensorList(tensors []Tensor, sizes []uint64, align uint64) {
	offset := uint64(0)
	for i, t := range tensors {
		w.text(t.Name)
		w.u32(uint32(len(t.Dims)))
		for _, d := range t.Dims {
			w.u64(uint64(d))
		}
		w.u32(uint32(t.Type))
		w.u64(offset)
		offset, _ = alignUp(offset+sizes[i], align)
	}
}

// tensorData writes every tensor at a multiple of the alignment, and pads the
// end as well, which llama.cpp expects.
func (w *writer) tensorData(tensors []Tensor, sizes []uint64, align uint64, data func(i int) ([]byte, error)) {
	w.pad(align)
	for i := range tensors {
		if w.err != nil {
			return
		}
		b, err := data(i)
		switch {
		case err != nil:
			w.err = fmt.Errorf("tensor %q: %w", tensors[i].Name, err)
		case uint64(len(b)) != sizes[i]:
			w.err = tensors[i].wrongBytes(sizes[i], b)
		}
		w.bytes(b)
		w.pad(align)
	}
}

func (t *Tensor) wrongBytes(size uint64, b []byte) error {
	return fmt.Errorf("tensor %q: %v of type %s takes %d bytes, but %d are given", t.Name, t.Dims, t.Type, size, len(b))
}

func (w *writer) pad(align uint64) {
	end, ok := alignUp(w.n, align)
	if !ok || end > math.MaxInt64 {
		w.err = fmt.Errorf("alignment %d at byte %d overflows", align, w.n)
		return
	}
	var zeros [4096]byte
	for w.n < end && w.err == nil {
		w.bytes(zeros[:min(end-w.n, uint64(len(zeros)))])
	}
}
