package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/a472be26/cusp/infer/assistant"
	"github.com/a472be26/cusp/infer/builtin"
	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/packaging/bundle"
	"github.com/a472be26/cusp/router/calibrate"
)

// bundleLoader is the real Loader: signed bundles, plain files, the built-in
// student.
type bundleLoader struct {
	cfg      ModelConfig
	prefixes *prefixes // nil: nothing is kept ready
	engines  *engines  // nil: nobody asks
	places   *places   // nil: the CPU
}

var _ Loader = bundleLoader{}

// Load verifies before it opens: nothing of a model is interpreted whose hashes
// and signature do not fit.
func (l bundleLoader) Load(ctx context.Context, c Candidate) (Model, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	switch {
	case c.BuiltIn():
		return l.loadBuiltIn("student", builtin.Student)
	case c.Plain:
		return l.loadPlain(c.Path)
	}
	return l.loadBundle(c.Path)
}

func (l bundleLoader) loadBundle(dir string) (Model, error) {
	b, calibration, err := l.checkBundle(dir)
	if err != nil {
		return nil, err
	}
	a, place, err := l.open(b.Path(bundle.ModelFile))
	if err != nil {
		return nil, err
	}
	return l.model(a, place, b.Manifest.Files[bundle.ModelFile], calibration, infoOf(b, b.Dir, calibration)), nil
}

// checkBundle returns a bundle that may be loaded, and its calibration, nil if it
// has none.
func (l bundleLoader) checkBundle(dir string) (*bundle.Bundle, *calibrate.Calibration, error) {
	policy, err := l.policy()
	if err != nil {
		return nil, nil, err
	}
	b, err := policy.Verify(dir)
	if errors.Is(err, bundle.ErrUntrusted) || errors.Is(err, bundle.ErrUnsigned) {
		return nil, nil, fmt.Errorf("%w; add its maker's key to model.trust, or set model.allow_unsigned", err)
	}
	if err != nil {
		return nil, nil, err
	}
	if l.cfg.Name != "" && b.Manifest.Name != l.cfg.Name {
		return nil, nil, fmt.Errorf("the manifest's name is %q; model.name is %q", b.Manifest.Name, l.cfg.Name)
	}
	calibration, err := readCalibration(os.DirFS(b.Dir), b)
	return b, calibration, err
}

// policy trusts the project's own key, where this build has it, and those of
// the configuration.
func (l bundleLoader) policy() (bundle.Policy, error) {
	p := bundle.Policy{AllowUnsigned: l.cfg.AllowUnsigned}
	var err error
	if p.Trust, err = ProjectTrust(); err != nil {
		return p, err
	}
	for _, path := range l.cfg.Trust {
		keys, err := bundle.ReadTrust(path)
		if err != nil {
			return p, fmt.Errorf("trusted keys: %w", err)
		}
		p.Trust = append(p.Trust, keys...)
	}
	return p, nil
}

// ProjectTrust is the project's own key, or nothing in a build without it.
func ProjectTrust() ([]bundle.PublicKey, error) {
	key, err := ProjectKey()
	if errors.Is(err, builtin.ErrMissing) {
		return nil, nil
	}
	return []bundle.PublicKey{key}, err
}

// ProjectKey is the key that signs the built-in models; it wraps
// [builtin.ErrMissing] in a build without them.
func ProjectKey() (bundle.PublicKey, error) {
	text, err := builtin.PublicKey()
	if err != nil {
		return bundle.PublicKey{}, err
	}
	key, err := bundle.ParsePublicKey(string(text))
	if err != nil {
		return bundle.PublicKey{}, fmt.Errorf("built-in key: %w", err)
	}
	return key, nil
}

// checkBuiltIn verifies a bundle of the program.
func checkBuiltIn(role string, open func() (fs.FS, error)) (fs.FS, *bundle.Bundle, *calibrate.Calibration, error) {
	files, err := open()
	if err != nil {
		return nil, nil, nil, err
	}
	key, err := ProjectKey()
	if err != nil {
		return nil, nil, nil, err
	}
	b, err := bundle.VerifyFS(files, key)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("built-in %s: %w", role, err)
	}
	calibration, err := readCalibration(files, b)
	return files, b, calibration, err
}

