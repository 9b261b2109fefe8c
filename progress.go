package main

import (
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/a472be26/cusp/packaging/bundle"
)

// Whatever can take longer than a second shows that it gets on, on a terminal; a
// log or another program that reads standard error sees nothing of it. A bar that
// cannot be drawn is no reason to stop.

// isTerminal reports whether w is a terminal, where progress bars can be drawn.
func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// newBar draws on a terminal until it is finished, and leaves nothing behind;
// elsewhere it is silent. A total of -1 is one that nobody knows.
func newBar(w io.Writer, what string, total int64, more ...progressbar.Option) *progressbar.ProgressBar {
	return progressbar.NewOptions64(total, append([]progressbar.Option{
		progressbar.OptionSetWriter(w), progressbar.OptionSetVisibility(isTerminal(w)), progressbar.OptionSetDescription(what),
		progressbar.OptionSetPredictTime(true), progressbar.OptionSetWidth(30),
		progressbar.OptionThrottle(200 * time.Millisecond), progressbar.OptionClearOnFinish(),
	}, more...)...)
}

// bytesBar shows bytes, their rate and the time that is left.
func bytesBar(w io.Writer, what string, total int64) *progressbar.ProgressBar {
	return newBar(w, what, total, progressbar.OptionShowBytes(true), progressbar.OptionShowCount())
}

// patience is after how long a terminal is told that something goes on.
const patience = time.Second

// spin shows that something goes on, from a second on, until the function that it
// returns is called; it may be called again.
func spin(w io.Writer, what string) (end func()) {
	var mu sync.Mutex // guards the two below
	var bar *progressbar.ProgressBar
	over := false
	begin := func() {
		mu.Lock()
		defer mu.Unlock()
		if over {
			return
		}
		bar = newBar(w, what, -1, progressbar.OptionSetElapsedTime(true), progressbar.OptionSpinnerType(14))
		_ = bar.RenderBlank()
	}
	timer := time.AfterFunc(patience, begin)
	return func() {
		timer.Stop()
		mu.Lock()
		defer mu.Unlock()
		over = true
		if bar != nil {
			_ = bar.Finish()
		}
	}
}

// counter is a bar whose total is known once it begins.
type counter struct {
	out        io.Writer
	what, unit string
	bar        *progressbar.ProgressBar
}

func countBar(w io.Writer, what, unit string) *counter {
	return &counter{out: w, what: what, unit: unit}
}

func (c *counter) at(done, total int) {
	if c.bar == nil {
		c.bar = newBar(c.out, c.what, int64(total), progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString(c.unit))
	}
	_ = c.bar.Set(done)
}

func (c *counter) end() {
	if c.bar != nil {
		_ = c.bar.Finish()
	}
}

// hashing shows how a bundle's files are read, so many times in all, and returns
// the policy that tells.
func hashing(w io.Writer, p bundle.Policy, dir string, times int64) (watched bundle.Policy, end func()) {
	bar := bytesBar(w, "hashing", times*bundleSize(dir))
	p.OnRead = func(n int) { _ = bar.Add(n) }
	return p, func() { _ = bar.Finish() }
}

// bundleSize is how many bytes of a bundle are hashed; what is not there counts
// nothing.
func bundleSize(dir string) (size int64) {
	for _, name := range []string{bundle.ModelFile, bundle.CalibrationFile} {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil {
			size += info.Size()
		}
	}
	return size
}
