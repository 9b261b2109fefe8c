package distill

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// UI is where a run shows what it does. The zero value shows nothing.
type UI struct {
	Out io.Writer
	// Bars draws progress bars, for a terminal. Without, long steps write a
	// line now and then.
	Bars bool
}

// step announces a numbered step.
func (u UI) step(n, of int, title string) {
	if u.Out != nil {
		fmt.Fprintf(u.Out, "[%d/%d] %s\n", n, of, title)
	}
}

// say writes one line about the current step.
func (u UI) say(format string, args ...any) {
	if u.Out != nil {
		fmt.Fprintf(u.Out, "      "+format+"\n", args...)
	}
}

// bar follows one long step.
type bar struct {
	ui    UI
	bar   *progressbar.ProgressBar
	total int
	start time.Time
	said  time.Time
}

// sayEvery is the pause between lines without bars.
const sayEvery = 20 * time.Second

func (u UI) bar(total int, unit string) *bar {
	b := &bar{ui: u, total: total, start: time.Now(), said: time.Now()}
	if u.Out != nil && u.Bars {
		b.bar = progressbar.NewOptions(total, progressbar.OptionSetWriter(u.Out), progressbar.OptionShowCount(),
			progressbar.OptionShowIts(), progressbar.OptionSetItsString(unit), progressbar.OptionSetPredictTime(true),
			progressbar.OptionSetWidth(30), progressbar.OptionThrottle(200*time.Millisecond), progressbar.OptionClearOnFinish())
	}
	return b
}

// at sets the bar to done, with a word on how it goes.
func (b *bar) at(done int, note string) {
	if b.bar != nil {
		b.bar.Describe(note)
		_ = b.bar.Set(done) // a bar that cannot be drawn is no reason to stop
		return
	}
	if time.Since(b.said) < sayEvery {
		return
	}
	b.said = time.Now()
	b.ui.say("%d of %d %s (%s)", done, b.total, note, time.Since(b.start).Round(time.Second))
}

func (b *bar) end() {
	if b.bar != nil {
		_ = b.bar.Finish()
	}
}
