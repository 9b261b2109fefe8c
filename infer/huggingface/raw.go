package huggingface

import (
	"fmt"
	"path/filepath"

	"github.com/a472be26/cusp/infer/safetensors"
)

// RawModel is a folder as it is, whatever class its model is of.
type RawModel struct {
	Class   string         // of transformers, "" where the configuration names none
	Config  map[string]any // config.json, numbers as json.Number
	Tensors []safetensors.Tensor

	files *checkpoint
}

// Raw opens a folder to look at it.
func Raw(dir string) (*RawModel, error) {
	config, err := readObject(filepath.Join(dir, configFile), maxConfigBytes)
	if err != nil {
		return nil, fmt.Errorf("huggingface: %w", err)
	}
	r := &RawModel{Config: config.values}
	if list := config.list("architectures"); len(list) > 0 {
		r.Class = fmt.Sprint(list[0])
	}
	if r.files, err = openCheckpoint(dir); err != nil {
		return nil, fmt.Errorf("huggingface: %w", err)
	}
	for _, f := range r.files.files {
		r.Tensors = append(r.Tensors, f.Tensors()...)
	}
	return r, nil
}

// Close releases the files.
func (r *RawModel) Close() error { return r.files.Close() }
