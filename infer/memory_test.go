package infer

import (
	"strings"
	"testing"

	"github.com/a472be26/cusp/infer/model"
)

// claims is a model of any size without weights. What the engine must not come
// to is left nil.
type claims struct {
	model.Model
	config model.Config
}

func (c claims) Config() model.Config { return c.config }

// Such sizes pass every check of the file: 32 MB of weights one column wide can
// claim heads whose cache takes 137 GB.
func TestAnEngineBeyondTheMachineIsRefused(t *testing.T) {
	t.Parallel()
	small := model.Config{Vocab: 8, Dim: 1, Layers: 1, Heads: 1, KVHeads: 1, HeadDim: 2, FFN: 1, Context: 1 << 28, RopeDim: 2}
	cases := map[string]func(*model.Config){
		"wide heads":  func(c *model.Config) { c.HeadDim = 1 << 28 },
		"many layers": func(c *model.Config) { c.Layers, c.HeadDim = 1<<20, 1<<14 },
		"everything":  func(c *model.Config) { c.Layers, c.HeadDim, c.FFN = 1<<28, 1<<28, 1<<28 },
	}
	for name, change := range cases {
		c := small
		change(&c)
		_, err := New(claims{config: c}, Options{})
		if err == nil || !strings.Contains(err.Error(), "smaller context") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestMemoryIsThatOfTheCaches(t *testing.T) {
	t.Parallel()
	// A model of 1.1 B parameters: 22 layers of 4 heads of 64 keys and values
	// in float32 take 45 kB a token.
	c := model.Config{Dim: 2048, Layers: 22, Heads: 32, KVHeads: 4, HeadDim: 64, FFN: 5632}
	o := Options{Context: 2048, Sequences: 1}
	const cache = 2048 * 22 * 2 * 4 * 64 * 4
	if got := o.memory(c); got < cache || got > cache+10e6 {
		t.Errorf("got %.0f bytes, want a little more than %d", got, cache)
	}
	if o.checkMemory(c, cache) == nil || o.checkMemory(c, cache+10e6) != nil {
		t.Error("the memory of the machine is not the bound")
	}
}
