package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/a472be26/cusp/infer/kernel"
)

// Run trains a model of the given shape and returns its weights: the averaged ones where Options.EMA is on.
//
// With Options.Checkpoint set it goes on from that file if it is there, saves to it, and saves once more when ctx ends;
// then the error wraps ctx.Err(). A run that was cut into parts gives the same weights, bit for bit, as one that was not,
// on the same kind of processor. progress, if not nil, is called after every step on the caller's goroutine.
//
// Options.Threads, where set, also sets the number of threads of the process's matrix products.
func Run(ctx context.Context, cfg Config, data Dataset, o Options, progress func(Step)) (*Weights, error) {
	// 1. Check what was asked for.
	if err := errors.Join(cfg.Validate(), o.Validate(), o.checkStart(cfg)); err != nil {
		return nil, err
	}
	if o.Threads > 0 {
		kernel.SetGemmThreads(o.Threads)
	}

	// 2. Start fresh or from the checkpoint.
	r := newRun(cfg, data, o)
	if err := r.resume(); err != nil {
		return nil, err
	}
	defer r.close()

	// 3. Step, report, save.
	for r.mark.Step < o.Steps {
		if err := ctx.Err(); err != nil {
			return nil, errors.Join(fmt.Errorf("training stopped after step %d of %d: %w", r.mark.Step, o.Steps, err), r.save())
		}
		step, err := r.step()
		if err != nil {
			return nil, err
		}
		if progress != nil {
			progress(step)
		}
		if every := o.CheckpointEvery; every > 0 && step.Step%every == 0 && step.Step < o.Steps {
			if err := r.save(); err != nil {
				return nil, err
			}
		}
	}

	// 4. Keep the end, so that running again returns at once.
	if err := r.save(); err != nil {
		return nil, err
	}
	return newWeights(cfg, r.best()), nil
}

// run is the state of one training run.
type run struct {
	options   Options
	mark      progressMark
	workers   workers
	model     *model
	loss      loss
	optimizer *adamw
	average   *average // nil without EMA
	batcher   *batcher
	batch     batch
	history   *history // nil without a checkpoint file
	saved     int      // step of the last save; -1: none
}

func newRun(cfg Config, data Dataset, o Options) *run {
	n := cfg.Parameters()
	r := &run{
		options:   o,
		mark:      progressMark{Config: cfg, Options: o.identity(), Examples: data.Len()},
		workers:   newWorkers(o.Threads),
		loss:      loss{share: o.KLWeight, temperature: o.Temperature, smoothing: o.Smoothing},
		optimizer: newAdamW(n, decayed(cfg)),
		batcher:   &batcher{data: data, cfg: cfg, limit: o.BatchTokens, seed: o.Seed},
		saved:     -1,
	}
	r.model = newModel(cfg, r.workers, make([]float32, n), make([]float32, n))
	r.model.arena.engine = Engine{mixed: o.Mixed, workers: r.workers}
	initialize(cfg, r.model.value, o.Seed)
	if o.Start != nil {
		copy(r.model.value, o.Start.flat)
	}
	if o.EMA > 0 {
		r.average = &average{decay: o.EMA, value: append([]float32(nil), r.model.value...)}
	}
	return r
}

// arrays are what a checkpoint holds besides the mark.
func (r *run) arrays() [][]float32 {
	a := [][]float32{r.model.value, r.optimizer.mean, r.optimizer.square}
	if r.average != nil {
		a = append(a, r.average.value)
	}
	return a
}

// best are the weights that the run would return now.
func (r *run) best() []float32 {
	if r.average != nil {
		return r.average.value
	}
	return r.model.value
}

// resume goes on from the checkpoint, if there is one, and opens the history.
func (r *run) resume() error {
	path := r.options.Checkpoint
	if path == "" {
		return nil
	}
	mark, found, err := loadCheckpoint(path, r.mark, r.arrays())
	if err != nil {
		return err
	}
	if found {
		r.mark, r.saved = mark, mark.Step
		r.batcher.place = mark.Place
	}
	r.history, err = openHistory(HistoryPath(path), r.mark.Step)
	return err
}

// save writes a checkpoint unless the last one still stands.
func (r *run) save() error {
	if r.options.Checkpoint == "" || r.saved == r.mark.Step {
		return nil
	}
	if err := saveCheckpoint(r.options.Checkpoint, r.mark, r.arrays()); err != nil {
		return err
	}
	r.saved = r.mark.Step
	return nil
}

func (r *run) close() {
	if r.history != nil {
		r.history.close() // every line was flushed and checked when it was written
	}
}

// step does one optimizer step and reports it.
func (r *run) step() (Step, error) {
	start := time.Now()

	// 1. Loss and gradient of the next batch.
	if err := r.batcher.next(&r.batch); err != nil {
		return Step{}, err
	}
	o, number := r.options, r.mark.Step+1
	r.model.setDropout(o.Dropout, mix(mix(o.Seed^dropoutStream)+uint64(number)))
	sum := r.loss.forwardBackward(r.workers, r.model.forward(&r.batch), &r.batch)
	r.model.backward(r.model.logits, &r.batch)

	// 2. Clip and move.
	norm := r.optimizer.norm(r.workers, r.model.grad)
	if math.IsNaN(norm) || math.IsInf(norm, 0) || math.IsNaN(sum.total) {
		return Step{}, fmt.Errorf("train step %d: the loss is %v and the gradient norm %v: lower LR or raise WarmupSteps", number, sum.total, norm)
	}
	rate := o.learningRate(number - 1)
	r.optimizer.step(r.workers, o, number, rate, clipScale(norm, o.Clip), r.model.value, r.model.grad)
	if r.average != nil {
		r.average.step(r.workers, number, r.model.value)
	}

	// 3. Count and report.
	took := time.Since(start)
	r.mark.Step, r.mark.Place = number, r.batcher.place
	r.mark.Tokens += int64(len(r.batch.tokens))
	r.mark.Elapsed += took
	return r.report(Step{
		Step: number, Steps: o.Steps, Loss: sum.total, CE: sum.ce, KL: sum.kl, Accuracy: sum.accuracy,
		GradNorm: norm, LR: rate, Tokens: r.mark.Tokens,
		TokensPerSecond: float64(len(r.batch.tokens)) / took.Seconds(), Elapsed: r.mark.Elapsed,
	})
}

// report scores the validation data when it is due and writes the history.
func (r *run) report(s Step) (Step, error) {
	if o := r.options; o.Valid != nil && o.ValidEvery > 0 && (s.Step%o.ValidEvery == 0 || s.Step == s.Steps) {
		score, err := newScorer(r.mark.Config, r.workers, r.best()).Score(o.Valid)
		if err != nil {
			return s, fmt.Errorf("train step %d: validation: %w", s.Step, err)
		}
		s.Valid = &score
	}
	if r.history == nil {
		return s, nil
	}
	return s, r.history.add(s)
}
