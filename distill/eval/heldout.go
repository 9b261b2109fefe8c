package eval

import (
	"slices"

	"github.com/a472be26/cusp/distill/dataset"
)

// Question is one that no model of ours was trained on, with its right answer.
type Question struct {
	Source string // "generated/en", "home_assistant/zh-cn", "clinc150"
	Text   string
	Want   dataset.Example
	// Open says that only the intent is known, and slots are not compared.
	Open bool
}

// Correct reports whether an answer is the expected one.
func (q Question) Correct(answer string) bool {
	if q.Open {
		got, ok := decode(answer)
		return ok && got.Intent == q.Want.Intent
	}
	return Correct(q.Want, answer)
}

// HeldOut are all questions under dataDir that may be used to calibrate and
// to judge a model made with o: generated sentences of held-out texts and
// templates (all of them, whatever o.Calibration), the validation sentences of
// Home Assistant, and clinc150's validation questions, which no device answers.
// A text that stands in several of them is taken once.
func HeldOut(dataDir string, o dataset.Options) ([]Question, error) {
	o.Calibration = 0
	set, err := dataset.Build(dataDir, o)
	if err != nil {
		return nil, err
	}
	cases, err := validation(dataDir)
	if err != nil {
		return nil, err
	}
	foreign, err := dataset.OutOfDomain(dataDir)
	if err != nil {
		return nil, err
	}
	var all []Question
	for _, c := range cases {
		want := dataset.Example{Lang: c.Lang, Text: c.Text, Intent: c.Intent, Slots: c.Slots}
		all = append(all, Question{"home_assistant/" + c.Lang, c.Text, want, c.Slots == nil})
	}
	for _, text := range foreign {
		all = append(all, Question{"clinc150", text, dataset.Example{Text: text, Intent: dataset.None}, false})
	}
	for _, e := range set.Calibration {
		all = append(all, generated(e))
	}
	return once(all), nil
}

// Fresh are held-out questions like the generated ones of HeldOut, drawn by
// another seed: none of them is in the data of o, be it for training or held
// out. They are for developing what is later judged on HeldOut.
func Fresh(dataDir string, o dataset.Options, seed uint64) ([]Question, error) {
	o.Calibration = 0
	own, err := dataset.Build(dataDir, o)
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, e := range slices.Concat(own.Train, own.Calibration) {
		known[e.Text] = true
	}
	o.Seed = seed
	other, err := dataset.Build(dataDir, o)
	if err != nil {
		return nil, err
	}
	var all []Question
	for _, e := range other.Calibration {
		if !known[e.Text] {
			all = append(all, generated(e))
		}
	}
	return all, nil
}

func generated(e dataset.Example) Question {
	return Question{Source: "generated/" + e.Source + "/" + e.Lang, Text: e.Text, Want: e}
}

// once leaves out the second and later of the same text.
func once(all []Question) []Question {
	seen := map[string]bool{}
	var out []Question
	for _, q := range all {
		if !seen[q.Text] {
			seen[q.Text] = true
			out = append(out, q)
		}
	}
	return out
}
