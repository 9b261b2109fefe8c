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

// columns and lines are what the status takes at most, and indent where its texts
// begin.
const (
	columns = 80
	lines   = 24
	indent  = 10
)

// Text is the status for people: one screen of 80 columns and 24 lines, without
// colours. What is too long ends in "…"; JSON has all of it.
func (s Status) Text() string { return s.screen(false) }

// Coloured is Text for a terminal: what is wrong stands out.
func (s Status) Coloured() string { return s.screen(true) }

func (s Status) screen(coloured bool) string {
	out := screen{coloured: coloured}
	out.row("device", "%s, cusp %s, up %s", s.Device, s.Version, ago(s.UptimeS))
	out.model(s.Model)
	out.trial(s.Trial)
	out.reload(s.Reload, s.Refusal)
	out.config(s.Config)
	out.engine(s.Engine)
	out.answers(s.Counters)
	if s.Promise != nil {
		out.rows(1, "promise", s.Promise.line())
	}
	out.link(s.Link)
	if s.IoT != nil {
		out.row("mqtt", "%s", upOrDown(*s.IoT))
	}
	if len(s.Budgets) > 0 {
		out.rows(1, "budgets", budgetLine(s.Budgets))
	}
	out.governor(s.Governor)
	out.sensors(s.Sensors)
	return out.String()
}

// screen is text in two columns.
type screen struct {
	strings.Builder
	coloured bool
}

// row writes one line, or two if it is too long for one. Without a name it goes on
// with what the row before is about.
func (s *screen) row(name, format string, args ...any) {
	s.rows(2, name, fmt.Sprintf(format, args...))
}

// rows writes a text that may take so many lines.
func (s *screen) rows(most int, name, text string) {
	all := wrap(text, columns-indent)
	if len(all) > most {
		last := []rune(all[most-1])
		all = append(all[:most-1], string(last[:min(len(last), columns-indent-1)])+"…")
	}
	label := fmt.Sprintf("%-*s", indent, name)
	if s.coloured && wrong(name, text) {
		label = "\x1b[31m" + label + "\x1b[0m" // red (ECMA-48, SGR)
	}
	for _, line := range all {
		fmt.Fprintf(s, "%s%s\n", label, line)
		label = strings.Repeat(" ", indent)
	}
}

// wrong tells whether a row says that something is.
func wrong(name, text string) bool {
	switch name {
	case "refused", "config":
		return true
	case "answers":
		return strings.Contains(text, "FAILED")
	case "budgets":
		return strings.Contains(text, "USED UP")
	case "promise":
		return strings.Contains(text, "IN DOUBT")
	case "cloud", "mqtt":
		return strings.HasPrefix(text, "down")
	}
	return false
}

// tail keeps the end of a text, where a path says most.
func tail(text string, most int) string {
	all := []rune(text)
	if len(all) <= most {
		return text
	}
	return "…" + string(all[len(all)-most+1:])
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
	s.rows(1, "model", m.String()+about)
	s.row("", "from %s", tail(m.File, columns-indent-len("from ")))
	s.rows(1, "", fmt.Sprintf("since %s, %d before it%s", m.Since.Format(time.DateTime), m.Swaps, when(m.Bundle != "", fmt.Sprintf("; bundle %.16s", m.Bundle))))
	if remarks := m.remarks(); remarks != "" {
		s.row("", "%s", remarks)
	}
}

func (m ModelStatus) remarks() string {
	var remarks []string
	switch p := m.Place; {
	case p.GPU != "":
		remarks = append(remarks, "on the GPU: "+p.GPU)
	case p.Why != "":
		remarks = append(remarks, "on the CPU: "+p.Why)
	}
	if !m.Signed {
		remarks = append(remarks, "unsigned")
	}
	if !m.Calibrated {
		remarks = append(remarks, "uncalibrated: the cloud is asked whenever there is one")
	}
	return strings.Join(remarks, "; ")
}

// reload leaves out one that succeeded where another one was refused: since when the
// model serves stands above.
func (s *screen) reload(r *Reload, refused *Refusal) {
	if r != nil && (refused == nil || r.Error != "" && r.Error != refused.Error) {
		s.rows(1, "reload", fmt.Sprintf("%s at %s, took %.3gs: %s", result(r.Result), r.Time.Format(time.DateTime), r.TookS, r.Model))
	}
	if refused != nil {
		s.row("refused", "%s, %s: %s", refused.Time.Format(time.DateTime), result(string(refused.Reason)), refused.Error)
	}
}

