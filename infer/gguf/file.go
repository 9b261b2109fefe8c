// Package gguf reads and writes GGUF model files (versions 2 and 3, little
// endian).
//
// A file is memory-mapped and its tensors are slices of that mapping: opening a
// model costs page cache, not heap. Nothing in a file is believed: every count,
// length, dimension and offset is compared with the bytes that are left before
// it is used, in arithmetic that cannot overflow, and memory is taken only for
// entries that were already checked. An error names the file, the field and the
// value found there.
//
// What the metadata and the weights mean is not known here; see infer/model and
// infer/tokenizer.
//
// The layout is that of the GGUF specification in the ggml repository
// (docs/gguf.md).
package gguf

import (
	"crypto/sha256"
	"fmt"

	"github.com/a472be26/cusp/infer/mapped"
	"github.com/a472be26/cusp/infer/quant"
)

// File is an open GGUF file. Its methods may be used from several goroutines;
// Close must come after the last use of any Tensor.Data.
type File struct {
	name      string
	data      []byte // the whole file; of a composed one, its header
	head      int    // bytes before the tensors' data
	size      int64  // of header and tensors
	release   func() error
	version   uint32
	alignment uint64
	keys      []string         // in the order of the file
	values    map[string]value // by key
	tensors   []Tensor         // in the order of the file
	byName    map[string]int   // index into tensors
}

// Tensor is one named array of weights.
type Tensor struct {
	Name string
	Dims []int      // elements per dimension, the fastest-running (a row's length) first
	Type quant.Type // how the bytes are to be read
	Data []byte     // rows one after another, within the mapping of the file
}

// Elements is the product of the dimensions.
func (t Tensor) Elements() int {
	n := 1
	for _, d := range t.Dims {
		n *= d
	}
	return n
}

// Open maps and checks the file at path. Of a model in several files (named
// NAME-00001-of-00003.gguf and so on) it opens all, whichever path is. They must
// not be truncated while they are open: replace models by renaming, never by
// writing into them.
func Open(path string) (*File, error) {
	f, err := openOne(path)
	if err != nil {
		return nil, fmt.Errorf("gguf: %w", err)
	}
	return f.withParts()
}

func openOne(path string) (*File, error) {
	data, release, err := mapped.Open(path)
	if err != nil {
		return nil, err
	}
	f, err := parsed(path, data)
	if err != nil {
		release()
		return nil, err
	}
	f.release = release
	return f, nil
}

// Parse checks the data of one file, which must stay alive and unchanged as long as the File is
// used; name stands for the file in errors.
func Parse(name string, data []byte) (*File, error) {
	f, err := parsed(name, data)
	if err != nil {
		return nil, fmt.Errorf("gguf: %w", err)
	}
	return f, nil
}

func parsed(name string, data []byte) (*File, error) {
	f := &File{name: name, data: data, size: int64(len(data)), values: map[string]value{}, byName: map[string]int{}}
	if err := f.parse(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return f, nil
}

// Close releases the mapping; the tensors' data must not be touched afterwards.
func (f *File) Close() error {
	release := f.release
	f.release, f.data = nil, nil
	if release == nil {
		return nil
	}
	return release()
}

// Name is the path the file was opened with.
func (f *File) Name() string { return f.name }

// Size is the length of the file in bytes; of a composed one, without padding.
func (f *File) Size() int64 { return f.size }

// Version is the GGUF version, 2 or 3; of a composed file 3.
func (f *File) Version() uint32 { return f.version }

// Tensors lists the tensors in the order of the file, also those of types that
// no model here can run.
func (f *File) Tensors() []Tensor { return f.tensors }

// Tensor finds a tensor by name.
func (f *File) Tensor(name string) (Tensor, bool) {
	i, ok := f.byName[name]
	if !ok {
		return Tensor{}, false
	}
	return f.tensors[i], true
}

// Fingerprint tells files apart without reading all of them: it is the SHA-256
// of everything before the tensors' data, of the size, and of some bytes in the
// middle of each tensor. Files with other weights have another one, but for a
// change that keeps to a few values; it is no proof against intent.
func (f *File) Fingerprint() [sha256.Size]byte {
	const sample = 1024
	h := sha256.New()
	h.Write(f.data[:f.head])
	fmt.Fprintf(h, "%d", f.size)
	for _, t := range f.tensors {
		from := max(0, len(t.Data)/2-sample/2)
		h.Write(t.Data[from:min(from+sample, len(t.Data))])
	}
	return [sha256.Size]byte(h.Sum(nil))
}
