// Package huggingface reads the folder in which transformers saves a model:
// config.json, safetensors, and the files of the tokenizer.
//
// It presents the folder as the GGUF file that llama.cpp's
// convert_hf_to_gguf.py would write of it: the same keys, names of tensors, and
// order of values. So there is one path into infer/model and infer/tokenizer,
// and the folder and the converted file behave alike. Where that script loses
// something (a sliding window, BERT's pooler, Baichuan 2's norm of the head) the
// key or tensor is added; comments beside it say so.
//
// Weights stay where they lie in the mapped files wherever their order is the
// same. Others (Llama's queries and keys, GPT-2's matrices, experts that are
// single files of weights) are made when they are asked for: Open makes all of
// them at once and keeps them on the heap, Read one at a time.
//
// Nothing in a folder is believed. What a file can make us allocate is bounded
// by the folder's size, plus 16 MB for a configuration.
package huggingface

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/a472be26/cusp/infer/gguf"
)

// IsFolder reports whether dir is a folder that Open could read.
func IsFolder(dir string) bool { return exists(dir, configFile) }

const configFile = "config.json"

// Open presents the folder as one file. Its tensors need the folder's files
// unchanged until Close.
func Open(dir string) (*gguf.File, error) {
	m, err := Read(dir)
	if err != nil {
		return nil, err
	}
	f, err := m.compose()
	if err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return f, nil
}

// compose makes what must be made, and one file of all.
func (m *Model) compose() (*gguf.File, error) {
	tensors := m.Tensors()
	for i := range tensors {
		if tensors[i].Data == nil {
			tensors[i].Data = make([]byte, m.weights[i].size)
			m.Fill(i, tensors[i].Data)
		}
	}
	return gguf.Compose(m.name, m.meta, tensors, m.Close)
}

// Model is an open folder of which nothing was rearranged yet.
type Model struct {
	name    string
	meta    []gguf.KV
	weights []weight
	files   *checkpoint
}

// Read opens the folder and checks all of it.
func Read(dir string) (*Model, error) {
	m := &Model{name: dir, files: &checkpoint{}}
	if err := m.read(dir); err != nil {
		return nil, errors.Join(fmt.Errorf("huggingface: %w", err), m.Close())
	}
	return m, nil
}

func (m *Model) read(dir string) error {
	// 1. What it is.
	config, err := readObject(filepath.Join(dir, configFile), maxConfigBytes)
	if err != nil {
		return err
	}
	family, err := familyOf(config)
	if err != nil {
		return err
	}
	// 2. The hyper-parameters and the tensors.
	if m.files, err = openCheckpoint(dir); err != nil {
		return err
	}
	p, err := planOf(family, config, dir, m.files)
	if err != nil {
		return err
	}
	// 3. The tokenizer, if there is one.
	if err := p.tokenizer(); err != nil {
		return err
	}
	m.meta, m.weights = p.meta, p.weights
	return nil
}

func planOf(family family, config object, dir string, files *checkpoint) (*plan, error) {
	if q := config.object("quantization_config"); q.values != nil {
		return nil, fmt.Errorf("%s: quantization_config: weights quantized by %s are not read: take the model in F32, F16 or BF16, or a GGUF file", config.where, q.text("an unknown method", "quant_method"))
	}
	p := newPlan(family.arch, config, dir)
	p.general("general.architecture", family.arch)
	p.general("general.type", "model")
	p.general("general.name", folderName(dir))
	rules := family.plan(p)
	if *config.err != nil {
		return nil, *config.err
	}
	if err := p.takeAll(rules, files); err != nil {
		return nil, err
	}
	if err := p.checkVocabulary(); err != nil {
		return nil, err
	}
	p.general("general.file_type", p.fileType())
	p.general("general.quantization_version", uint32(2))
	return p, nil
}

func folderName(dir string) string {
	if full, err := filepath.Abs(dir); err == nil {
		return filepath.Base(full)
	}
	return filepath.Base(dir)
}

func (p *plan) takeAll(rules names, files *checkpoint) error {
	for _, f := range files.files {
		for _, t := range f.Tensors() {
			if err := p.take(rules, t); err != nil {
				return fmt.Errorf("%s: %w", f.Name(), err)
			}
		}
	}
	return p.finish()
}

// checkVocabulary compares the embedding with the size that is said of it.
func (p *plan) checkVocabulary() error {
	rows, ok := p.embeddingRows()
	if said := p.config.sizeOr(rows, "padded_vocab_size", "vocab_size"); ok && said != rows {
		p.config.fail("vocab_size is %d, but the embedding has %d rows", said, rows)
	}
	return *p.config.err
}

// fileType is general.file_type: the type of the first matrix.
func (p *plan) fileType() uint32 {
	for _, w := range p.weights {
		if len(w.Dims) > 1 {
			return fileType[w.Type]
		}
	}
	return 0
}

// Name is the folder.
func (m *Model) Name() string { return m.name }

// Meta is the metadata of the GGUF file.
func (m *Model) Meta() []gguf.KV { return m.meta }

// Tensors lists the tensors of the GGUF file; those whose values lie in another
// order in the folder have no Data.
func (m *Model) Tensors() []gguf.Tensor {
	list := make([]gguf.Tensor, len(m.weights))
	for i, w := range m.weights {
		list[i] = w.Tensor
	}
	return list
}

// Fill writes the bytes of tensor i into dst, which has their size.
func (m *Model) Fill(i int, dst []byte) {
	if w := m.weights[i]; w.fill != nil {
		w.fill(dst)
		return
	}
	copy(dst, m.weights[i].Data)
}

// Close releases the folder's files.
func (m *Model) Close() error { return m.files.Close() }
