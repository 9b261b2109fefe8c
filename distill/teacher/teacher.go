// Package teacher lends a larger model's knowledge to a smaller one: its
// candidates for every token of an answer, and, for questions that came back
// from the fleet without an answer, whole answers of a model in the cloud.
package teacher

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/a472be26/cusp/distill/train"
	"github.com/a472be26/cusp/distill/vocab"
	"github.com/a472be26/cusp/infer/builtin"
	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/packaging/bundle"
)

// Names of the models that the program carries.
const (
	Builtin        = "builtin:teacher"
	BuiltinStudent = "builtin:student"
)

// Teacher is a model of the same vocabulary as its students.
type Teacher struct {
	Name    string
	Vocab   *vocab.Vocab
	weights *train.Weights
}

// Open loads the teacher from a bundle's folder, or the built-in one. The
// bundle's hashes must hold; whether it is signed does not matter here.
func Open(where string) (*Teacher, error) {
	fsys, err := Files(where)
	if err != nil {
		return nil, fmt.Errorf("teacher: %w", err)
	}
	if _, err := bundle.VerifyFS(fsys); err != nil && !errors.Is(err, bundle.ErrUnsigned) && !errors.Is(err, bundle.ErrUntrusted) {
		return nil, fmt.Errorf("teacher %s: %w", where, err)
	}
	data, err := fs.ReadFile(fsys, bundle.ModelFile)
	if err != nil {
		return nil, fmt.Errorf("teacher %s: %w", where, err)
	}
	f, err := gguf.Parse(where, data)
	if err != nil {
		return nil, fmt.Errorf("teacher: %w", err)
	}
	return load(f)
}

// Files are those of a bundle's folder, or of a built-in model by its name.
func Files(where string) (fs.FS, error) {
	switch where {
	case Builtin:
		return builtin.Teacher()
	case BuiltinStudent:
		return builtin.Student()
	}
	return os.DirFS(where), nil
}

// Weights are the model's own, not a copy.
func (t *Teacher) Weights() *train.Weights { return t.weights }

func load(f *gguf.File) (*Teacher, error) {
	v, err := vocab.FromFile(f)
	if err != nil {
		return nil, fmt.Errorf("teacher: %w", err)
	}
	w, err := train.Load(f)
	if err != nil {
		return nil, fmt.Errorf("teacher: %w", err)
	}
	return &Teacher{Name: f.Name(), Vocab: v, weights: w}, nil
}

// chunk is how many lessons are annotated between two calls of progress.
const chunk = 512

// Annotate adds the teacher's k best candidates wherever a lesson carries
// loss. progress may be nil.
func (t *Teacher) Annotate(ctx context.Context, lessons train.Examples, k int, progress func(done, total int)) (train.Examples, error) {
	scorer := train.NewScorer(t.weights, 0)
	out := make(train.Examples, 0, len(lessons))
	for len(out) < len(lessons) {
		part := lessons[len(out):min(len(out)+chunk, len(lessons))]
		annotated, err := scorer.Annotate(ctx, part, k)
		if err != nil {
			return nil, err
		}
		out = append(out, annotated...)
		if progress != nil {
			progress(len(out), len(lessons))
		}
	}
	return out, nil
}