func (s *screen) trial(t *TrialStatus) {
	if t != nil {
		s.rows(1, "canary", fmt.Sprintf("%d of %d questions, agreement %.2f, speed %.2f: %s", t.Answered, t.Wanted, t.Agreement, t.Speed, t.Model))
	}
}

func (s *screen) config(c ConfigStatus) {
	switch {
	case c.Error != "":
		s.row("config", "refused at %s, the old one stays: %s", c.Tried.Format(time.DateTime), c.Error)
	case len(c.Restart) > 0:
		s.rows(1, "config", "needs a restart: "+strings.Join(c.Restart, ", "))
	}
}

func result(code string) string { return strings.ReplaceAll(code, "_", " ") }

func (s *screen) engine(e *EngineStatus) {
	if e == nil {
		return
	}
	s.row("engine", "%.1f tokens/s now; %d of %d sequences run, %d wait%s", e.Speed, e.Running, e.Sequences, e.Waiting, when(e.Refused > 0, fmt.Sprintf(", %d were refused", e.Refused)))
	s.row("", "%d %s (%s)%s", e.Threads, plural(e.Threads, "thread"), e.Kernels,
		when(e.FirstTokenMS > 0, fmt.Sprintf("; first token %.3g ms, then every %.3g ms", e.FirstTokenMS, e.InterTokenMS)))
	s.row("", "keys and values: %s of %s used, %s kept for later", bytesOf(e.Used*e.PageBytes), bytesOf(e.Pages*e.PageBytes), bytesOf(e.Cached*e.PageBytes))
	s.row("", "prefix hits: %d of %d requests, %s of the prompts' tokens; %d generated", e.PrefixHits, e.Requests, share(e.CachedTokens, e.PromptTokens), e.Generated)
}

func (s *screen) answers(c Counters) {
	total := 0
	for _, n := range c.Answered {
		total += n
	}
	if total+c.Failed == 0 {
		s.row("answers", "none yet")
	}
	routes := slices.SortedFunc(maps.Keys(c.Answered), func(a, b string) int {
		return cmp.Or(c.Answered[b]-c.Answered[a], cmp.Compare(a, b))
	})
	var texts []string
	for _, route := range routes {
		texts = append(texts, fmt.Sprintf("%d %s (%s)", c.Answered[route], route, share(c.Answered[route], total)))
	}
	if c.Failed > 0 {
		texts = append([]string{fmt.Sprintf("%d FAILED", c.Failed)}, texts...)
	}
	if len(texts) > 0 {
		s.rows(1, "answers", strings.Join(texts, ", "))
	}
}

func (s *screen) link(l LinkStatus) {
	if !l.Configured {
		s.row("cloud", "not configured")
		return
	}
	if l.Error != "" {
		s.rows(1, "cloud", "unknown, "+l.Broker)
		s.rows(1, "", l.Error)
		return
	}
	s.rows(1, "cloud", fmt.Sprintf("%s for %s, %s", upOrDown(l.Up), ago(l.SinceS), l.Broker+when(l.Sealed, ", sealed")))
	if l.Trouble != "" {
		s.rows(2, "", fmt.Sprintf("%d %s failed, again in %s: %s", l.Failures, plural(l.Failures, "round"), ago(l.RetryS), strings.ReplaceAll(l.Trouble, "\n", "; ")))
	}
	s.row("", "%d %s on the way%s", l.Outbox, plural(l.Outbox, "question"), when(l.Outbox > 0, ", the oldest for "+ago(l.OldestS)))
}

func (s *screen) governor(g *GovernorStatus) {
	if g == nil {
		return
	}
	cause := ""
	if g.Cause != "" {
		cause = ": " + g.Cause
	}
	s.rows(1, "governor", fmt.Sprintf("%s%s; %d of %d %s, prefers %s", g.Level, cause, g.Threads, g.MaxThreads, plural(g.MaxThreads, "thread"), g.Prefer))
}

func (s *screen) sensors(all []sensor.State) {
	var texts []string
	for _, state := range all {
		texts = append(texts, sensorLine(state))
	}
	if len(texts) > 0 {
		s.rows(1, "sensors", strings.Join(texts, "; "))
	}
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
	return s.Name + ": " + strings.Join(values, ", ") + when(!s.Counts, " (does not count)")
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
