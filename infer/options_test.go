package infer

import (
	"strings"
	"testing"

	"github.com/a472be26/cusp/infer/kernel"
	"github.com/a472be26/cusp/infer/model"
	"github.com/a472be26/cusp/infer/quant"
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
		"wide middle": func(c *model.Config) { c.FFN = 1 << 28 },
	}
	for name, change := range cases {
		c := small
		change(&c)
		_, err := New(claims{config: c}, Options{})
		if err == nil || !strings.Contains(err.Error(), "more than") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// separate is claims with memory of its own.
type separate struct {
	claims
	bytes float64
}

func (s separate) Memory() float64 { return s.bytes }

// What does not fit is told with the memory that it does not fit into.
func TestWhoseMemory(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		o     Options
		bytes float64
		want  string
	}{
		{Options{}, 1000, "more than half of the GPU's free 1e-06 GB"},
		{Options{KVBytes: 1 << 30}, 5e8, "more than the GPU's free 0.5 GB; choose"},
	} {
		if _, err := New(separate{claims{config: tiny}, c.bytes}, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
		_, err := c.o.Footprint(tiny, c.bytes)
		if want := strings.Replace(c.want, "the GPU's free", "the machine's", 1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// A model of 1.1 B parameters: 22 layers of 4 heads of 64 keys and values take
// 22.5 kB a token in binary16, 360 kB a page.
var tiny = model.Config{Vocab: 32000, Dim: 2048, Layers: 22, Heads: 32, KVHeads: 4, HeadDim: 64, FFN: 5632, Context: 2048}

func TestPagesFollowFromTheMemory(t *testing.T) {
	t.Parallel()
	const page, gb = 16 * 22 * 2 * 4 * 64 * 2, 1e9
	cases := []struct {
		name    string
		o       Options
		machine float64
		pages   int
		fails   string
	}{
		{"all sequences at full length", Options{Sequences: 4}, 8 * gb, 4 * 128, ""},
		{"float32 takes twice as much", Options{Sequences: 4, KV: "f32"}, 8 * gb, 4 * 128, ""},
		{"INT8 takes little more than half", Options{Sequences: 4, KV: "q8_0", KVBytes: 100 * page}, 8 * gb, 182, ""},
		{"half of the machine at most", Options{Sequences: 4}, gb / 4, 346, ""},
		{"half of the machine at most, float32", Options{Sequences: 4, KV: "f32"}, gb / 4, 173, ""},
		{"as configured", Options{KVBytes: 100*page + 1}, gb, 100, ""},
		{"more than the sequences take", Options{KVBytes: 1000 * page}, gb, 1000, ""},
		{"configured beyond the machine", Options{KVBytes: 2 * gb}, gb, 0, "fewer rows"},
		{"configured to less than a page", Options{KVBytes: page - 1}, gb, 0, "not one page"},
		{"a machine without room for a page", Options{}, page, 0, "more than half"},
		{"a pass that does not fit", Options{Context: 32, Rows: 4096}, gb / 4, 0, "passes of 4096 tokens"},
	}
	for _, c := range cases {
		o, pages, err := c.o.complete(tiny, ofMachine(c.machine))
		if c.fails != "" {
			if err == nil || !strings.Contains(err.Error(), c.fails) {
				t.Errorf("%s: error %v", c.name, err)
			}
			continue
		}
		if err != nil || pages != c.pages || o.Rows != 256 || o.Chunk != 32 || o.Context != 2048 {
			t.Errorf("%s: %d pages, want %d; options %+v, error %v", c.name, pages, c.pages, o, err)
		}
	}
}

// A pass has as many rows as suit the CPU, unless they are wide.
func TestRowsOfAPass(t *testing.T) {
	t.Parallel()
	wide, narrow := tiny, tiny
	narrow.Dim, narrow.Heads, narrow.FFN = 896, 14, 4864
	wide.Dim, wide.FFN = 8192, 28672
	for _, c := range []struct {
		model model.Config
		want  int
	}{{narrow, kernel.PromptRows()}, {tiny, 256}, {wide, 256}} {
		if o, _, err := (Options{}).complete(c.model, ofMachine(64e9)); err != nil || o.Rows != c.want {
			t.Errorf("width %d: %d rows, want %d, error %v", c.model.Dim, o.Rows, c.want, err)
		}
	}
}

// Where all layers look through a window, a sequence takes no more than that, a
// chunk of attention and a pass, and may be as long as the context all the same.
func TestPagesOfWindows(t *testing.T) {
	t.Parallel()
	mistral := tiny
	mistral.Context, mistral.Window = 32768, 4096
	const most = (4096 + 128 + 256) / 16
	for _, c := range []struct{ context, pages, want, tokens int }{
		{32768, 0, 2 * most, 32768},
		{32768, most, most, 32768},
		{32768, most - 1, most - 1, 16 * (most - 1)},
		{4096, 0, 2 * 256, 4096},
	} {
		o, pages, err := Options{Sequences: 2, Context: c.context, KVBytes: int64(float64(c.pages) * mistral.PageBytes(quant.F16))}.complete(mistral, ofMachine(64e9))
		if err != nil || pages != c.want || o.longest(mistral, pages) != c.tokens {
			t.Errorf("%+v: %d pages, %d tokens, error %v", c, pages, o.longest(mistral, pages), err)
		}
	}
}

// The window of a model is that of its layer that sees most.
func TestWindowsOfFamilies(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]int{"mistral": 12, "phi3": 12, "mixtral": 0, "gemma2": 0, "gemma3": 0, "glm4": 0, "gpt2": 0} {
		if got := family(t, name).Config().Window; got != want {
			t.Errorf("%s: a window of %d, not %d", name, got, want)
		}
	}
}

// A text for an encoder is one pass, and what is answered has pages of its own.
func TestPagesOfTexts(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name        string
		kind        model.Kind
		o           Options
		rows, pages int
		layers      float64 // in a page
	}{
		{"encoder", model.Encoder, Options{Sequences: 2}, 2048, 2 * 128, 1},
		{"encoder of short texts", model.Encoder, Options{Sequences: 2, Rows: 100}, 100, 2 * 7, 1},
		{"encoder-decoder", model.EncoderDecoder, Options{Sequences: 2}, 2048, 2 * (128 + 128), 22},
		{"short sources", model.EncoderDecoder, Options{Sequences: 2, Rows: 100}, 100, 2 * (7 + 128), 22},
	}
	for _, c := range cases {
		config := tiny
		config.Kind = c.kind
		o, pages, err := c.o.complete(config, ofMachine(8e9))
		if err != nil || pages != c.pages || o.Rows != c.rows {
			t.Errorf("%s: %d pages and %d rows, %v; want %d and %d", c.name, pages, o.Rows, err, c.pages, c.rows)
		}
		if got := config.PageBytes(quant.F16); got != 16*2*4*64*2*c.layers {
			t.Errorf("%s: pages of %v bytes", c.name, got)
		}
	}
}
