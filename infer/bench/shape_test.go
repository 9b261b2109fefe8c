package bench

import (
	"strings"
	"testing"

	"github.com/a472be26/cusp/infer/quant"
)

func TestParseShape(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		want Shape
		err  string // part of it
	}{
		{text: "15m", want: Shape{Name: "15m", Dim: 288, Layers: 6, Heads: 6, KVHeads: 6, FFN: 768, Vocab: 32000, Tied: true}},
		{text: "tinyllama-1.1b", want: Shape{Name: "tinyllama-1.1b", Dim: 2048, Layers: 22, Heads: 32, KVHeads: 4, FFN: 5632, Vocab: 32000}},
		{
			text: "dim=64,layers=2,heads=4,kv_heads=2,ffn=96,vocab=100,tied=1",
			want: Shape{Name: "dim=64,layers=2,heads=4,kv_heads=2,ffn=96,vocab=100,tied=1", Dim: 64, Layers: 2, Heads: 4, KVHeads: 2, FFN: 96, Vocab: 100, Tied: true},
		},
		{
			text: "vocab=100,ffn=96,heads=4,layers=2,dim=64",
			want: Shape{Name: "vocab=100,ffn=96,heads=4,layers=2,dim=64", Dim: 64, Layers: 2, Heads: 4, KVHeads: 4, FFN: 96, Vocab: 100},
		},
		{text: "", err: "qwen2.5-0.5b"},
		{text: "llama-9b", err: "qwen2.5-0.5b"},
		{text: "dim=64,layers=2,heads=4,ffn=96", err: "vocab is missing"},
		{text: "dim=64,layers=2,heads=4,ffn=96,vocab=100,rope=1", err: `"rope" is not known`},
		{text: "dim=64,dim=64,layers=2,heads=4,ffn=96,vocab=100", err: "given twice"},
		{text: "dim=,layers=2,heads=4,ffn=96,vocab=100", err: "dim"},
		{text: "dim=64,layers=-2,heads=4,ffn=96,vocab=100", err: "layers is -2"},
		{text: "dim=64,layers=2000000,heads=4,ffn=96,vocab=100", err: "layers is 2000000"},
		{text: "dim=64,layers=5000,heads=4,ffn=96,vocab=100", err: "layers is 5000"},
		{text: "dim=64,layers=2,heads=0,ffn=96,vocab=100", err: "heads is 0"},
		{text: "dim=64,layers=2,heads=64,ffn=96,vocab=100", err: "even width"},
		{text: "dim=64,layers=2,heads=4,kv_heads=3,ffn=96,vocab=100", err: "share 3 kv_heads"},
		{text: "dim=64,layers=2,heads=4,ffn=96,vocab=100,tied=2", err: "tied is 2"},
	} {
		got, err := ParseShape(c.text)
		switch {
		case c.err != "":
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%q: error %v, want one about %q", c.text, err, c.err)
			}
		case err != nil || got != c.want:
			t.Errorf("%q: got %+v, %v, want %+v", c.text, got, err, c.want)
		}
	}
}

// The named shapes must be those of the models that they are named after.
func TestNamedShapes(t *testing.T) {
	t.Parallel()
	millions := map[string]float64{"15m": 15.2, "qwen2.5-0.5b": 493.9, "student": 4, "tinyllama-1.1b": 1100}
	for _, name := range ShapeNames() {
		s, err := ParseShape(name)
		if err != nil {
			t.Error(err)
			continue
		}
		want := millions[name]
		if got := s.tensors(quant.MixOf(quant.F32)).bytes() / 4e6; got < 0.99*want || got > 1.01*want {
			t.Errorf("%s has %.1f M weights, want %.1f", name, got, want)
		}
	}
}
