package demo

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/a472be26/cusp/daemon"
	"github.com/a472be26/cusp/packaging/bundle"
	"github.com/a472be26/cusp/router"
)

// Streams that run while the model is replaced: private, so that they stay on
// the device, and long.
const (
	streams      = 3
	streamTokens = 100
	streamText   = "turn on all the lights in the living room"
)

// take is one streamed answer and when it ran.
type take struct {
	start, end time.Time
	answer     router.Answer
	err        error
}

// playUpdate installs a new version of the student while answers stream one
// after another, and finds one that was running at the moment of the swap.
func playUpdate(ctx context.Context, h *house) error {
	reference, err := h.longAnswer(ctx)
	if err != nil {
		return err
	}
	// A swap can fall between two answers, however unlikely; then once more.
	const tries = 3
	for try := 1; try <= tries; try++ {
		version := fmt.Sprintf("%d.0.0", 100+try)
		takes, swap, err := h.updateUnderLoad(ctx, version)
		if err != nil {
			return err
		}
		if err := checkTakes(takes, reference.Text); err != nil {
			return err
		}
		if t, ok := across(takes, swap); ok {
			return h.reportUpdate(ctx, version, takes, t, swap)
		}
	}
	return fmt.Errorf("no answer was streaming at the moment of a swap in %d updates", tries)
}

// longAnswer streams an answer of a fixed number of tokens. Decoding is greedy,
// so that every one of them is the same text.
func (h *house) longAnswer(ctx context.Context) (router.Answer, error) {
	q := question(streamText)
	q.Privacy = router.Private
	q.Options = router.Options{MaxTokens: streamTokens, IgnoreEOS: true}
	return h.stream(ctx, q, nil)
}

// updateUnderLoad keeps answers streaming from before the update until after
// the new version serves. It returns them, and the moment of the swap.
func (h *house) updateUnderLoad(ctx context.Context, version string) ([]take, time.Time, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var mu sync.Mutex // guards takes
	var takes []take
	var all sync.WaitGroup
	enough := make(chan struct{})
	for range streams {
		all.Go(func() {
			for !closed(enough) {
				t := take{start: time.Now()}
				t.answer, t.err = h.longAnswer(ctx)
				t.end = time.Now()
				mu.Lock()
				takes = append(takes, t)
				mu.Unlock()
			}
		})
	}
	err := h.update(version)
	var swap time.Time
	if err == nil {
		err = h.until(ctx, "version "+version+" serves", func(s daemon.Status) bool {
			swap = s.Model.Since
			return s.Model.Version == version
		})
	}
	close(enough)
	all.Wait()
	return takes, swap, err
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// update packs the student's files as a new version, signs and installs it.
// The weights stay the same: what is shown is the exchange, not progress.
func (h *house) update(version string) error {
	now, err := bundle.Current(h.models(), daemon.DefaultModel)
	if err != nil {
		return err
	}
	dir := filepath.Join(h.dir, "update-"+version)
	_, err = bundle.Write(dir, bundle.Manifest{Name: daemon.DefaultModel, Version: version, License: "Apache-2.0"},
		map[string]string{
			bundle.ModelFile:       filepath.Join(now, bundle.ModelFile),
			bundle.CalibrationFile: filepath.Join(now, bundle.CalibrationFile),
		}, h.key)
	if err != nil {
		return err
	}
	return h.install(dir)
}

// checkTakes wants every answer whole: the same text, to the last byte.
func checkTakes(takes []take, want string) error {
	for i, t := range takes {
		if t.err != nil {
			return fmt.Errorf("answer %d of %d was cut: %w", i+1, len(takes), t.err)
		}
		if t.answer.Text != want {
			return fmt.Errorf("answer %d of %d differs from the one before the update", i+1, len(takes))
		}
	}
	return nil
}

// across finds an answer that was streaming at the moment of the swap.
func across(takes []take, swap time.Time) (take, bool) {
	for _, t := range takes {
		if t.start.Before(swap) && t.end.After(swap) {
			return t, true
		}
	}
	return take{}, false
}

func (h *house) reportUpdate(ctx context.Context, version string, takes []take, t take, swap time.Time) error {
	h.say("  Version %s was installed while %d answers streamed, %d at a time; each came whole.\n", version, len(takes), streams)
	h.say("  One of %d tokens began %.0f ms before the swap, on %s, and ended uncut %.0f ms after it.\n",
		t.answer.Receipt.CompletionTokens, ms(swap.Sub(t.start)), t.answer.Receipt.Model, ms(t.end.Sub(swap)))
	next, err := h.ask(ctx, easy[0])
	if err != nil {
		return err
	}
	h.say("  The next answer: %s\n    %s\n", next.Text, next.Receipt.Line())
	if want := daemon.DefaultModel + "@" + version; next.Receipt.Model != want {
		return fmt.Errorf("the next answer came from %s, want %s", next.Receipt.Model, want)
	}
	if t.answer.Receipt.Model == next.Receipt.Model {
		return errors.New("the answer across the swap came from the new version")
	}
	return nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
