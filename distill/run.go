// Package distill makes models: from sentence templates, public texts and
// recorded questions to a signed bundle that a device installs.
//
// A run is a row of steps, and every step leaves its result in the output
// folder. A run that was killed goes on where it was when it is started again
// with the same recipe. Nothing that runs on a device imports this package.
package distill

import (
	"context"
	"fmt"

	"github.com/a472be26/cusp/packaging/bundle"
)

// Job is one run.
type Job struct {
	Recipe Recipe
	Data   string            // folder of the public data sets and records; empty: only what the program carries
	Out    string            // everything that the run makes
	Key    bundle.PrivateKey // signs the bundle; the zero key makes an unsigned one
	UI     UI
}

// Run does the job and returns the finished bundle, OUT/bundle.
func Run(ctx context.Context, j Job) (*bundle.Bundle, error) {
	r, err := begin(j)
	if err != nil {
		return nil, fmt.Errorf("distill %s: %w", j.Recipe.Name, err)
	}
	steps := []struct {
		title string
		do    func(context.Context) error
	}{
		{"data: examples from templates, public texts and records", r.makeData},
		{"teacher: open it, or train it first", r.openTeacher},
		{"start: random weights, or a model to go on from", r.openStart},
		{"vocabulary: learn it, or take the teacher's", r.makeVocab},
		{"candidates: what the teacher would say at every token", r.annotate},
		{"training", r.train},
		{"export: F32 and INT8", r.export},
		{"calibration: confidence and threshold on held-out questions", r.calibrate},
		{"evaluation through the real engine", r.evaluate},
		{"gate and bundle", r.pack},
	}
	for i, step := range steps {
		j.UI.step(i+1, len(steps), step.title)
		if err := step.do(ctx); err != nil {
			return nil, fmt.Errorf("distill %s: step %d, %s: %w", j.Recipe.Name, i+1, step.title, err)
		}
	}
	return r.bundle, nil
}
