//go:build cuda && e2e

package cuda_test

import (
	"fmt"
	"io/fs"
	"testing"

	"github.com/a472be26/cusp/infer/builtin"
	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/infer/model"
	"github.com/a472be26/cusp/infer/quant"
)

// The built-in models give the logits and the greedy tokens of the CPU.
func TestBuiltinEqualsCPU(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func() (fs.FS, error){"student": builtin.Student, "teacher": builtin.Teacher} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bundle, err := open()
			if err != nil {
				t.Fatal(err)
			}
			data, err := fs.ReadFile(bundle, "model.gguf")
			if err != nil {
				t.Fatal(err)
			}
			f, err := gguf.Parse(name, data)
			if err != nil {
				t.Fatal(err)
			}
			m := loadFile(t, f)
			g, _ := onGPU(t, m, "")
			limits := model.Limits{Threads: 1, Sequences: 1, Rows: 24, Context: 64}
			cpu, gpu := newRun(t, m, quant.F16, limits), newRun(t, g, quant.F16, limits)
			text := long(24)
			for at := 0; len(text) < 40; {
				a, b := cpu.logits(0, at, text[at:]...), gpu.logits(0, at, text[at:]...)
				at = len(text)
				checkClose(t, fmt.Sprintf("position %d", at-1), b, a)
				if best(a) != best(b) {
					t.Errorf("position %d: token %d, the CPU's is %d", at-1, best(b), best(a))
				}
				text = append(text, best(a))
			}
		})
	}
}
