package eval

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/a472be26/cusp/distill/dataset"
)

// Report is how a model did.
type Report struct {
	Model     string            `json:"model"`
	Languages map[string]*Score `json:"languages"`
	Foreign   Foreign           `json:"out_of_domain"`
	Threshold float64           `json:"threshold"` // 0 without calibration
	Alpha     float64           `json:"alpha"`
	Speed     Speed             `json:"speed"`
	// Excluded are the clinc150 intents that do not count as out of domain,
	// because Home Assistant has the like.
	Excluded []string `json:"excluded_clinc150_intents"`
	// Misses are the sentences whose intent or slots are wrong, the first of them.
	Misses []Miss `json:"misses,omitempty"`
}

// Score counts the validation sentences of one language.
type Score struct {
	Sentences   int `json:"sentences"`
	Intent      int `json:"intent_right"`
	SlotsScored int `json:"slots_scored"` // sentences whose block states slots
	Slots       int `json:"slots_right"`  // of these: intent and all slots right
	ValidJSON   int `json:"valid_json"`   // answers that are a tool call
	Answered    int `json:"answered"`     // at or above the threshold, not declined
	AnsweredOff int `json:"answered_off"` // of these: wrong intent or, where stated, wrong slots
	Declined    int `json:"declined"`     // answered with the decline
}

// Foreign counts questions that are no device command.
type Foreign struct {
	Sentences int `json:"sentences"`
	Declined  int `json:"declined"`
	Answered  int `json:"answered"` // given locally, which is wrong
}

// Speed is what the engine reported over the whole evaluation.
type Speed struct {
	PrefillTokensPerSecond float64       `json:"prefill_tokens_per_second"`
	DecodeTokensPerSecond  float64       `json:"decode_tokens_per_second"`
	TokensPerAnswer        float64       `json:"tokens_per_answer"`
	Elapsed                time.Duration `json:"elapsed_ns"`
}

// Miss is one sentence with a wrong answer.
type Miss struct {
	Lang string `json:"lang"`
	Text string `json:"text"`
	Want string `json:"want"` // the expected call; without slots where none are stated
	Got  string `json:"got"`
}

// maxMisses bounds the list of misses.
const maxMisses = 500

func (r *Report) add(c Case, a Answer, answered bool) {
	s := r.Languages[c.Lang]
	if s == nil {
		s = &Score{}
		r.Languages[c.Lang] = s
	}
	got, valid := decode(a.Text)
	right := valid && got.Intent == c.Intent
	exact := right && (c.Slots == nil || sameSlots(c.Slots, got.Slots))
	s.Sentences++
	s.ValidJSON += one(valid)
	s.Intent += one(right)
	s.SlotsScored += one(c.Slots != nil)
	s.Slots += one(c.Slots != nil && exact)
	s.Declined += one(valid && got.Intent == dataset.None)
	s.Answered += one(answered)
	s.AnsweredOff += one(answered && !exact)
	if !exact && len(r.Misses) < maxMisses {
		r.Misses = append(r.Misses, Miss{c.Lang, c.Text, dataset.Call(c.Intent, c.Slots), a.Text})
	}
}

func (r *Report) addForeign(a Answer, answered bool) {
	got, valid := decode(a.Text)
	r.Foreign.Sentences++
	r.Foreign.Declined += one(valid && got.Intent == dataset.None)
	r.Foreign.Answered += one(answered)
}

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// SpeedOf sums up what the engine reported about answers.
func SpeedOf(answers []Answer, elapsed time.Duration) Speed {
	var prompt, tokens int
	var prefill, decode time.Duration
	for _, a := range answers {
		prompt += a.PromptTokens
		tokens += len(a.Tokens)
		prefill += a.Prefill
		decode += a.Decode
	}
	return Speed{
		PrefillTokensPerSecond: ratio(float64(prompt), prefill.Seconds()),
		DecodeTokensPerSecond:  ratio(float64(tokens), decode.Seconds()),
		TokensPerAnswer:        ratio(float64(tokens), float64(len(answers))),
		Elapsed:                elapsed,
	}
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// IntentAccuracy is the share of right intents in a language, 0 to 1.
func (r Report) IntentAccuracy(lang string) float64 {
	s := r.Languages[lang]
	if s == nil {
		return 0
	}
	return ratio(float64(s.Intent), float64(s.Sentences))
}

// Summary is the report for a manifest: shares instead of counts, no sentences.
func (r Report) Summary() map[string]any {
	out := map[string]any{
		"out_of_domain_sentences":   r.Foreign.Sentences,
		"out_of_domain_answered":    share(r.Foreign.Answered, r.Foreign.Sentences),
		"out_of_domain_declined":    share(r.Foreign.Declined, r.Foreign.Sentences),
		"threshold":                 r.Threshold,
		"tokens_per_answer":         round(r.Speed.TokensPerAnswer),
		"excluded_clinc150_intents": r.Excluded,
	}
	for lang, s := range r.Languages {
		out[lang] = map[string]any{
			"sentences":       s.Sentences,
			"intent_accuracy": share(s.Intent, s.Sentences),
			"slots_exact":     share(s.Slots, s.SlotsScored),
			"valid_json":      share(s.ValidJSON, s.Sentences),
			"coverage":        share(s.Answered, s.Sentences),
			"risk":            share(s.AnsweredOff, s.Answered),
		}
	}
	return out
}

func share(a, b int) float64  { return round(ratio(float64(a), float64(b))) }
func round(v float64) float64 { return float64(int(v*10000+0.5)) / 10000 }
func percent(a, b int) string { return fmt.Sprintf("%.1f%%", 100*ratio(float64(a), float64(b))) }

// Print writes the report as a table.
func (r Report) Print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintf(t, "%s\tsentences\tintent\tslots exact\tvalid JSON\tanswered locally\twrong of these\n", r.Model)
	for _, lang := range slices.Sorted(maps.Keys(r.Languages)) {
		s := r.Languages[lang]
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s\t%s\t%s\n", lang, s.Sentences, percent(s.Intent, s.Sentences),
			percent(s.Slots, s.SlotsScored), percent(s.ValidJSON, s.Sentences), percent(s.Answered, s.Sentences), percent(s.AnsweredOff, s.Answered))
	}
	f := r.Foreign
	fmt.Fprintf(t, "out of domain\t%d\t\t\t\t%s\t\n", f.Sentences, percent(f.Answered, f.Sentences))
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "threshold %.4f, promised risk %.2f; %.1f tokens an answer, prefill %.0f and decode %.0f tokens/s\n"+
		"slots are compared without regard to case; an area known only from the place of the microphone is not expected\n"+
		"out of domain: clinc150 val and oos_val without %v\n",
		r.Threshold, r.Alpha, r.Speed.TokensPerAnswer, r.Speed.PrefillTokensPerSecond, r.Speed.DecodeTokensPerSecond, r.Excluded)
	return err
}

// JSON writes the report for scripts.
func (r Report) JSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}
