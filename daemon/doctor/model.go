package doctor

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/a472be26/cusp/daemon"
	"github.com/a472be26/cusp/packaging/bundle"
)

// model verifies what would serve: signature, trust, hashes, and a calibration for
// these very weights.
func model(_ context.Context, s *subject) (found []Finding) {
	all, err := s.cfg.Model.Candidates()
	if err != nil {
		for _, e := range unjoined(err) {
			found = append(found, s.modelError(e))
		}
	}
	m, err := s.cfg.Model.Examine(all[0])
	if err != nil {
		return append(found, s.modelError(err))
	}
	if !m.Created.IsZero() {
		s.saw(m.Created, "model "+m.String())
	}
	if m.Weights != "" {
		if _, err := s.as.reach(m.Weights, read); err != nil {
			found = append(found, s.barred("model", m.Weights, err))
		}
	}
	return append(append(found, s.judged(m)...), s.embeddings()...)
}

func (s *subject) modelError(err error) Finding {
	if errors.Is(err, fs.ErrPermission) {
		return s.unseen("the model", err)
	}
	return told(err, "install a model again: cusp model install BUNDLE; or go back: cusp model rollback")
}

// judged is what a good model may still lack.
func (s *subject) judged(m daemon.Examined) []Finding {
	signature := "signed by " + m.Signer
	if !m.Signed {
		signature = "unsigned"
	}
	switch {
	case !m.Calibrated && s.cfg.Cloud.Broker != "":
		return only(warning("install a calibrated bundle: cusp distill makes one; cusp pack bundle --calibration",
			"%s is %s and not calibrated: every question goes to the cloud", m, signature))
	case !m.Calibrated:
		return only(warning("install a calibrated bundle: cusp distill makes one; cusp pack bundle --calibration",
			"%s is %s and not calibrated: nothing tells how good its answers are", m, signature))
	case !m.Signed:
		return only(warning("add its maker's key to model.trust, and set model.allow_unsigned = false", "%s is calibrated, and unsigned", m))
	}
	return only(ok("%s from %s, %s, calibrated for these weights", m, m.File, signature))
}

// embeddings looks whether the second model is there.
func (s *subject) embeddings() []Finding {
	path := s.cfg.Embeddings.Model
	if path == "" {
		return nil
	}
	if _, err := s.as.reach(path, read); err != nil {
		return only(s.barred("embeddings.model", path, err))
	}
	return nil
}

// weights opens the model that would serve; nil for the built-in one.
func (s *subject) weights() (path string, size int64, err error) {
	all, err := s.cfg.Model.Candidates()
	if all[0].BuiltIn() || err != nil {
		return "", 0, err
	}
	path = all[0].Path
	if !all[0].Plain {
		path = filepath.Join(path, bundle.ModelFile)
	}
	return path, sizeAt(path), nil
}

// sizeAt is that of a file, or of the files in a folder; 0 if it cannot be told.
func sizeAt(path string) (size int64) {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	if !info.IsDir() {
		return info.Size()
	}
	entries, _ := os.ReadDir(path)
	for _, e := range entries {
		if info, err := os.Stat(filepath.Join(path, e.Name())); err == nil && info.Mode().IsRegular() {
			size += info.Size()
		}
	}
	return size
}
