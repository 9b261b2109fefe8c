package gguf

import (
	"errors"
	"fmt"
	"math"
	"math/bits"

	"github.com/a472be26/cusp/infer/quant"
)

const (
	headerSize       = 24 // magic, version, tensor count, metadata count
	defaultAlignment = 32
	maxKeyBytes      = 1<<16 - 1 // specification: a key's length fits 16 bits
	maxNameBytes     = 64        // specification: the longest tensor name
	maxDims          = 4         // specification: today's limit
	minPairBytes     = 8 + 1 + 4 + 1
	minInfoBytes     = 8 + 1 + 4 + 4 + 8
	alignmentKey     = "general.alignment"
)

// parse reads the header, the metadata, the tensor list, and then places the
// tensors in what is left of the file.
func (f *File) parse() error {
	r := &reader{data: f.data}
	tensors, pairs, err := f.header(r)
	if err != nil {
		return err
	}
	for i := range pairs {
		if err := f.pair(r); err != nil {
			return fmt.Errorf("metadata entry %d of %d: %w", i, pairs, err)
		}
	}
	if err := f.readAlignment(); err != nil {
		return err
	}
	offsets := []uint64{}
	for i := range tensors {
		offset, err := f.tensorInfo(r)
		if err != nil {
			return fmt.Errorf("tensor %d of %d: %w", i, tensors, err)
		}
		offsets = append(offsets, offset)
	}
	return f.place(r, offsets)
}

func (f *File) header(r *reader) (tensors, pairs uint64, err error) {
	if len(f.data) < headerSize {
		return 0, 0, fmt.Errorf("file of %d bytes is no GGUF file: the header alone takes %d", len(f.data), headerSize)
	}
	if magic := string(f.data[:4]); magic != "GGUF" {
		return 0, 0, fmt.Errorf("magic is %q, not \"GGUF\"", magic)
	}
	r.pos = 4
	f.version, _ = r.u32()
	if f.version != 2 && f.version != 3 {
		if swapped := bits.ReverseBytes32(f.version); swapped == 2 || swapped == 3 {
			return 0, 0, errors.New("file is big-endian: convert it to little-endian")
		}
		return 0, 0, fmt.Errorf("version is %d: only 2 and 3 are supported", f.version)
	}
	tensors, _ = r.u64()
	pairs, _ = r.u64()
	if most := r.left() / minInfoBytes; tensors > most {
		return 0, 0, fmt.Errorf("tensor count is %d: the file has room for at most %d", tensors, most)
	}
	if most := r.left() / minPairBytes; pairs > most {
		return 0, 0, fmt.Errorf("metadata count is %d: the file has room for at most %d", pairs, most)
	}
	return tensors, pairs, nil
}

// pair reads one key and checks its value, which stays undecoded in the file.
func (f *File) pair(r *reader) error {
	key, err := r.text(maxKeyBytes)
	if err != nil {
		return fmt.Errorf("key: %w", err)
	}
	if len(key) == 0 {
		return errors.New("key is empty")
	}
	if _, ok := f.values[string(key)]; ok {
		return fmt.Errorf("key %q occurs twice", key)
	}
	v, err := r.value()
	if err != nil {
		return fmt.Errorf("key %q: %w", key, err)
	}
	name := string(key)
	f.keys = append(f.keys, name)
	f.values[name] = v
	return nil
}

func (f *File) readAlignment() error {
	f.alignment = defaultAlignment
	v, ok := f.values[alignmentKey]
	if !ok {
		return nil
	}
	n, ok := v.decode(f.data).(uint32)
	if !ok {
		return fmt.Errorf("%s is of type %s, not uint32", alignmentKey, v.kind)
	}
	if bits.OnesCount32(n) != 1 {
		return fmt.Errorf("%s is %d, not a power of two", alignmentKey, n)
	}
	f.alignment = uint64(n)
	return nil
}

// tensorInfo reads one entry of the tensor list; its Data is set by place.
func (f *File) tensorInfo(r *reader) (offset uint64, err error) {
	raw, err := r.text(maxNameBytes)
	if err != nil {
		return 0, fmt.Errorf("name: %w", err)
	}
	t := Tensor{Name: string(raw)}
	if _, ok := f.byName[t.Name]; ok {
		return 0, fmt.Errorf("name %q occurs twice", t.Name)
	}
	if t.Dims, err = r.dims(); err != nil {
		return 0, fmt.Errorf("%q: %w", t.Name, err)
	}
	kind, err := r.u32()
	if err != nil {
		return 0, fmt.Errorf("%q: type: %w", t.Name, err)
	}
	t.Type = quant.Type(kind)
	if offset, err = r.u64(); err != nil {
		return 0, fmt.Errorf("%q: offset: %w", t.Name, err)
	}
	f.byName[t.Name] = len(f.tensors)
	f.tensors = append(f.tensors, t)
	return offset, nil
}

// place gives every tensor its bytes. As in llama.cpp, tensors lie one after
// another in the order of the list, each at the next multiple of the alignment:
// so they can neither overlap nor leave gaps.
func (f *File) place(r *reader, offsets []uint64) error {
	f.head = r.pos
	if len(f.tensors) == 0 {
		return nil
	}
	base, ok := alignUp(uint64(r.pos), f.alignment)
	if !ok || base > uint64(len(f.data)) {
		return fmt.Errorf("tensor data would begin at byte %d, but the file ends at %d", base, len(f.data))
	}
	space := uint64(len(f.data)) - base
	next := uint64(0)
	for i := range f.tensors {
		t := &f.tensors[i]
		size, err := t.size()
		if err != nil {
			return fmt.Errorf("tensor %q: %w", t.Name, err)
		}
		if offsets[i] != next {
			return fmt.Errorf("tensor %q: offset is %d, but with alignment %d the data before it ends at %d", t.Name, offsets[i], f.alignment, next)
		}
		if next > space || size > space-next {
			return fmt.Errorf("tensor %q: %d bytes at offset %d reach beyond the %d bytes of tensor data", t.Name, size, next, space)
		}
		t.Data = f.data[base+next : base+next+size : base+next+size]
		if next, ok = alignUp(next+size, f.alignment); !ok {
			return fmt.Errorf("tensor %q: %d bytes at offset %d overflow", t.Name, size, offsets[i])
		}
	}
	return nil
}

// size is the number of bytes that the type and the dimensions ask for.
func (t *Tensor) size() (uint64, error) {
	if !t.Type.Known() {
		return 0, fmt.Errorf("type is %d, which is none of the known tensor types", uint32(t.Type))
	}
	row := 1
	rows := uint64(1)
	for i, d := range t.Dims {
		if i == 0 {
			row = d
			continue
		}
		hi, lo := bits.Mul64(rows, uint64(d))
		if hi != 0 {
			return 0, fmt.Errorf("dimensions %v overflow", t.Dims)
		}
		rows = lo
	}
	bytes, err := t.Type.RowBytes(row)
	if err != nil {
		return 0, fmt.Errorf("dimensions %v: %w", t.Dims, err)
	}
	hi, total := bits.Mul64(rows, uint64(bytes))
	if hi != 0 || total > math.MaxInt64 {
		return 0, fmt.Errorf("dimensions %v of type %s overflow", t.Dims, t.Type)
	}
	return total, nil
}

// alignUp is the next multiple of align, a power of two, at or after n.
func alignUp(n, align uint64) (uint64, bool) {
	sum, carry := bits.Add64(n, align-1, 0)
	return sum &^ (align - 1), carry == 0
}
