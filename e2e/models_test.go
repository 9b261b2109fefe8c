//go:build e2e

package e2e

import (
	"encoding/json"
	"io/fs"
	"math"
	"os"
	"testing"

	"github.com/a472be26/cusp/daemon"
	"github.com/a472be26/cusp/distill/eval"
	"github.com/a472be26/cusp/infer/assistant"
	"github.com/a472be26/cusp/infer/builtin"
	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/packaging/bundle"
	"github.com/a472be26/cusp/router/calibrate"
)

// TestBuiltInModels holds the built-in models to what is claimed of them, on
// the validation data, through the engine of a device.
func TestBuiltInModels(t *testing.T) {
	data := os.Getenv("CUSP_DATA")
	if data == "" {
		t.Fatal("CUSP_DATA is not set: it names the reference data, see .ci/run")
	}
	student := score(t, "student", builtin.Student, 6_000_000, data)
	teacher := score(t, "teacher", builtin.Teacher, 20_000_000, data)
	for _, lang := range []string{"en", "zh-cn"} {
		s, h := student.IntentAccuracy(lang), teacher.IntentAccuracy(lang)
		if s < 0.9 || h < s {
			t.Errorf("%s: intent accuracy of the student is %.3f, of the teacher %.3f; want at least 0.9, and the teacher no worse", lang, s, h)
		}
	}
	if f := student.Foreign; float64(f.Answered) > 0.05*float64(f.Sentences) {
		t.Errorf("%d of %d questions out of domain are answered locally, want at most 5%%", f.Answered, f.Sentences)
	}
}

// score evaluates one built-in model, and compares with its manifest.
func score(t *testing.T, name string, open func() (fs.FS, error), most int64, data string) eval.Report {
	t.Helper()
	files, err := open()
	must(t, err)
	key, err := daemon.ProjectKey()
	must(t, err)
	b, err := bundle.VerifyFS(files, key)
	must(t, err)
	if size := b.Manifest.Sizes[bundle.ModelFile]; size > most {
		t.Errorf("%s: %d bytes, want at most %d", name, size, most)
	}
	weights, err := fs.ReadFile(files, bundle.ModelFile)
	must(t, err)
	curve, err := fs.ReadFile(files, bundle.CalibrationFile)
	must(t, err)
	calibration, err := calibrate.Read(curve)
	must(t, err)
	f, err := gguf.Parse(name, weights)
	must(t, err)
	a, err := assistant.New(f, assistant.Config{Sequences: 4})
	must(t, err)
	defer a.Close()
	r, err := eval.Evaluate(t.Context(), a, calibration, data, nil)
	must(t, err)
	wantClaimed(t, name, b.Manifest.Report, r)
	return r
}

// wantClaimed compares the intent accuracies in a manifest with the measured
// ones. Kernels of different processors round differently, so a sentence or two
// may fall on the other side.
func wantClaimed(t *testing.T, name string, report map[string]any, r eval.Report) {
	t.Helper()
	text, err := json.Marshal(report["int8"])
	must(t, err)
	var claimed map[string]json.RawMessage
	must(t, json.Unmarshal(text, &claimed))
	for _, lang := range []string{"en", "zh-cn"} {
		var s struct {
			Intent float64 `json:"intent_accuracy"`
		}
		must(t, json.Unmarshal(claimed[lang], &s))
		if got := r.IntentAccuracy(lang); math.Abs(got-s.Intent) > 0.02 {
			t.Errorf("%s, %s: intent accuracy %.4f, the manifest claims %.4f", name, lang, got, s.Intent)
		}
	}
}
