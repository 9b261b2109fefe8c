// Package safetensors reads safetensors files: a JSON header that names
// tensors, and their bytes, little endian, one after another.
//
// A file is memory-mapped and its tensors are slices of that mapping. Nothing
// in the header is believed: it must be one flat JSON object without duplicate
// names, and the tensors must fill the rest of the file exactly, without
// overlaps or holes. Reading a header takes memory in proportion to the header,
// which is part of the file and at most 100 MB.
//
// What the tensors mean is not known here; see infer/huggingface.
//
// The format is that of https://github.com/huggingface/safetensors (README,
// "Format").
package safetensors

import (
	"fmt"

	"github.com/a472be26/cusp/infer/mapped"
)

// File is an open file. It is safe for concurrent use; Close must come after
// the last use of any Tensor.Data.
type File struct {
	name     string
	release  func() error
	metadata map[string]string
	tensors  []Tensor       // in the order of their data
	byName   map[string]int // index into tensors
}

// Tensor is one named array.
type Tensor struct {
	Name  string
	DType string // as the header spells it: F32, F16, BF16, I64, ...
	Shape []int  // the slowest-running dimension first, as in Python; a size may be 0
	Data  []byte // within the mapping of the file
}

// Open maps and checks the file at path, which must not be truncated while it
// is open.
func Open(path string) (*File, error) {
	data, release, err := mapped.Open(path)
	if err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	f, err := Parse(path, data)
	if err != nil {
		release()
		return nil, err
	}
	f.release = release
	return f, nil
}

// Parse checks data, which must stay alive and unchanged as long as the File is
// used; name stands for the file in errors.
func Parse(name string, data []byte) (*File, error) {
	f := &File{name: name, byName: map[string]int{}}
	if err := f.parse(data); err != nil {
		return nil, fmt.Errorf("safetensors: %s: %w", name, err)
	}
	return f, nil
}

// Close releases the mapping; the tensors' data must not be touched afterwards.
func (f *File) Close() error {
	release := f.release
	f.release = nil
	if release == nil {
		return nil
	}
	return release()
}

// Name is the path the file was opened with.
func (f *File) Name() string { return f.name }

// Metadata is the header's "__metadata__"; nil where there is none.
func (f *File) Metadata() map[string]string { return f.metadata }

// Tensors lists the tensors in the order of their data.
func (f *File) Tensors() []Tensor { return f.tensors }

// Tensor finds a tensor by name.
func (f *File) Tensor(name string) (Tensor, bool) {
	i, ok := f.byName[name]
	if !ok {
		return Tensor{}, false
	}
	return f.tensors[i], true
}
