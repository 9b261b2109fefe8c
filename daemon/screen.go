package daemon

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/a472be26/cusp/daemon/sensor"
)

// columns is how wide the status is at most, and indent where its texts begin.
const (
	columns = 80
	indent  = 10
)

// Text is the status for people: one screen of 80 columns, without colours.
func (s Status) Text() string {
	var out screen
	out.row("device", "%s, cusp %s, up %s", s.Device, s.Version, ago(s.UptimeS))
	out.model(s.Model)
	out.trial(s.Trial)
	out.reload(s.Reload, s.Refusal)
	out.config(s.Config)
	out.engine(s.Engine)
	out.answers(s.Counters)
	if s.Promise != nil {
		out.row("promise", "%s", s.Promise.line())
	}
	out.link(s.Link)
	if s.IoT != nil {
		out.row("mqtt", "%s", upOrDown(*s.IoT))
	}
	for _, state := range s.Sensors {
		out.row("sensor", "%s", sensorLine(state))
	}
	return out.String()
}

// screen is text in two columns.
type screen struct{ strings.Builder }

// row writes one line, or several if it is too long for one. Without a name it
// goes on with what the row before is about.
func (s *screen) row(name, format string, args ...any) {
	for i, line := range wrap(fmt.Sprintf(format, args...), columns-indent) {
		if i > 0 {
			name = ""
		}
		fmt.Fprintf(s, "%-*s%s\n", indent, name, line)
	}
}

func (s *screen) model(m *ModelStatus) {
	if m == nil {
		s.row("model", "none")
		return
	}
	about := ""
	if m.Architecture != "" {
		about = fmt.Sprintf(", %s (%s)", m.Architecture, m.Types)
	}
	s.row("model", "%s%s", m, about)
	s.row("", "from %s", m.File)
	if m.Bundle != "" {
		s.row("", "bundle %.16s", m.Bundle)
	}
	s.row("", "since %s, %d before it%s", m.Since.Format(time.DateTime), m.Swaps, m.remarks())
}

func (m ModelStatus) remarks() string {
	remarks := ""
	if !m.Signed {
		remarks += "; unsigned"
	}
	if !m.Calibrated {
		remarks += "; uncalibrated: the cloud is asked whenever there is one"
	}
	return remarks
}

func (s *screen) reload(r *Reload, refused *Refusal) {
	if r != nil && (refused == nil || r.Error != refused.Error) {
		s.row("reload", "%s %s at %s, took %gs", r.Model, result(r.Result), r.Time.Format(time.DateTime), r.TookS)
	}
	if refused != nil {
		s.row("refused", "%s at %s", refused.Error, refused.Time.Format(time.DateTime))
	}
}

func (s *screen) trial(t *TrialStatus) {
	if t != nil {
		s.row("canary", "%s", t)
	}
}

func (s *screen) config(c ConfigStatus) {
	if c.Error != "" {
		s.row("config", "refused at %s, the old one stays: %s", c.Tried.Format(time.DateTime), c.Error)
	}
	if len(c.Restart) > 0 {
		s.row("config", "changed, needs a restart: %s", strings.Join(c.Restart, ", "))
	}
}

func result(code string) string { return strings.ReplaceAll(code, "_", " ") }

func (s *screen) engine(e *EngineStatus) {
	if e == nil {
		return
	}
	s.row("engine", "%.1f tokens/s now, %d %s (%s), %d tokens since the start", e.Speed, e.Threads, plural(e.Threads, "thread"), e.Kernels, e.Generated)
	if e.FirstTokenMS > 0 {
		s.row("", "first token within %.3g ms, the next ones within %.3g ms (medians)", e.FirstTokenMS, e.InterTokenMS)
	}
	s.row("", "%d of %d sequences run, %d wait%s", e.Running, e.Sequences, e.Waiting, when(e.Refused > 0, fmt.Sprintf(", %d were refused", e.Refused)))
	s.row("", "keys and values: %s of %s used, %s kept for later", bytesOf(e.Used*e.PageBytes), bytesOf(e.Pages*e.PageBytes), bytesOf(e.Cached*e.PageBytes))
	s.row("", "prefix hits: %d of %d requests, %s of the prompts' tokens", e.PrefixHits, e.Requests, share(e.CachedTokens, e.PromptTokens))
}

