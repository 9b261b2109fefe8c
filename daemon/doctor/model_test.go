package doctor

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/a472be26/cusp/infer/builtin"
	"github.com/a472be26/cusp/packaging/bundle"
)

// ofStudent is a file of the built-in model.
func ofStudent(t *testing.T, name string) string {
	t.Helper()
	files, err := builtin.Student()
	must(t, err)
	text, err := fs.ReadFile(files, name)
	must(t, err)
	return string(text)
}

func install(t *testing.T, s *subject, key bundle.PrivateKey, calibration string) string {
	t.Helper()
	return installWeights(t, s, key, "some weights", calibration)
}

// installWeights makes a bundle current in the models directory, signed unless
// key is zero, and returns where it lies.
func installWeights(t *testing.T, s *subject, key bundle.PrivateKey, text, calibration string) string {
	t.Helper()
	dir := t.TempDir()
	weights := filepath.Join(dir, "weights")
	must(t, os.WriteFile(weights, []byte(text), 0o644))
	files := map[string]string{bundle.ModelFile: weights}
	if calibration != "" {
		files[bundle.CalibrationFile] = filepath.Join(dir, "curve")
		must(t, os.WriteFile(files[bundle.CalibrationFile], []byte(calibration), 0o644))
	}
	home := filepath.Join(s.cfg.Model.Dir, s.cfg.Model.Name, "1.0")
	must(t, os.MkdirAll(filepath.Dir(home), 0o755))
	_, err := bundle.Write(home, bundle.Manifest{Name: s.cfg.Model.Name, Version: "1.0", License: "MIT", Created: noon}, files, key)
	must(t, err)
	must(t, bundle.Switch(s.cfg.Model.Dir, s.cfg.Model.Name, "1.0"))
	return home
}

// trusting makes a key that the subject trusts.
func trusting(t *testing.T, s *subject) bundle.PrivateKey {
	t.Helper()
	path := filepath.Join(t.TempDir(), "maker.key")
	_, err := bundle.GenerateKey(path, "")
	must(t, err)
	s.cfg.Model.Trust = []string{bundle.PublicPath(path)}
	key, err := bundle.ReadPrivateKey(path, "")
	must(t, err)
	return key
}

func TestModel(t *testing.T) {
	t.Parallel()
	t.Run("built in", func(t *testing.T) {
		t.Parallel()
		s := healthy(t)
		want(t, model(t.Context(), s), OK, "from built-in", "calibrated for these weights")
		if when, what := s.latest(); when.IsZero() {
			t.Errorf("the clock is not compared with the model: %s", what)
		}
	})
	t.Run("signed, uncalibrated", func(t *testing.T) {
		t.Parallel()
		s := healthy(t)
		install(t, s, trusting(t, s), "")
		want(t, model(t.Context(), s), Warning, "signed by", "nothing tells how good", "calibrated bundle")
		s.cfg.Cloud.Broker = "tcp://h:1"
		want(t, model(t.Context(), s), Warning, "every question goes to the cloud")
	})
	t.Run("altered", func(t *testing.T) {
		t.Parallel()
		s := healthy(t)
		home := install(t, s, trusting(t, s), "")
		must(t, os.WriteFile(filepath.Join(home, bundle.ModelFile), []byte("other weight"), 0o644))
		want(t, model(t.Context(), s), Failure, "model.gguf", "sha256")
	})
	t.Run("unsigned", func(t *testing.T) {
		t.Parallel()
		s := healthy(t)
		install(t, s, bundle.PrivateKey{}, "")
		want(t, model(t.Context(), s), Failure, "not signed", "model.trust")
		s.cfg.Model.AllowUnsigned = true
		want(t, model(t.Context(), s), Warning, "is unsigned and not calibrated")
	})
	t.Run("of a stranger", func(t *testing.T) {
		t.Parallel()
		s := healthy(t)
		install(t, s, trusting(t, s), "")
		s.cfg.Model.Trust = nil
		want(t, model(t.Context(), s), Failure, "not trusted", "model.trust")
	})
	t.Run("calibration of other weights", func(t *testing.T) {
		t.Parallel()
		s := healthy(t)
		install(t, s, trusting(t, s), ofStudent(t, bundle.CalibrationFile))
		want(t, model(t.Context(), s), Failure, "calibration is for the weights", "calibrate the model again")
	})
	t.Run("signed, calibrated", func(t *testing.T) {
		t.Parallel()
		s := healthy(t)
		installWeights(t, s, trusting(t, s), ofStudent(t, bundle.ModelFile), ofStudent(t, bundle.CalibrationFile))
		want(t, model(t.Context(), s), OK, s.cfg.Model.Name+"@1.0", "calibrated for these weights")
		want(t, memory(t.Context(), s), OK, "4 MiB weights")
	})
	t.Run("current points to nothing", func(t *testing.T) {
		t.Parallel()
		s := healthy(t)
		must(t, os.RemoveAll(install(t, s, trusting(t, s), "")))
		want(t, model(t.Context(), s), Failure, "points to a version that is not there", "install it again")
	})
	t.Run("embeddings", func(t *testing.T) {
		t.Parallel()
		s := healthy(t)
		s.cfg.Embeddings.Model = "/nowhere/e.gguf"
		want(t, model(t.Context(), s), Failure, "embeddings.model", "is not there")
	})
}

func TestTrust(t *testing.T) {
	t.Parallel()
	s := healthy(t)
	trusting(t, s)
	want(t, keys(t.Context(), s), OK, "models signed by")
	s.cfg.Model.Trust = []string{filepath.Join(t.TempDir(), "bad.pub")}
	must(t, os.WriteFile(s.cfg.Model.Trust[0], []byte("nonsense"), 0o644))
	want(t, keys(t.Context(), s), Failure, "bad.pub", "minisign")
}
