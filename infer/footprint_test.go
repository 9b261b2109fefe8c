package infer

import (
	"testing"

	"github.com/a472be26/cusp/infer/model"
	"github.com/a472be26/cusp/infer/modeltest"
)

// What is foretold of an engine is what it then takes.
func TestFootprint(t *testing.T) {
	t.Parallel()
	m, err := model.Load(modeltest.Small().File(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []Options{{}, {Sequences: 3, Context: 40, KV: "f32"}, {KVBytes: 1 << 20}} {
		f, err := o.Footprint(m.Config(), 0)
		if err != nil {
			t.Fatal(err)
		}
		e, err := New(m, o)
		if err != nil {
			t.Fatal(err)
		}
		if s := e.Stats(); f.KV != float64(s.Pages)*float64(s.PageBytes) || f.Context != s.Context || f.Sequences != s.Sequences || f.Run <= 0 {
			t.Errorf("%+v: foretold %+v, the engine has %d pages of %d bytes, %d sequences of %d tokens", o, f, s.Pages, s.PageBytes, s.Sequences, s.Context)
		}
		e.Close()
	}
	if _, err := (Options{}).Footprint(m.Config(), 1000); err == nil {
		t.Error("1000 bytes are enough")
	}
}
