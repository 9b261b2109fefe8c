package convert

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/infer/modelfile"
	"github.com/a472be26/cusp/infer/modeltest"
	"github.com/a472be26/cusp/infer/quant"
)

func mixOf(t *testing.T, name string) quant.Mix {
	t.Helper()
	mix, err := quant.ParseMix(name)
	if err != nil {
		t.Fatal(err)
	}
	return mix
}

// converted is the file in other types; every byte of it must be counted once.
func converted(t *testing.T, f *gguf.File, mix quant.Mix) *gguf.File {
	t.Helper()
	plan, err := NewPlan(modelfile.Whole{File: f}, mix)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	var counted atomic.Int64
	if err := plan.Write(t.Context(), &b, func(n int) { counted.Add(int64(n)) }); err != nil {
		t.Fatal(err)
	}
	if counted.Load() != plan.Bytes() {
		t.Errorf("%d of %d bytes were counted", counted.Load(), plan.Bytes())
	}
	g, err := gguf.Parse("converted.gguf", b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func wide() modeltest.Shape {
	return modeltest.Shape{Vocab: 96, Dim: 256, Layers: 2, Heads: 4, KVHeads: 2, HeadDim: 64, FFN: 544, Context: 64, Seed: 1}
}

// Every tensor must be what Encode makes of its rows, of the type that the mix
// says; norms stay, and so does all that is known of the model.
func TestConvert(t *testing.T) {
	t.Parallel()
	f := wide().File(t)
	mix := mixOf(t, "q4_k_m")
	g := converted(t, f, mix)
	want := map[string]quant.Type{
		"token_embd.weight": quant.Q4_K, "output.weight": quant.Q6_K, "output_norm.weight": quant.F32,
		"blk.0.attn_norm.weight": quant.F32, "blk.0.attn_v.weight": quant.Q4_K, "blk.1.attn_v.weight": quant.Q6_K,
		"blk.1.attn_q.weight": quant.Q4_K, "blk.0.ffn_down.weight": quant.Q5_0, "blk.1.ffn_down.weight": quant.Q8_0,
	}
	for name, kind := range want {
		if tensor, ok := g.Tensor(name); !ok || tensor.Type != kind {
			t.Errorf("%s is of type %s, want %s", name, tensor.Type, kind)
		}
	}
	for i, from := range f.Tensors() {
		to := g.Tensors()[i]
		x, data := make([]float32, from.Elements()), make([]byte, len(to.Data))
		if err := errors.Join(quant.Decode(from.Type, x, from.Data), quant.Encode(to.Type, data, x)); err != nil {
			t.Fatal(err)
		}
		if to.Name != from.Name || !bytes.Equal(to.Data, data) {
			t.Errorf("%s has other data, as %s", from.Name, to.Name)
		}
	}
	if n, err := g.Uint(fileTypeKey); err != nil || n != 15 {
		t.Errorf("file type %d, %v", n, err)
	}
	if n, err := g.Uint("llama.feed_forward_length"); err != nil || n != 544 {
		t.Errorf("feed forward length %d, %v", n, err)
	}
}

// A second conversion takes over what the first one wrote, and F32 of any type
// is always to be had.
func TestConvertAgain(t *testing.T) {
	t.Parallel()
	once := converted(t, wide().File(t), mixOf(t, "q8_0"))
	twice := converted(t, converted(t, once, mixOf(t, "q4_k")), mixOf(t, "f32"))
	if n, err := twice.Uint(fileTypeKey); err != nil || n != 0 {
		t.Errorf("file type %d, %v", n, err)
	}
	for _, tensor := range twice.Tensors() {
		if tensor.Type != quant.F32 {
			t.Errorf("%s is of type %s", tensor.Name, tensor.Type)
		}
	}
}

func TestPlanRefuses(t *testing.T) {
	t.Parallel()
	meta := []gguf.KV{{Key: "general.architecture", Value: "x"}, {Key: "x.block_count", Value: uint32(1)}}
	matrix := func(kind quant.Type, bytes int) []gguf.Tensor {
		return []gguf.Tensor{{Name: "a.weight", Dims: []int{256, 1}, Type: kind, Data: make([]byte, bytes)}}
	}
	for _, c := range []struct {
		meta    []gguf.KV
		tensors []gguf.Tensor
		want    string
	}{
		{nil, nil, `key "general.architecture" is missing`},
		{meta[:1], nil, `key "x.block_count" is missing`},
		{meta, matrix(quant.Q4_K, 144), `in.gguf: tensor "a.weight": it is of type Q4_K, and Q4_0 would round it a second time`},
		{meta, matrix(16, 66), "weights of type IQ2_XXS cannot be read"},
		{meta, matrix(26, 1024), "weights of type I32 cannot be read"},
	} {
		f, err := gguf.Parse("in.gguf", modeltest.Bytes(t, c.meta, c.tensors))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := NewPlan(modelfile.Whole{File: f}, mixOf(t, "q4_0")); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want one about %q", err, c.want)
		}
	}
}

// What cannot be rounded is named, and a conversion ends with its context.
func TestWriteFails(t *testing.T) {
	t.Parallel()
	s := wide()
	tensors := s.Tensors()
	for i, x := range tensors {
		if x.Name == "blk.1.attn_q.weight" {
			row := make([]float32, 256)
			row[9] = float32(math.Inf(-1))
			if err := quant.Encode(quant.F32, tensors[i].Data[3*1024:][:1024], row); err != nil {
				t.Fatal(err)
			}
		}
	}
	f, err := gguf.Parse("in.gguf", modeltest.Bytes(t, s.Meta(), tensors))
	if err != nil {
		t.Fatal(err)
	}
	plan, err := NewPlan(modelfile.Whole{File: f}, mixOf(t, "q4_k"))
	if err != nil {
		t.Fatal(err)
	}
	err = plan.Write(t.Context(), &bytes.Buffer{}, func(int) {})
	if want := `tensor "blk.1.attn_q.weight": row 3: quant: encode Q4_K: block 0: element 9 is -Inf`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want one about %q", err, want)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := plan.Write(ctx, &bytes.Buffer{}, func(int) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v of a cancelled conversion", err)
	}
}

