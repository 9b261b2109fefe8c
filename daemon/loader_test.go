package daemon

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/a472be26/cusp/infer/modeltest"
	"github.com/a472be26/cusp/packaging/bundle"
	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/calibrate"
)

// tinyModel is a model file of random weights that can take any text.
func tinyModel(t *testing.T) []byte { return modeltest.Small().Chat(t) }

// maker signs bundles of the tiny model.
type maker struct {
	dir   string
	model string // path of the weights
	key   bundle.PrivateKey
	trust string // path of the public key
}

func newMaker(t *testing.T) maker {
	t.Helper()
	m := maker{dir: t.TempDir()}
	m.model, m.trust = filepath.Join(m.dir, "tiny.gguf"), filepath.Join(m.dir, "key.pub")
	_, err := bundle.GenerateKey(filepath.Join(m.dir, "key"), "")
	if err = errors.Join(err, os.WriteFile(m.model, tinyModel(t), 0o600)); err != nil {
		t.Fatal(err)
	}
	if m.key, err = bundle.ReadPrivateKey(filepath.Join(m.dir, "key"), ""); err != nil {
		t.Fatal(err)
	}
	return m
}

// calibration lets every answer pass, or belongs to other weights.
func (m maker) calibration(t *testing.T, weights string) string {
	t.Helper()
	n := len(calibrate.FeatureNames)
	ones := make([]float64, n)
	for i := range ones {
		ones[i] = 1
	}
	text, err := json.Marshal(calibrate.Calibration{
		Version: 2, Model: weights, Threshold: 0.5, Alpha: 0.05, Delta: 0.05,
		Rule:     calibrate.Rule{Features: calibrate.FeatureNames, Mean: make([]float64, n), Scale: ones, Weights: make([]float64, n)},
		Isotonic: calibrate.Isotonic{X: []float64{-1e9, 1e9}, Y: []float64{0.9, 0.99}},
	})
	path := filepath.Join(t.TempDir(), "calibration.json")
	if err = errors.Join(err, os.WriteFile(path, text, 0o600)); err != nil {
		t.Fatal(err)
	}
	return path
}

// bundle writes a bundle; change spoils it.
func (m maker) bundle(t *testing.T, version string, key bundle.PrivateKey, change func(man *bundle.Manifest, files map[string]string)) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "bundle")
	files := map[string]string{bundle.ModelFile: m.model}
	man := bundle.Manifest{Name: "mm", Version: version, License: "Apache-2.0"}
	if change != nil {
		change(&man, files)
	}
	if _, err := bundle.Write(dir, man, files, key); err != nil {
		t.Fatal(err)
	}
	return dir
}

func (m maker) config(t *testing.T) Config {
	cfg := testConfig(t)
	cfg.Model.Trust, cfg.Model.Threads, cfg.Model.Sequences = []string{m.trust}, 1, 2
	return cfg
}

// weightsHash is what the bundle's manifest says of its weights.
func weightsHash(t *testing.T, dir string) string {
	t.Helper()
	b, err := bundle.Verify(dir)
	if b == nil {
		t.Fatal(err)
	}
	return b.Manifest.Files[bundle.ModelFile]
}

