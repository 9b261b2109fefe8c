package distill

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/a472be26/cusp/distill/dataset"
	"github.com/a472be26/cusp/distill/export"
	"github.com/a472be26/cusp/distill/teacher"
	"github.com/a472be26/cusp/distill/train"
	"github.com/a472be26/cusp/distill/vocab"
	"github.com/a472be26/cusp/infer/quant"
	"github.com/a472be26/cusp/packaging/bundle"
)

// run is a job under way. Each field is filled by the step that makes it.
type run struct {
	Job
	examples dataset.Set
	teacher  *teacher.Teacher // nil without one
	start    *teacher.Teacher // what to go on from; nil: nothing
	vocab    *vocab.Vocab
	lessons  train.Examples
	valid    train.Examples
	weights  *train.Weights
	bundle   *bundle.Bundle
	report   map[string]any
}

// begin prepares the output folder. A folder of another recipe is refused: its
// results would be mixed.
func begin(j Job) (*run, error) {
	if err := os.MkdirAll(filepath.Join(j.Out, "data"), 0o755); err != nil {
		return nil, err
	}
	stamp, err := json.MarshalIndent(j.Recipe, "", "  ")
	if err != nil {
		return nil, err
	}
	r := &run{Job: j}
	have, err := os.ReadFile(r.path("recipe.json"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return r, os.WriteFile(r.path("recipe.json"), stamp, 0o644)
	case err != nil:
		return nil, err
	case string(have) != string(stamp):
		return nil, fmt.Errorf("%s holds a run of another recipe; choose another output folder or remove it", j.Out)
	}
	return r, nil
}

func (r *run) path(name string) string { return filepath.Join(r.Out, name) }

func (r *run) has(name string) bool {
	_, err := os.Stat(r.path(name))
	return err == nil
}

// keep writes a result under a temporary name first, so that a killed run
// leaves no half file.
func (r *run) keep(name string, write func(file string) error) error {
	tmp := r.path(name) + ".tmp"
	if err := write(tmp); err != nil {
		os.Remove(tmp) // what failed to be written may not even be there
		return err
	}
	return os.Rename(tmp, r.path(name))
}

const (
	trainFile       = "data/train.jsonl"
	calibrationFile = "data/calibration.jsonl"
	vocabFile       = "vocab.json"
	candidatesFile  = "data/candidates.gob"
	checkpointFile  = "train.ckpt"
	lossFile        = "loss.png"
	f32File         = "f32.gguf"
	int8File        = "int8.gguf"
	curveFile       = "calibration.json"
	reportFile      = "report.json"
	bundleDir       = "bundle"
)

func (r *run) makeData(ctx context.Context) error {
	if !r.has(calibrationFile) {
		if err := r.buildData(ctx); err != nil {
			return err
		}
	}
	var err error
	if r.examples.Train, err = dataset.Load(r.path(trainFile)); err != nil {
		return err
	}
	if r.examples.Calibration, err = dataset.Load(r.path(calibrationFile)); err != nil {
		return err
	}
	r.UI.say("%d examples, %d held out", len(r.examples.Train), len(r.examples.Calibration))
	return nil
}

func (r *run) buildData(ctx context.Context) error {
	set, err := dataset.Build(r.Data, r.Recipe.dataset())
	if err != nil {
		return err
	}
	answered, err := r.answerRecords(ctx)
	if err != nil {
		return err
	}
	set.Train = append(set.Train, answered...)
	if err := r.keep(trainFile, func(f string) error { return dataset.Save(f, set.Train) }); err != nil {
		return err
	}
	return r.keep(calibrationFile, func(f string) error { return dataset.Save(f, set.Calibration) })
}

func (r *run) openTeacher(ctx context.Context) error {
	t := r.Recipe.Teacher
	switch {
	case t.Recipe != "":
		recipe, err := ReadRecipe(t.Recipe)
		if err != nil {
			return err
		}
		made, err := Run(ctx, Job{Recipe: recipe, Data: r.Data, Out: r.path("teacher"), Key: r.Key, UI: r.UI})
		if err != nil {
			return err
		}
		t.Bundle = made.Dir
	case t.Bundle == "":
		r.UI.say("none: the model learns from the data alone")
		return nil
	}
	var err error
	r.teacher, err = teacher.Open(t.Bundle)
	return err
}

// openStart opens the model to go on from.
func (r *run) openStart(context.Context) error {
	if r.Recipe.Model.Start == "" {
		r.UI.say("random weights")
		return nil
	}
	var err error
	if r.start, err = teacher.Open(r.Recipe.Model.Start); err != nil {
		return err
	}
	if r.teacher != nil && !slices.Equal(r.teacher.Vocab.Tokens, r.start.Vocab.Tokens) {
		return fmt.Errorf("%s and the teacher have different vocabularies; a student goes on only with a teacher of its own family", r.Recipe.Model.Start)
	}
	return nil
}

func (r *run) makeVocab(context.Context) error {
	if !r.has(vocabFile) {
		v, err := r.chooseVocab()
		if err != nil {
			return err
		}
		if err := r.keep(vocabFile, v.Save); err != nil {
			return err
		}
	}
	var err error
	if r.vocab, err = vocab.Load(r.path(vocabFile)); err != nil {
		return err
	}
	t, err := newTutor(r.vocab, r.Recipe.Train.PromptWeight, r.Recipe.Model.Context)
	if err != nil {
		return err
	}
	r.lessons = t.lessons(r.examples.Train)
	r.valid = t.lessons(r.examples.Calibration[:min(maxValid, len(r.examples.Calibration))])
	r.UI.say("%d tokens; %.1f in the mean example, question and answer together", len(r.vocab.Tokens), meanLength(r.lessons))
	return nil
}

// maxValid is how many held-out examples the training watches.
const maxValid = 600

func (r *run) chooseVocab() (*vocab.Vocab, error) {
	switch {
	case r.start != nil:
		return r.start.Vocab, nil
	case r.teacher != nil:
		return r.teacher.Vocab, nil
	}
	var texts []string
	for _, e := range r.examples.Train {
		texts = append(texts, e.Text, e.Answer())
	}
	o := r.Recipe.Vocab
	return vocab.Train(texts, vocab.Options{Size: o.Size, SpaceWords: o.SpaceWords, MinCount: o.MinCount,
		Defined: vocab.Pieces(r.examples.Train), Copied: vocab.Copied(r.examples.Train)})
}

func meanLength(lessons train.Examples) float64 {
	n := 0
	for _, l := range lessons {
		n += len(l.Tokens)
	}
	return float64(n) / float64(max(1, len(lessons)))
}

func (r *run) annotate(ctx context.Context) error {
	if r.teacher == nil || r.has(int8File) {
		r.UI.say("not needed")
		return nil
	}
	if !r.has(candidatesFile) {
		b := r.UI.bar(len(r.lessons), "examples")
		annotated, err := r.teacher.Annotate(ctx, r.lessons, r.Recipe.Teacher.TopK, func(done, _ int) { b.at(done, "examples") })
		b.end()
		if err != nil {
			return err
		}
		if err := r.keep(candidatesFile, func(f string) error { return saveLessons(f, annotated) }); err != nil {
			return err
		}
	}
	var err error
	r.lessons, err = loadLessons(r.path(candidatesFile))
	return err
}

func (r *run) train(ctx context.Context) error {
	if r.has(int8File) {
		r.UI.say("done before")
		return nil
	}
	shape, o := r.Recipe.shape(len(r.vocab.Tokens)), r.Recipe.options()
	o.Checkpoint, o.Valid = r.path(checkpointFile), r.valid
	if r.start != nil {
		o.Start = r.start.Weights()
		shape = o.Start.Config
		shape.Context = r.Recipe.Model.Context
	}
	r.UI.say("%.1f million parameters, %d steps of %d tokens", float64(shape.Parameters())/1e6, o.Steps, o.BatchTokens)
	b := r.UI.bar(o.Steps, "steps")
	weights, err := train.Run(ctx, shape, r.lessons, o, func(s train.Step) {
		b.at(s.Step, fmt.Sprintf("loss %.4f, %.0f tokens/s", s.Loss, s.TokensPerSecond))
		if s.Valid != nil {
			r.UI.say("step %d: held out: loss %.4f, %.1f%% of answers exact", s.Step, s.Valid.Loss, 100*s.Valid.Exact)
		}
	})
	b.end()
	if err != nil {
		return err
	}
	r.weights = weights
	steps, err := train.ReadHistory(train.HistoryPath(o.Checkpoint))
	if err != nil {
		return err
	}
	return plotLoss(r.path(lossFile), r.Recipe.Name, steps)
}

func (r *run) export(context.Context) error {
	if r.has(int8File) {
		return nil
	}
	if err := export.Write(r.path(f32File), r.Recipe.Name, r.weights, r.vocab, quant.F32); err != nil {
		return err
	}
	// INT8 last: it marks the step as done.
	return export.Write(r.path(int8File), r.Recipe.Name, r.weights, r.vocab, quant.Q8_0)
}

// records answered by the endpoint, if the recipe names one.
func (r *run) answerRecords(ctx context.Context) ([]dataset.Example, error) {
	if r.Recipe.Teacher.Endpoint == "" {
		return nil, nil
	}
	open, err := dataset.OpenQuestions(r.Data)
	if err != nil || len(open) == 0 {
		return nil, err
	}
	return askEndpoint(ctx, r.Recipe.Teacher, slices.Compact(open), r.UI)
}
