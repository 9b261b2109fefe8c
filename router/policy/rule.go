// Package policy is a [router.Policy] of declared rules: which questions they are
// about, and what is wanted of those. It decides nothing; router.Decide does.
//
// In TOML, the first rule that matches counts, and a rule matches if all of its
// conditions are met:
//
//	[[rule]]
//	name = "nights"
//	client = ["iot"]            # conditions of package match
//	language = ["zh", "latin"]
//	hours = ["22:00-06:00"]
//	route = "local"             # what is wanted
package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/match"
)

// Rule is a rule as it is written.
type Rule struct {
	Name string `toml:"name"` // for receipts

	// Conditions. Words and expressions are looked for in what was asked last.
	match.Rule
	LongerThan  int      `toml:"longer_than"`  // of all that the model has to read, in Unit; 0: any
	ShorterThan int      `toml:"shorter_than"` // likewise
	Unit        string   `toml:"unit"`         // "bytes" or "tokens", which are estimated; empty: bytes
	Language    []string `toml:"language"`     // of what was asked last, see [Languages]
	Private     *bool    `toml:"private"`      // whether the question must not leave the device
	Hours       []string `toml:"hours"`        // "22:00-06:00", local time
	Days        []string `toml:"days"`         // "sat", "mon-fri"

	// What is wanted.
	Route    string        `toml:"route"`    // "local" or "cloud"; empty: as the confidence says
	Wait     time.Duration `toml:"wait"`     // for the cloud; 0: as configured
	Deadline time.Duration `toml:"deadline"` // of the question, from its arrival; 0: its asker's
	Early    *bool         `toml:"early"`    // ask the cloud while the local model works; absent: as predicted
	First    string        `toml:"first"`    // "provisional": at once, and the cloud's answer as a correction
	Budget   string        `toml:"budget"`   // "exempt": budgets do not hold the question up
}

// Problem is what is wrong with a rule, by its place in the list and its key.
type Problem struct {
	Index     int
	Name, Key string
	Text      string // with the value and what is allowed
}

func (p Problem) Error() string {
	return fmt.Sprintf("rule %d (%q): %s: %s", p.Index+1, p.Name, p.Key, p.Text)
}

// Bounds of a rule's values.
const (
	maxRules = 1024
	maxTime  = 24 * time.Hour
	maxSize  = 1 << 30
)

// Check tells everything that is wrong with a list of rules.
func Check(rules []Rule) (all []Problem) {
	if len(rules) > maxRules {
		return []Problem{{Key: "name", Text: fmt.Sprintf("there are %d rules; at most %d are taken", len(rules), maxRules)}}
	}
	seen := map[string]bool{}
	for i, r := range rules {
		wrong := func(key, format string, args ...any) {
			all = append(all, Problem{i, r.Name, key, fmt.Sprintf(format, args...)})
		}
		switch {
		case strings.TrimSpace(r.Name) == "" || len(r.Name) > 64:
			wrong("name", "%q has %d bytes; write a name of 1 to 64, which receipts show", r.Name, len(r.Name))
		case seen[r.Name]:
			wrong("name", "another rule is called %q; receipts could not tell them apart", r.Name)
		}
		seen[r.Name] = true
		r.checkConditions(wrong)
		r.checkEffect(wrong)
	}
	return all
}

type report func(key, format string, args ...any)

func (r Rule) checkConditions(wrong report) {
	for _, p := range r.parts() {
		if _, err := match.New(p.rule); err != nil {
			wrong(p.key, "%s", strings.TrimPrefix(err.Error(), p.key+": "))
		}
	}
	length := func(key string, n int) {
		if n < 0 || n > maxSize {
			wrong(key, "%d is out of range; write a number from 1 to %d, or 0 for any length", n, maxSize)
		}
	}
	length("longer_than", r.LongerThan)
	length("shorter_than", r.ShorterThan)
	if r.ShorterThan > 0 && r.LongerThan >= r.ShorterThan-1 {
		wrong("shorter_than", "nothing is longer than %d and shorter than %d", r.LongerThan, r.ShorterThan)
	}
	oneOf(wrong, "unit", r.Unit, "", "bytes", "tokens")
	for _, l := range r.Language {
		oneOf(wrong, "language", l, Languages...)
	}
	for _, h := range r.Hours {
		if _, err := parseHours(h); err != nil {
			wrong("hours", "%v", err)
		}
	}
	for _, d := range r.Days {
		if _, err := parseDays(d); err != nil {
			wrong("days", "%v", err)
		}
	}
}

func (r Rule) checkEffect(wrong report) {
	oneOf(wrong, "route", r.Route, "", "local", "cloud")
	oneOf(wrong, "first", r.First, "", "provisional")
	oneOf(wrong, "budget", r.Budget, "", "exempt")
	duration := func(key string, d time.Duration) {
		if d < 0 || d > maxTime || d > 0 && d < time.Millisecond {
			wrong(key, "%v is out of range; write a duration from 1ms to %v, for example \"5s\"", d, maxTime)
		}
	}
	duration("wait", r.Wait)
	duration("deadline", r.Deadline)
	early := r.Early != nil && *r.Early
	if r.Route == "local" && (early || r.First != "" || r.Wait != 0 || r.Budget != "") {
		wrong("route", "\"local\" asks no cloud, so that wait, early = true, first and budget say nothing; leave them out")
	}
	if r.Route == "cloud" && (early || r.First != "") {
		wrong("route", "\"cloud\" asks the local model only if the cloud does not answer, so that early = true and first say nothing; leave them out")
	}
	if early && r.First != "" {
		wrong("early", "with first = \"provisional\" nobody waits for the cloud, so that early = true says nothing; leave one of them out")
	}
}

func oneOf(wrong report, key, value string, allowed ...string) {
	if slices.Contains(allowed, value) {
		return
	}
	var list []string
	for _, a := range allowed {
		if a != "" {
			list = append(list, fmt.Sprintf("%q", a))
		}
	}
	wrong(key, "%q is not allowed; write %s", value, strings.Join(list, " or "))
}

// part is one condition of package match.
type part struct {
	key  string
	rule match.Rule
}

// parts are those that the rule has.
func (r Rule) parts() []part {
	all := []part{
		{"client", match.Rule{Client: r.Client}}, {"topic", match.Rule{Topic: r.Topic}}, {"tool", match.Rule{Tool: r.Tool}},
		{"words", match.Rule{Words: r.Words}}, {"regex", match.Rule{Regex: r.Regex}},
	}
	lists := [][]string{r.Client, r.Topic, r.Tool, r.Words, r.Regex}
	var has []part
	for i, p := range all {
		if len(lists[i]) > 0 {
			has = append(has, p)
		}
	}
	return has
}

func (r Rule) effect() router.Effect {
	return router.Effect{
		Rule: r.Name, Route: router.Route(r.Route), Wait: r.Wait, Deadline: r.Deadline, Early: r.Early,
		First: r.First == "provisional", Exempt: r.Budget == "exempt",
	}
}
