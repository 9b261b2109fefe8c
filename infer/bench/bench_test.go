package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/a472be26/cusp/infer/quant"
)

func tiny(t *testing.T, mix quant.Mix, context int) *Random {
	t.Helper()
	s, err := ParseShape("dim=64,layers=2,heads=4,kv_heads=2,ffn=96,vocab=100")
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewRandom(s, mix, context)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func mixOfName(t *testing.T, name string) quant.Mix {
	t.Helper()
	mix, err := quant.ParseMix(name)
	if err != nil {
		t.Fatal(err)
	}
	return mix
}

func quick() Options {
	return Options{
		Threads: []int{1}, Prefill: 32, Decode: 8, Sequences: []int{1, 3}, Repeat: 2, Before: 1,
		probe: probe{buffer: 1 << 20, window: time.Millisecond},
	}
}

// Not parallel: it counts allocations of the whole process.
func TestRunIsSane(t *testing.T) {
	for name, want := range map[string]string{"q8_0": "Q8_0", "f16": "F16", "f32": "F32", "q4_k_m": "Q4_K_M", "iq4_xs": "IQ4_NL"} {
		o := quick()
		var steps []string
		r, err := Run(t.Context(), tiny(t, mixOfName(t, name), o.Context()), o, func(s string) { steps = append(steps, s) })
		if err != nil {
			t.Fatal(err)
		}
		var text bytes.Buffer
		if err := json.NewEncoder(&text).Encode(r); err != nil {
			t.Fatal(err)
		}
		var decoded map[string]any
		if err := json.Unmarshal(text.Bytes(), &decoded); err != nil {
			t.Fatal(err)
		}
		checkPositive(t, name, decoded)
		if r.Model.Quant != want || len(steps) < 5 {
			t.Errorf("the model is of type %s, want %s; steps %v", r.Model.Quant, want, steps)
		}
		if b := r.Rows[0].Batches; len(b) != 2 || b[0].Ratio != 1 || b[1].Sequences != 3 {
			t.Errorf("%s: batches %+v", name, b)
		}
	}
}

// checkPositive walks a decoded JSON value: every number is finite (or it would
// not have been encoded) and above zero, and a spread is in order.
func checkPositive(t *testing.T, path string, v any) {
	t.Helper()
	switch v := v.(type) {
	case map[string]any:
		for key, x := range v {
			if key != "allocations_per_token" { // none is best
				checkPositive(t, path+"."+key, x)
			}
		}
		if median, ok := v["median"].(float64); ok && (v["min"].(float64) > median || v["max"].(float64) < median) {
			t.Errorf("%s is %v", path, v)
		}
	case []any:
		for _, x := range v {
			checkPositive(t, path+"[]", x)
		}
	case float64:
		if !(v > 0) {
			t.Errorf("%s is %v", path, v)
		}
	case string:
		if v == "" {
			t.Errorf("%s is empty", path)
		}
	}
}

// What is counted of the model must follow from its shape.
func TestWorkOfAShape(t *testing.T) {
	t.Parallel()
	r := tiny(t, quant.MixOf(quant.Q8_0), 64)
	f, err := r.Open()
	if err != nil {
		t.Fatal(err)
	}
	const layers, head, norms = 2 * (2*64*64 + 2*64*32 + 3*64*96), 64 * 100, 5 * 64
	w := workOf(r, f)
	if w.LayerMACs != layers || w.HeadMACs != head || w.Parameters != layers+2*head+norms {
		t.Errorf("got %+v", w)
	}
	if want := int64((layers+head)/32*34 + 4*norms); w.TokenBytes != want {
		t.Errorf("a token reads %d bytes, want %d", w.TokenBytes, want)
	}
	if got, want := w.promptMACs(10), float64(layers+head/10); got != want {
		t.Errorf("a token of a prompt of 10 takes %v multiply-accumulates, want %v", got, want)
	}
}

func TestAFileIsMeasured(t *testing.T) {
	o := quick()
	path := filepath.Join(t.TempDir(), "tiny.gguf")
	if err := os.WriteFile(path, tiny(t, quant.MixOf(quant.Q8_0), 64).data, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := Run(t.Context(), Path(path), o, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := r.Print(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{path, "1 thread", "prefill 32", "decode 8", "3 sequences", "first token", "GMAC/s"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the table does not mention %q:\n%s", want, &text)
		}
	}
}

func TestRunRefuses(t *testing.T) {
	t.Parallel()
	source := tiny(t, quant.MixOf(quant.Q8_0), 64)
	for want, change := range map[string]func(*Options){
		"threads":        func(o *Options) { o.Threads = []int{1, 1000} },
		"threads are":    func(o *Options) { o.Threads = nil },
		"prefill":        func(o *Options) { o.Prefill = 0 },
		"decode":         func(o *Options) { o.Decode = -1 },
		"sequences":      func(o *Options) { o.Sequences = []int{0} },
		"repeat":         func(o *Options) { o.Repeat = 0 },
		"context":        func(o *Options) { o.Prefill = 64 },
		"5000 sequences": func(o *Options) { o.Sequences = []int{5000} },
	} {
		o := quick()
		change(&o)
		_, err := Run(t.Context(), source, o, func(string) {})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one about %q", err, want)
		}
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Run(ctx, tiny(t, quant.MixOf(quant.Q8_0), 64), quick(), func(string) {}); err == nil {
		t.Error("a cancelled run succeeded")
	}
}

func TestSpread(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		figures []float64
		want    Spread
	}{
		{[]float64{2}, Spread{2, 2, 2}},
		{[]float64{3, 1, 2}, Spread{2, 1, 3}},
		{[]float64{4, 1, 2, 8}, Spread{3, 1, 8}},
	} {
		if got := spreadOf(c.figures); got != c.want {
			t.Errorf("%v: got %v, want %v", c.figures, got, c.want)
		}
	}
}

// Every loop that this CPU can run must be a rate, also those that stand in
// where the CPU's own peak is not known.
func TestPeaks(t *testing.T) {
	t.Parallel()
	l := &limits{probe: probe{window: time.Millisecond}}
	for _, p := range []peak{peakFor(quant.Q8_0), peakFor(quant.Q4_K), peakFor(quant.F32), cachedQ8(), cachedGemm()} {
		l.peak = p
		if s := l.multiply(1); !(s.Median > 0) || math.IsInf(s.Max, 0) || p.what == "" {
			t.Errorf("%q: %v", p.what, s)
		}
	}
}

func TestKibibytes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{"123 kB": 123 << 10, "32768kB": 32 << 20, "": 0, "12": 0, "x kB": 0, "-1 kB": 0, "99999999999999999 kB": 0} {
		if got := kibibytes(text, "kB"); got != want {
			t.Errorf("%q: got %d, want %d", text, got, want)
		}
	}
}
