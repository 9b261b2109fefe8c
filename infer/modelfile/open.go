// Package modelfile opens a model in whatever form its user has it: a GGUF
// file, one of several, or a folder as transformers saves it; also what a model
// bundle holds, unverified. Everything that runs, converts or shows a model
// opens it here, so that all take the same forms.
package modelfile

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/infer/huggingface"
	"github.com/a472be26/cusp/packaging/bundle"
)

// Open opens the model at path as one file. See [huggingface.Open] for what of
// a folder is on the heap.
func Open(path string) (*gguf.File, error) {
	file, folder, err := find(path)
	switch {
	case err != nil:
		return nil, err
	case folder:
		return huggingface.Open(file)
	}
	return gguf.Open(file)
}

// Source is an open model whose tensors are read one at a time.
type Source interface {
	Name() string
	Meta() []gguf.KV        // in order
	Tensors() []gguf.Tensor // those without Data are made by Fill
	// Fill writes the bytes of tensor i into dst, which has their size.
	Fill(i int, dst []byte)
	Close() error
}

// Read opens the model at path without rearranging anything of a folder.
func Read(path string) (Source, error) {
	file, folder, err := find(path)
	switch {
	case err != nil:
		return nil, err
	case folder:
		return huggingface.Read(file)
	}
	f, err := gguf.Open(file)
	if err != nil {
		return nil, err
	}
	return Whole{f}, nil
}

// find says what path is; of a bundle, where its model is.
func find(path string) (file string, folder bool, err error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return "", false, fmt.Errorf("open model: %w", err)
	case !info.IsDir():
		return path, false, nil
	case exists(path, bundle.ManifestFile):
		return filepath.Join(path, bundle.ModelFile), false, nil
	case huggingface.IsFolder(path):
		return path, true, nil
	}
	return "", false, fmt.Errorf("open model: %s is a directory with neither config.json, as transformers saves a model, nor %s, as a bundle has", path, bundle.ManifestFile)
}

func exists(dir, name string) bool {
	_, err := os.Stat(filepath.Join(dir, name))
	return err == nil
}

// Whole is a GGUF file as a Source.
type Whole struct{ *gguf.File }

var (
	_ Source = Whole{}
	_ Source = (*huggingface.Model)(nil)
)

// Meta decodes all metadata.
func (w Whole) Meta() []gguf.KV {
	var meta []gguf.KV
	for _, key := range w.Keys() {
		if v, ok := w.Value(key); ok {
			meta = append(meta, gguf.KV{Key: key, Value: v})
		}
	}
	return meta
}

// Fill copies the bytes of the mapped file, where all tensors have theirs.
func (w Whole) Fill(i int, dst []byte) { copy(dst, w.Tensors()[i].Data) }
