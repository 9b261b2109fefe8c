// Package export writes trained weights as GGUF files that the device's engine
// and llama.cpp read: architecture, weights, tokenizer and chat template in
// one file.
package export

import (
	"bufio"
	"fmt"
	"os"

	"github.com/a472be26/cusp/distill/train"
	"github.com/a472be26/cusp/distill/vocab"
	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/infer/quant"
)

// License of what the project trains.
const License = "Apache-2.0"

// GGUF file types, the value of general.file_type.
var fileTypes = map[quant.Type]uint32{quant.F32: 0, quant.F16: 1, quant.Q8_0: 7}

// Write writes the model to file with its matrices in type t. The file appears
// complete or not at all.
func Write(file, name string, w *train.Weights, v *vocab.Vocab, t quant.Type) error {
	shape, tensors, err := w.GGUF(t)
	if err != nil {
		return fmt.Errorf("export %s: %w", name, err)
	}
	meta := append(shape, gguf.KV{Key: "general.name", Value: name},
		gguf.KV{Key: "general.license", Value: License},
		gguf.KV{Key: "general.file_type", Value: fileTypes[t]},
		gguf.KV{Key: "general.quantization_version", Value: uint32(2)})
	meta = append(meta, v.Metadata()...)
	if err := writeFile(file, meta, tensors); err != nil {
		return fmt.Errorf("export %s: %w", name, err)
	}
	return nil
}

func writeFile(file string, meta []gguf.KV, tensors []gguf.Tensor) error {
	out, err := os.Create(file + ".tmp")
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(out, 1<<20)
	err = gguf.Write(w, meta, tensors)
	if err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = out.Sync()
	}
	if closed := out.Close(); err == nil {
		err = closed
	}
	if err != nil {
		os.Remove(file + ".tmp")
		return fmt.Errorf("write %s: %w", file, err)
	}
	return os.Rename(file+".tmp", file)
}