// The real loader, engine and router behind the real socket: a bundle is
// installed, serves, and is replaced by another.
func TestRealBundlesServeAndAreReplaced(t *testing.T) {
	t.Parallel()
	m := newMaker(t)
	cfg := m.config(t)
	hash := weightsHash(t, m.bundle(t, "0", m.key, nil))
	policy := bundle.Policy{AllowUnsigned: true}
	installed := func(version string) {
		t.Helper()
		dir := m.bundle(t, version, m.key, func(_ *bundle.Manifest, files map[string]string) {
			files[bundle.CalibrationFile] = m.calibration(t, hash)
		})
		if _, err := bundle.Install(dir, cfg.Model.Dir, policy); err != nil {
			t.Fatal(err)
		}
	}
	installed("1.0")
	c, _ := serveReal(t, cfg, Options{})
	q := ask("hello")
	q.Options.MaxTokens = 300 // of a context of 256: the answer cannot be cut by this
	a, err := c.Ask(t.Context(), q, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := a.Receipt
	if r.Model != "mm@1.0" || len(r.Bundle) != 64 || r.Confidence == nil || *r.Confidence < 0.9 || *r.Threshold != 0.5 || r.PromptTokens != 7 || r.CompletionTokens == 0 {
		t.Errorf("receipt %+v", r)
	}
	installed("1.1")
	var s Status
	until(t, "the update", func() bool { return c.Status(t.Context(), &s) == nil && s.Model.Version == "1.1" })
	if !s.Model.Signed || !s.Model.Calibrated || s.Model.Swaps != 1 || s.Refusal != nil {
		t.Errorf("status %+v", s.Model)
	}
	again, err := c.Ask(t.Context(), q, nil)
	if err != nil || again.Text != a.Text || again.Receipt.Model != "mm@1.1" {
		t.Errorf("the same weights answered %q, then %q (%v)", a.Text, again.Text, err)
	}
	// A prompt that cannot fit is the asker's mistake.
	if _, err := c.Ask(t.Context(), ask(strings.Repeat("long ", 2000)), nil); err == nil || !strings.Contains(err.Error(), "context") {
		t.Errorf("a prompt beyond the context: %v", err)
	}
}

func TestLoaderRefusals(t *testing.T) {
	t.Parallel()
	m := newMaker(t)
	other := newMaker(t)
	cfg := m.config(t).Model
	for name, c := range map[string]struct {
		dir  string
		says string
	}{
		"unsigned":  {m.bundle(t, "1", bundle.PrivateKey{}, nil), "model.allow_unsigned"},
		"untrusted": {m.bundle(t, "1", other.key, nil), "model.trust"},
		"foreign calibration": {m.bundle(t, "1", m.key, func(_ *bundle.Manifest, files map[string]string) {
			files[bundle.CalibrationFile] = m.calibration(t, strings.Repeat("0", 64))
		}), "calibrate the model again"},
		"other name": {m.bundle(t, "1", m.key, func(man *bundle.Manifest, _ map[string]string) { man.Name = "other" }), "model.name"},
		"no model": {m.bundle(t, "1", m.key, func(_ *bundle.Manifest, files map[string]string) {
			files[bundle.ModelFile] = m.trust
		}), "model.gguf"},
		"altered": {func() string {
			dir := m.bundle(t, "1", m.key, nil)
			path := filepath.Join(dir, bundle.ModelFile)
			data, err := os.ReadFile(path)
			data[len(data)/2]++
			if err := errors.Join(err, os.Chmod(path, 0o600), os.WriteFile(path, data, 0o600)); err != nil {
				t.Fatal(err)
			}
			return dir
		}(), "differs"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			loaded, err := bundleLoader{cfg: cfg}.Load(t.Context(), Candidate{Path: c.dir})
			if err == nil {
				_ = loaded.Close()
				t.Fatal("loaded")
			}
			if !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %q does not say %q", err, c.says)
			}
		})
	}
}

func TestPlainFileNeedsPermission(t *testing.T) {
	t.Parallel()
	m := newMaker(t)
	cfg := m.config(t).Model
	c := Candidate{Path: m.model, Plain: true}
	if _, err := (bundleLoader{cfg: cfg}).Load(t.Context(), c); err == nil || !strings.Contains(err.Error(), "allow_unsigned") {
		t.Errorf("error %v", err)
	}
	cfg.AllowUnsigned = true
	loaded, err := bundleLoader{cfg: cfg}.Load(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer loaded.Close()
	if info := loaded.Info(); info.Name != "tiny" || info.Signed || info.Calibrated {
		t.Errorf("info %+v", info)
	}
	if err := selfTest(1)(t.Context(), loaded); err != nil {
		t.Error(err)
	}
	a, err := loaded.Answer(t.Context(), router.Question{Messages: []router.Message{{Role: "user", Content: "x"}}, Options: router.Options{MaxTokens: 3}}, nil)
	if err != nil || len(a.Tokens) > 3 || a.Calibration != nil {
		t.Errorf("answer %+v, %v", a, err)
	}
}
