package huggingface

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/a472be26/cusp/infer/quant"
	"github.com/a472be26/cusp/infer/safetensors"
)

const (
	singleFile = "model.safetensors"
	indexFile  = "model.safetensors.index.json"
)

// checkpoint is the weights of a folder: one file, or shards and an index that
// says which holds what.
type checkpoint struct {
	files []*safetensors.File
}

func openCheckpoint(dir string) (*checkpoint, error) {
	c := &checkpoint{}
	var err error
	switch {
	case exists(dir, singleFile): // first, as transformers does
		err = c.open(dir, singleFile)
	case exists(dir, indexFile):
		err = c.openShards(dir)
	default:
		err = fmt.Errorf("%s: neither %s nor %s is there: save the model as safetensors (other formats of weights are not read)", dir, singleFile, indexFile)
	}
	if err != nil {
		return &checkpoint{}, errors.Join(err, c.Close())
	}
	return c, nil
}

func (c *checkpoint) open(dir, name string) error {
	f, err := safetensors.Open(filepath.Join(dir, name))
	if err != nil {
		return err
	}
	c.files = append(c.files, f)
	return nil
}

// openShards opens the files that the index names. What they hold must be what
// the index says, no more and no less: else a download is incomplete, or two
// are mixed.
func (c *checkpoint) openShards(dir string) error {
	path := filepath.Join(dir, indexFile)
	index, err := readObject(path, maxIndexBytes)
	if err != nil {
		return err
	}
	shardOf := index.object("weight_map").values
	names := map[string]bool{}
	for tensor, v := range shardOf {
		name, ok := v.(string)
		if !ok || name == "" || name != filepath.Base(name) {
			return fmt.Errorf("%s: weight_map: %q is in %v, which is no name of a file in this folder", path, tensor, v)
		}
		names[name] = true
	}
	if len(names) == 0 {
		return errors.Join(*index.err, fmt.Errorf("%s: weight_map names no file", path))
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if err := c.open(dir, name); err != nil {
			return fmt.Errorf("shard of %s: %w", path, err)
		}
	}
	return c.checkIndex(path, shardOf)
}

func (c *checkpoint) checkIndex(path string, shardOf map[string]any) error {
	held := 0
	for _, f := range c.files {
		for _, t := range f.Tensors() {
			if shard := shardOf[t.Name]; shard != filepath.Base(f.Name()) {
				return fmt.Errorf("%s holds tensor %q, but by %s it is in %v: the files are of different downloads", f.Name(), t.Name, path, shard)
			}
			held++
		}
	}
	if held == len(shardOf) {
		return nil
	}
	for tensor, shard := range shardOf {
		if !c.has(tensor) {
			return fmt.Errorf("%s: weight_map: tensor %q is not in %v: the download is incomplete", path, tensor, shard)
		}
	}
	return nil
}

func (c *checkpoint) has(tensor string) bool {
	return slices.ContainsFunc(c.files, func(f *safetensors.File) bool {
		_, ok := f.Tensor(tensor)
		return ok
	})
}

// Close releases all files.
func (c *checkpoint) Close() error {
	var errs []error
	for _, f := range c.files {
		errs = append(errs, f.Close())
	}
	c.files = nil
	return errors.Join(errs...)
}

// tensor is one array of a checkpoint, with its dimensions in GGUF's order.
type tensor struct {
	name string
	kind quant.Type
	dims []int // the row's length first
	data []byte
}

// kinds are the types of weights that can be used.
var kinds = map[string]quant.Type{"F32": quant.F32, "F16": quant.F16, "BF16": quant.BF16}

func newTensor(t safetensors.Tensor) (tensor, error) {
	kind, ok := kinds[t.DType]
	if !ok {
		return tensor{}, fmt.Errorf("tensor %q is of type %s: weights of type F32, F16 and BF16 are supported", t.Name, t.DType)
	}
	dims := slices.Clone(t.Shape)
	slices.Reverse(dims)
	if len(dims) < 1 || len(dims) > 4 || slices.Contains(dims, 0) {
		return tensor{}, fmt.Errorf("tensor %q has the shape %v, not of one to four sizes above 0", t.Name, t.Shape)
	}
	return tensor{name: t.Name, kind: kind, dims: dims, data: t.Data}, nil
}

// rows is the number of its rows; a vector is a column, of rows of one value.
func (t tensor) rows() int {
	if len(t.dims) == 1 {
		return t.dims[0]
	}
	n := 1
	for _, d := range t.dims[1:] {
		n *= d
	}
	return n
}

func (t tensor) elements() int {
	n := 1
	for _, d := range t.dims {
		n *= d
	}
	return n
}
