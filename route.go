package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/a472be26/cusp/distill/eval"
	"github.com/a472be26/cusp/distill/teacher"
	"github.com/a472be26/cusp/packaging/bundle"
	"github.com/a472be26/cusp/router/evaluate"
)

type routeCmd struct {
	Explain   routeExplainCmd   `cmd:"" help:"Say where the daemon would have a question answered at this moment, and why; nothing leaves the device or is recorded."`
	Calibrate routeCalibrateCmd `cmd:"" help:"Fit confidence and threshold to labelled answers: writes calibration.json for a bundle, and a report."`
	Promise   routePromiseCmd   `cmd:"" help:"Try on many random splits of labelled answers whether the promise is kept, and how much simpler scores would answer."`
	Label     routeLabelCmd     `cmd:"" help:"Ask a model held-out questions whose answers are known, and write a file of labelled answers."`
	Eval      routeEvalCmd      `cmd:"" help:"Measure a router between a weak and a strong model by their outcomes: APGR, CPT, coverage at risk (RouteLLM)."`
	Intents   routeIntentsCmd   `cmd:"" help:"Train a student that tells intents, and see what it sends to the cloud of questions out of scope (clinc150)."`
}

// readLabelled reads files of labelled answers as one.
func readLabelled(files []string) ([]evaluate.Record, error) {
	var all []evaluate.Record
	for _, file := range files {
		in, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		records, err := evaluate.ReadRecords(in, file)
		if err := errors.Join(err, in.Close()); err != nil {
			return nil, err
		}
		all = append(all, records...)
	}
	return all, nil
}

// weightsHash is the SHA-256 of the weights that a name stands for.
func weightsHash(name string) (string, error) {
	open := func() (io.ReadCloser, error) { return os.Open(name) }
	if !strings.HasSuffix(name, ".gguf") {
		files, err := teacher.Files(name)
		if err != nil {
			return "", err
		}
		open = func() (io.ReadCloser, error) { return files.Open(bundle.ModelFile) }
	}
	in, err := open()
	if err != nil {
		return "", fmt.Errorf("weights of %s: %w", name, err)
	}
	defer in.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, in); err != nil {
		return "", fmt.Errorf("weights of %s: %w", name, err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// counted prints now and then how much is done.
func counted(w io.Writer, what string) eval.Progress {
	last := time.Now()
	return func(done, total int) {
		if time.Since(last) > 2*time.Second {
			last = time.Now()
			fmt.Fprintf(w, "%d of %d %s\n", done, total, what)
		}
	}
}