// loadBuiltIn reads a bundle out of the program; its weights are on the heap.
func (l bundleLoader) loadBuiltIn(role string, open func() (fs.FS, error)) (*engineModel, error) {
	files, b, calibration, err := checkBuiltIn(role, open)
	if err != nil {
		return nil, err
	}
	weights, err := fs.ReadFile(files, bundle.ModelFile)
	if err != nil {
		return nil, fmt.Errorf("built-in %s: %w", role, err)
	}
	f, err := gguf.Parse("built-in "+role, weights)
	if err != nil {
		return nil, err
	}
	a, place, err := l.places.open(l.cfg, l.engine(), func(c assistant.Config) (*assistant.Assistant, error) { return assistant.New(f, c) })
	if err != nil {
		return nil, err
	}
	return l.model(a, place, b.Manifest.Files[bundle.ModelFile], calibration, infoOf(b, "built-in", calibration)), nil
}

// loadPlain opens a file or folder that a user dropped: unsigned and
// uncalibrated.
func (l bundleLoader) loadPlain(path string) (*engineModel, error) {
	if !l.cfg.AllowUnsigned {
		return nil, fmt.Errorf("%s is a plain model without a signature; set model.allow_unsigned to run it", path)
	}
	a, place, err := l.open(path)
	if err != nil {
		return nil, err
	}
	name := strings.TrimSuffix(filepath.Base(path), ".gguf")
	return l.model(a, place, a.Fingerprint(), nil, ModelInfo{Name: name, File: path}), nil
}

// open loads a model file where the configuration wants it.
func (l bundleLoader) open(path string) (*assistant.Assistant, Place, error) {
	return l.places.open(l.cfg, l.engine(), func(c assistant.Config) (*assistant.Assistant, error) { return assistant.Open(path, c) })
}

// model puts an engine to work, with what is kept ready for weights of that
// hash in that place.
func (l bundleLoader) model(a *assistant.Assistant, place Place, weights string, c *calibrate.Calibration, info ModelInfo) *engineModel {
	info.Architecture, info.Types, info.Place = a.Architecture(), a.Types(), place
	l.engines.add(a)
	return &engineModel{assistant: a, calibration: c, info: info, openings: l.prefixes.recall(a, weights+place.pages), engines: l.engines, places: l.places}
}

func (l bundleLoader) engine() assistant.Config {
	return assistant.Config{
		Threads: l.cfg.Threads, Context: l.cfg.Context, Sequences: l.cfg.Sequences,
		Queue: l.cfg.Queue, Rows: l.cfg.BatchTokens, Chunk: l.cfg.PrefillChunk, KV: l.cfg.KV, KVBytes: l.cfg.KVMemory,
	}
}

// readCalibration returns nil when the bundle has none, and an error when it
// has one for other weights: a new model never runs with an old threshold.
func readCalibration(files fs.FS, b *bundle.Bundle) (*calibrate.Calibration, error) {
	if _, ok := b.Manifest.Files[bundle.CalibrationFile]; !ok {
		return nil, nil
	}
	data, err := fs.ReadFile(files, bundle.CalibrationFile)
	if err != nil {
		return nil, fmt.Errorf("calibration: %w", err)
	}
	c, err := calibrate.Read(data)
	if err != nil {
		return nil, err
	}
	if weights := b.Manifest.Files[bundle.ModelFile]; c.Model != weights {
		return nil, fmt.Errorf("calibration is for the weights %.12s, the bundle holds %.12s; calibrate the model again", c.Model, weights)
	}
	return c, nil
}

func infoOf(b *bundle.Bundle, file string, c *calibrate.Calibration) ModelInfo {
	return ModelInfo{
		Name: b.Manifest.Name, Version: b.Manifest.Version, Bundle: b.Hash, File: file,
		Signed: b.Signed, Signer: b.Signer, License: b.Manifest.License, Created: b.Manifest.Created,
		Calibrated: c != nil, Golden: goldenOf(b.Manifest.Report),
	}
}

// goldenOf reads the member "golden" of a report, an array of {prompt, text};
// a report without one, or with something else there, has no golden answers.
func goldenOf(report map[string]any) []Golden {
	text, err := json.Marshal(report["golden"])
	if err != nil {
		return nil
	}
	var golden []Golden
	if json.Unmarshal(text, &golden) != nil {
		return nil
	}
	return golden
}
