package daemon

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/infer/huggingface"
	"github.com/a472be26/cusp/packaging/bundle"
)

// Candidate is a model that lies on disk, not looked into yet. The zero value
// is the built-in student.
type Candidate struct {
	Path  string    // of the bundle's directory, links resolved, or of a plain model
	Plain bool      // a model without a bundle: a GGUF file, or a folder as transformers saves it
	Since time.Time // when it was put there
	Size  int64     // of a plain model
}

// BuiltIn reports whether c is the model inside the program.
func (c Candidate) BuiltIn() bool { return c.Path == "" }

// same reports whether c is what o is: then there is nothing to load.
func (c Candidate) same(o Candidate) bool {
	return c.Path == o.Path && c.Size == o.Size && (!c.Plain || c.Since.Equal(o.Since))
}

func (c Candidate) String() string {
	if c.BuiltIn() {
		return "built-in"
	}
	return c.Path
}

// candidates lists the models that may serve, what was put there last coming
// first: the bundle that MODELS/NAME/current points to, if allowed the plain
// models in MODELS; then other versions of the bundle, and at the end the built-in
// one, for a start at which nothing before them works.
func candidates(m ModelConfig) ([]Candidate, error) {
	dir, name, plain := m.Dir, m.Name, m.AllowUnsigned
	var found []Candidate
	var errs []error
	c, err := currentBundle(dir, name)
	if err == nil {
		found = append(found, c)
	} else if !errors.Is(err, fs.ErrNotExist) {
		errs = append(errs, fmt.Errorf("find the current bundle: %w", err))
	}
	if plain {
		files, err := plainModels(dir)
		found = append(found, files...)
		errs = append(errs, err)
	}
	slices.SortStableFunc(found, func(a, b Candidate) int {
		return cmp.Or(b.Since.Compare(a.Since), cmp.Compare(a.Path, b.Path))
	})
	if c.Path != "" {
		found = append(found, otherVersions(dir, name, c.Path)...)
	}
	return append(found, Candidate{}), errors.Join(errs...)
}

// otherVersions are the installed ones beside the current, newest first: what a
// start falls back to when the current one does not work.
func otherVersions(dir, name, current string) []Candidate {
	versions, _ := bundle.Versions(dir, name) // the current one was found there
	slices.Reverse(versions)
	var found []Candidate
	for _, v := range versions {
		path, err := filepath.EvalSymlinks(filepath.Join(dir, name, v))
		if err == nil && path != current {
			found = append(found, Candidate{Path: path})
		}
	}
	return found
}

// currentBundle takes the time from the link, which says when the version was
// made current, not from the files. A link to nothing is an error, not a model
// that was removed.
func currentBundle(dir, name string) (Candidate, error) {
	path := filepath.Join(dir, name, bundle.CurrentLink)
	link, err := os.Lstat(path)
	if err != nil {
		return Candidate{}, err
	}
	target, err := bundle.Current(dir, name)
	if errors.Is(err, fs.ErrNotExist) {
		return Candidate{}, fmt.Errorf("%s points to a version that is not there; install it again, or remove the link", path)
	}
	if err != nil {
		return Candidate{}, err
	}
	return Candidate{Path: target, Since: link.ModTime()}, nil
}

// plainModels are the *.gguf files in MODELS, of a model in several the first,
// and the folders with a config.json. A folder's time and size are those of its
// files, so that a folder that changed is another candidate; but it is looked at
// only when something in MODELS itself changes: put it there by renaming.
func plainModels(dir string) ([]Candidate, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find plain models: %w", err)
	}
	var found []Candidate
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		info, err := os.Stat(path) // through a link
		switch {
		case err != nil:
		case info.Mode().IsRegular() && filepath.Ext(path) == ".gguf" && !gguf.LaterPart(path):
			found = append(found, Candidate{Path: path, Plain: true, Since: info.ModTime(), Size: info.Size()})
		case info.IsDir() && huggingface.IsFolder(path):
			found = append(found, folderCandidate(path))
		}
	}
	return found, nil
}

func folderCandidate(path string) Candidate {
	c := Candidate{Path: path, Plain: true}
	entries, _ := os.ReadDir(path) // what cannot be read now fails when it is loaded
	for _, e := range entries {
		info, err := os.Stat(filepath.Join(path, e.Name()))
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		c.Size += info.Size()
		if info.ModTime().After(c.Since) {
			c.Since = info.ModTime()
		}
	}
	return c
}
