package bench

import (
	"bytes"
	"testing"

	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/infer/model"
	"github.com/a472be26/cusp/infer/tokenizer"
)

// A saved model must be one that this engine runs too, with the same weights
// and a vocabulary of the right size, even where there is no room for all bytes.
func TestSavedModelLoads(t *testing.T) {
	t.Parallel()
	r := tiny(t, mixOfName(t, "q4_k_m"), 64)
	var b bytes.Buffer
	if err := r.Save(&b); err != nil {
		t.Fatal(err)
	}
	saved, err := gguf.Parse("saved.gguf", b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.Load(saved)
	if err != nil || m.Config().Context != savedContext {
		t.Errorf("model: %v", err)
	}
	if _, err := tokenizer.Load(saved); err != nil {
		t.Errorf("tokenizer: %v", err)
	}
	f, err := r.Open()
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range f.Tensors() {
		if got := saved.Tensors()[i]; got.Name != want.Name || !bytes.Equal(got.Data, want.Data) {
			t.Errorf("tensor %s came back as %s", want.Name, got.Name)
		}
	}
}

func TestVocabulary(t *testing.T) {
	t.Parallel()
	for i, want := range map[int]string{0: "<unk>", 1: "<s>", 2: "</s>", 3: "<0x00>", 13: "<0x0A>", 258: "<0xFF>", 259: "▁w259"} {
		if got, _ := token(i); got != want {
			t.Errorf("token %d is %q, want %q", i, got, want)
		}
	}
}