func (s *screen) answers(c Counters) {
	total := 0
	for _, n := range c.Answered {
		total += n
	}
	name := "answers"
	if total == 0 {
		s.row(name, "none yet")
	}
	routes := slices.SortedFunc(maps.Keys(c.Answered), func(a, b string) int {
		return cmp.Or(c.Answered[b]-c.Answered[a], cmp.Compare(a, b))
	})
	for _, route := range routes {
		s.row(name, "%d %s (%s)", c.Answered[route], route, share(c.Answered[route], total))
		name = ""
	}
	if c.Failed > 0 {
		s.row("failed", "%d %s without any answer", c.Failed, plural(c.Failed, "question"))
	}
}

func (s *screen) link(l LinkStatus) {
	if !l.Configured {
		s.row("cloud", "not configured")
		return
	}
	s.row("cloud", "%s for %s, %s%s", upOrDown(l.Up), ago(l.SinceS), l.Broker, when(l.Sealed, ", sealed"))
	if l.Trouble != "" {
		s.row("", "%s", strings.ReplaceAll(l.Trouble, "\n", "; "))
		s.row("", "%d %s failed; tried again in %s", l.Failures, plural(l.Failures, "round"), ago(l.RetryS))
	}
	s.row("", "%d %s on the way%s", l.Outbox, plural(l.Outbox, "question"), when(l.Outbox > 0, ", the oldest for "+ago(l.OldestS)))
}

func upOrDown(up bool) string {
	if up {
		return "up"
	}
	return "down"
}

func sensorLine(s sensor.State) string {
	if s.Error != "" {
		return s.Name + ": " + s.Error
	}
	var values []string
	for _, key := range slices.Sorted(maps.Keys(s.Readings)) {
		values = append(values, fmt.Sprintf("%s %.4g", key, s.Readings[key]))
	}
	return s.Name + ": " + strings.Join(values, ", ")
}

// ago is a duration as people say it, to two units.
func ago(s float64) string {
	d := time.Duration(s * float64(time.Second))
	const day = 24 * time.Hour
	switch {
	case d >= day:
		return fmt.Sprintf("%dd %dh", d/day, d%day/time.Hour)
	case d >= time.Hour:
		return fmt.Sprintf("%dh %dm", d/time.Hour, d%time.Hour/time.Minute)
	case d >= time.Minute:
		return fmt.Sprintf("%dm %ds", d/time.Minute, d%time.Minute/time.Second)
	}
	return fmt.Sprintf("%.1fs", d.Seconds())
}

func share[N int | uint64](part, whole N) string {
	if whole == 0 {
		return "0%"
	}
	return fmt.Sprintf("%.0f%%", 100*float64(part)/float64(whole))
}

func bytesOf(n int) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.0f KiB", float64(n)/(1<<10))
}

func plural(n int, noun string) string {
	if n == 1 {
		return noun
	}
	return noun + "s"
}

func when(yes bool, text string) string {
	if yes {
		return text
	}
	return ""
}

// wrap breaks a text into lines of at most width runes, between words where it
// can. Line breaks and control characters of the text become spaces.
func wrap(text string, width int) []string {
	var lines []string
	line := []rune{}
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		w := []rune(word)
		if len(line) > 0 && len(line)+1+len(w) > width {
			lines, line = append(lines, string(line)), line[:0]
		}
		if len(line) > 0 {
			line = append(line, ' ')
		}
		line = append(line, w...)
		for len(line) > width {
			lines = append(lines, string(line[:width]))
			line = slices.Clone(line[width:])
		}
	}
	return append(lines, string(line))
}
