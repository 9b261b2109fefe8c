package model_test

import (
	"math"
	"slices"
	"testing"

	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/infer/model"
	"github.com/a472be26/cusp/infer/quant"
)

// Every number of every family's file, as something else, and every tensor gone:
// such a file is refused, or what it becomes runs. Nothing panics.
func TestHostileFiles(t *testing.T) {
	t.Parallel()
	values := []any{
		uint32(0), uint32(1), uint32(3), uint32(7), uint32(1 << 20), uint32(math.MaxUint32), uint64(math.MaxUint64), int32(-1),
		float32(0), float32(math.NaN()), float32(-1), float32(math.MaxFloat32), "", []uint32{}, []uint32{1, 2, 3, 4, 5, 6, 7, 8}, true,
	}
	for _, name := range families(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, _ := loadFamily(t, name)
			var meta []gguf.KV
			for _, key := range f.Keys() {
				v, _ := f.Value(key)
				meta = append(meta, gguf.KV{Key: key, Value: v})
			}
			architecture, _ := f.String("general.architecture")
			for i := range meta {
				if len(meta[i].Key) < len(architecture) || meta[i].Key[:len(architecture)] != architecture {
					continue
				}
				changed := slices.Clone(meta)
				for _, v := range values {
					changed[i].Value = v
					survives(t, changed, f.Tensors())
				}
				survives(t, slices.Delete(changed, i, i+1), f.Tensors())
			}
			for i := range f.Tensors() {
				survives(t, meta, slices.Delete(slices.Clone(f.Tensors()), i, i+1))
			}
		})
	}
}

// survives loads a file, and runs it if it can be loaded.
func survives(t *testing.T, meta []gguf.KV, tensors []gguf.Tensor) {
	t.Helper()
	f, err := gguf.Compose("hostile", meta, tensors, nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.Load(f)
	if err != nil || m.Config().Context < 8 {
		return
	}
	c := m.Config()
	if c.PageBytes(quant.F32) > 1<<20 {
		return // its user refuses it: see infer.Options
	}
	kv, err := m.NewKV(2, quant.F32)
	if err != nil {
		return
	}
	defer kv.Close()
	r, err := m.NewRunner(kv, model.Limits{Threads: 1, Sequences: 1, Rows: 8, Context: 8})
	if err != nil {
		return
	}
	defer r.Close()
	s := model.Sequence{Pages: []int32{0}, Tokens: []int32{1, 2, 3}}
	switch c.Kind {
	case model.Decoder:
		s.Logits = make([]float32, c.Vocab)
	case model.Encoder:
		s.Hidden = make([]float32, 3*c.Dim)
		if c.Labels > 0 {
			s.Logits = make([]float32, c.Labels)
		}
	case model.EncoderDecoder:
		s.Source, s.SourcePages, s.Logits = []int32{4, 5}, []int32{1}, make([]float32, c.Vocab)
	}
	if err := r.Forward([]model.Sequence{s}); err != nil {
		t.Error(err)
	}
}
