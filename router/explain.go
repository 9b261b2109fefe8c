package router

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// meaning says in a sentence what each reason stands for.
var meaning = map[Reason]string{
	ReasonConfident:      "the confidence reached the threshold that keeps the bundle's promise",
	ReasonBelowThreshold: "the confidence did not reach the threshold that keeps the bundle's promise",
	ReasonInDoubt:        "the promise is in doubt, and the confidence did not reach the threshold that was raised for it",
	ReasonDeclined:       "the local model said that this question is not its own",
	ReasonUncalibrated:   "the local model has no calibration, so nothing can be promised about its answers",
	ReasonSampled:        "other than the likeliest tokens were asked for (a temperature, a penalty, a bias, a schema), and the promise is on greedy answers",
	ReasonTruncated:      "the local answer hit its length limit",
	ReasonNoLocalModel:   "no local model could answer",
	ReasonHot:            "the device is hot, and the cloud was asked in its place",
	ReasonSaving:         "the device saves energy, and the cloud was asked in its place",
	ReasonPolicy:         "a rule of this device says where the question is answered",
	ReasonBudget:         "a budget is used up: of money or bytes, so that the cloud is not asked, or of energy, so that it is",
	ReasonFollows:        "the local answer was given at once, as a rule or a budget wants it; the cloud's follows when it comes",
	ReasonNoCloud:        "no cloud is configured",
	ReasonLocalOnly:      "only the local model can do what was asked",
	ReasonPrivate:        "the question is private and must not leave the device",
	ReasonPrivateRule:    "a rule of this device makes the question private: it must not leave the device",
	ReasonPrivateData:    "the question holds data that must not leave the device",
	ReasonUnredacted:     "what has to be hidden in the question could not be hidden, so it did not leave the device",
	ReasonDeadline:       "the cloud did not answer in time; its answer follows when it comes",
	ReasonCloudFailed:    "the cloud could not answer",
	ReasonAudit:          "the cloud was asked what had been answered locally, to see whether the promise holds",
}

// Line is the receipt in one line, for terminals.
func (r Receipt) Line() string {
	return fmt.Sprintf("[%s: %s%s, %s, %.1f ms, id %s]", r.Route, r.Reason, r.comparison(), r.Model, r.LatencyMS, r.ID)
}

// comparison is " (0.71 < 0.93)", or nothing without calibration.
func (r Receipt) comparison() string {
	if r.Confidence == nil || r.Threshold == nil {
		return ""
	}
	sign := "<"
	if *r.Confidence >= *r.Threshold {
		sign = ">="
	}
	return fmt.Sprintf(" (%.3f %s %.3f)", *r.Confidence, sign, *r.Threshold)
}

// perToken is the energy for a token, or nothing.
func (r Receipt) perToken() string {
	if r.JoulesPerToken == 0 {
		return ""
	}
	return fmt.Sprintf(", %.3g J a token", r.JoulesPerToken)
}

func (g Governor) because() string {
	if g.Cause == "" {
		return ""
	}
	return " (" + g.Cause + ")"
}

// Explain is the receipt in several lines, each ending in a line feed.
func (r Receipt) Explain() string {
	var b strings.Builder
	row := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-10s %s\n", name, fmt.Sprintf(format, args...))
	}
	row("id", "%s", r.ID)
	row("time", "%s", r.Time.Format("2006-01-02 15:04:05.000 MST"))
	row("route", "%s", r.Route)
	row("reason", "%s: %s%s", r.Reason, meaning[r.Reason], r.comparison())
	if r.Rule != "" {
		row("rule", "%s", r.Rule)
	}
	if r.Detail != "" {
		row("detail", "%s", r.Detail)
	}
	row("model", "%s", r.Model)
	if r.Bundle != "" {
		row("bundle", "%s", r.Bundle)
	}
	row("latency", "%.1f ms", r.LatencyMS)
	row("tokens", "%d in, %d out", r.PromptTokens, r.CompletionTokens)
	for _, c := range slices.Sorted(maps.Keys(r.Redactions)) {
		row("hidden", "%d %s", r.Redactions[c], c)
	}
	if r.BytesUp+r.BytesDown > 0 {
		row("bytes", "%d up, %d down", r.BytesUp, r.BytesDown)
	}
	if r.CostUSD > 0 {
		row("cost", "%.3g USD", r.CostUSD)
	}
	if r.Joules > 0 {
		row("energy", "%.3g J%s", r.Joules, r.perToken())
	}
	if g := r.Governor; g != nil {
		row("governor", "%s%s, threads: %d, prefers %s", g.Level, g.because(), g.Threads, g.Prefer)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Sensors)) {
		row(name, "%g", r.Sensors[name])
	}
	return b.String()
}