// scattered is a source whose tensors are made, as those of a folder may be.
type scattered struct{ modelfile.Whole }

func (s scattered) Tensors() []gguf.Tensor {
	list := slices.Clone(s.Whole.Tensors())
	for i := range list {
		list[i].Data = nil
	}
	return list
}

// What is made for the conversion gives what is mapped gives, and what is no
// matrix becomes F32. A file of several says so no more.
func TestConvertWhatIsMade(t *testing.T) {
	t.Parallel()
	s := wide()
	s.Types = map[string]quant.Type{"output_norm.weight": quant.F16, "blk.0.attn_q.weight": quant.BF16}
	meta := append(s.Meta(), gguf.KV{Key: "split.count", Value: uint16(1)})
	f, err := gguf.Parse("in.gguf", modeltest.Bytes(t, meta, s.Tensors()))
	if err != nil {
		t.Fatal(err)
	}
	var files [2]bytes.Buffer
	for i, source := range []Source{modelfile.Whole{File: f}, scattered{modelfile.Whole{File: f}}} {
		plan, err := NewPlan(source, mixOf(t, "q4_k_m"))
		if err != nil {
			t.Fatal(err)
		}
		if err := plan.Write(t.Context(), &files[i], func(int) {}); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(files[0].Bytes(), files[1].Bytes()) {
		t.Error("the files differ")
	}
	g, err := gguf.Parse("out.gguf", files[1].Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if norm, _ := g.Tensor("output_norm.weight"); norm.Type != quant.F32 || g.Has("split.count") {
		t.Errorf("the norm is of type %s, and split.count is there: %v", norm.Type, g.Has("split.count"))
	}
}

// However many tensors there are, memory is taken for the largest: once as it
// is made, and once as it is written.
func TestConvertTakesMemoryForOneTensor(t *testing.T) {
	s := wide()
	s.Layers, s.FFN = 12, 2048
	f := s.File(t)
	plan, err := NewPlan(scattered{modelfile.Whole{File: f}}, mixOf(t, "q8_0"))
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := plan.Write(t.Context(), io.Discard, func(int) {}); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	largest := uint64(s.Dim * s.FFN)
	if grown, most := after.TotalAlloc-before.TotalAlloc, largest*(4+2)+2<<20; grown > most || plan.Bytes() < 10*int64(most) {
		t.Errorf("%d bytes were allocated for tensors of %d, want at most %d", grown, plan.Bytes(), most)
	}
}

// Only matrices of weights change.
func TestConverts(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"token_embd.weight": true, "blk.0.ffn_gate_exps.weight": true, "blk.0.attn_q.bias": false,
		"blk.0.attn_q_norm.weight": false, "blk.0.ffn_gate_inp.weight": false, "position_embd.weight": false,
		"dec.position_embd.weight": false, "enc.blk.0.attn_rel_b.weight": false, "token_types.weight": false, "cls.weight": true,
	} {
		if got := converts(gguf.Tensor{Name: name, Dims: []int{2, 2}}); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if converts(gguf.Tensor{Name: "x.weight", Dims: []int{4}}) {
		t.Error("a vector is converted")
	}
}
