package calibrate

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// FeatureNames are the inputs of a rule, in order. Those over the tokens are
// quantiles, which carry more than a sequence's mean (arXiv 2404.10136). Those
// over the text say how an answer in JSON relates to the question: a value that
// was copied out of it is more likely right than one that was made up, and a
// question of which much is left over has asked for more. On an answer that is
// no JSON they see the question's length alone.
var FeatureNames = slices.Concat(tokenFeatures, textFeatures)

var tokenFeatures = []string{
	"logprob_min", "logprob_p10", "logprob_p50", "logprob_mean",
	"margin_min", "margin_p10", "margin_p50", "tokens_log",
}

var textFeatures = []string{
	"question_words_log", // of its words
	"question_numbers",   // words of digits in it
	"values_text",        // of the answer: strings
	"values_number",      // of the answer: numbers
	"values_new",         // strings that do not stand in the question
	"numbers_new",        // numbers that do not stand in the question as digits
	"values_repeated",    // values given more than once
	"copied_words_log",   // words of the strings that do
	"longest_value",      // in words
	"left_words",         // words of the question that are in no value
	"left_share",         // the same as a share of its words
}

// worst bounds log-probabilities from below and margins from above, so that
// one impossible token does not drown the other features; most bounds counts.
const (
	worst = 20
	most  = 50
)

// Features computes the inputs of a rule by name, all finite. An unknown name
// is an error; e must have tokens.
func Features(e Evidence, names []string) ([]float64, error) {
	known := tokenValues(e.Tokens)
	if slices.ContainsFunc(names, func(name string) bool { return slices.Contains(textFeatures, name) }) {
		for name, v := range textValues(e) {
			known[name] = v
		}
	}
	out := make([]float64, len(names))
	for i, name := range names {
		v, ok := known[name]
		if !ok {
			return nil, fmt.Errorf("feature %q is unknown; known are %v", name, FeatureNames)
		}
		out[i] = v
	}
	return out, nil
}

func tokenValues(tokens []Token) map[string]float64 {
	logprobs := make([]float64, len(tokens))
	margins := make([]float64, len(tokens))
	var sum float64
	for i, t := range tokens {
		logprobs[i] = bounded(float64(t.LogProb), -worst, 0)
		margins[i] = bounded(float64(t.Margin), 0, worst)
		sum += logprobs[i]
	}
	slices.Sort(logprobs)
	slices.Sort(margins)
	return map[string]float64{
		"logprob_min": logprobs[0], "logprob_p10": quantile(logprobs, 0.1), "logprob_p50": quantile(logprobs, 0.5),
		"logprob_mean": sum / float64(len(tokens)),
		"margin_min":   margins[0], "margin_p10": quantile(margins, 0.1), "margin_p50": quantile(margins, 0.5),
		"tokens_log": math.Log(float64(len(tokens))),
	}
}

func textValues(e Evidence) map[string]float64 {
	question := lastText(e.Question)
	asked := words(question)
	texts, numbers := values(e.Answer)
	inValues, once := map[string]bool{}, map[string]bool{}
	for _, v := range slices.Concat(texts, numbers) {
		once[v] = true
		for _, w := range words(v) {
			inValues[w] = true
		}
	}
	count := map[string]float64{
		"values_text": float64(len(texts)), "values_number": float64(len(numbers)),
		"values_repeated": float64(len(texts) + len(numbers) - len(once)),
	}
	copied := 0
	for _, v := range texts {
		n := len(words(v))
		count["longest_value"] = max(count["longest_value"], float64(n))
		if strings.Contains(question, v) {
			copied += n
		} else {
			count["values_new"]++
		}
	}
	for _, v := range numbers {
		whole, _, _ := strings.Cut(v, ".")
		if !slices.Contains(asked, whole) {
			count["numbers_new"]++
		}
	}
	for _, w := range asked {
		if !inValues[w] {
			count["left_words"]++
		}
		if isNumber(w) {
			count["question_numbers"]++
		}
	}
	out := map[string]float64{}
	for _, name := range textFeatures {
		out[name] = min(count[name], most)
	}
	out["question_words_log"] = math.Log1p(float64(len(asked)))
	out["copied_words_log"] = math.Log1p(float64(copied))
	out["left_share"] = count["left_words"] / float64(max(len(asked), 1))
	return out
}

// bounded clamps v; not-a-number counts as the lower bound.
func bounded(v, low, high float64) float64 {
	if !(v > low) {
		return low
	}
	return min(v, high)
}

// quantile interpolates linearly between the order statistics.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}
