package gguf

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/a472be26/cusp/infer/quant"
)

// A composed file answers every question as the file would that Write writes
// of the same parts, and its data is the given one, not a copy.
func TestCompose(t *testing.T) {
	t.Parallel()
	tensors := someTensors(t)
	released := 0
	f, err := Compose("made", everyKind, tensors, func() error { released++; return nil })
	if err != nil {
		t.Fatal(err)
	}
	g, err := Parse("written", written(t, everyKind, tensors))
	if err != nil {
		t.Fatal(err)
	}
	touch(t, f)
	if !reflect.DeepEqual(f.Keys(), g.Keys()) || f.Name() != "made" || f.Version() != 3 {
		t.Errorf("keys %v, name %q, version %d", f.Keys(), f.Name(), f.Version())
	}
	for _, key := range g.Keys() {
		got, _ := f.Value(key)
		want, _ := g.Value(key)
		if got, ok := got.([]float32); ok && got[0] != got[0] {
			continue
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %v, want %v", key, got, want)
		}
	}
	for i, want := range g.Tensors() {
		got, ok := f.Tensor(want.Name)
		if !ok || !reflect.DeepEqual(got.Dims, want.Dims) || got.Type != want.Type || !bytes.Equal(got.Data, want.Data) {
			t.Errorf("tensor %q is %v", want.Name, got)
		}
		if len(got.Data) > 0 && &got.Data[0] != &tensors[i].Data[0] {
			t.Errorf("tensor %q was copied", want.Name)
		}
	}
	before := f.Fingerprint()
	other := append([]Tensor(nil), tensors...)
	other[0].Data = bytes.Clone(other[0].Data)
	other[0].Data[len(other[0].Data)/2]++
	if g, err := Compose("made", everyKind, other, nil); err != nil || g.Fingerprint() == before {
		t.Errorf("other weights have the same fingerprint, %v", err)
	}
	if err := f.Close(); err != nil || f.Close() != nil || released != 1 {
		t.Errorf("released %d times, %v", released, err)
	}
}

func TestComposeRefuses(t *testing.T) {
	t.Parallel()
	good := Tensor{Name: "t", Dims: []int{2}, Type: quant.F32, Data: make([]byte, 8)}
	short := good
	short.Data = short.Data[:7]
	for _, c := range []struct {
		meta    []KV
		tensors []Tensor
		want    string
	}{
		{[]KV{{"a", uint8(1)}, {"a", uint8(1)}}, nil, `"a"`},
		{[]KV{{"a", 1}}, nil, "type int"},
		{[]KV{{alignmentKey, uint32(3)}}, nil, alignmentKey},
		{nil, []Tensor{good, good}, `"t"`},
		{nil, []Tensor{short}, "takes 8 bytes, but 7"},
	} {
		if _, err := Compose("made", c.meta, c.tensors, nil); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "made") {
			t.Errorf("error %v, want one about %s", err, c.want)
		}
	}
}
