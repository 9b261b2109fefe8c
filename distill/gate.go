package distill

import (
	"encoding/json"
	"errors"
	"fmt"
)

// GateRecipe is what a model must reach on the validation data before it
// becomes a bundle. A zero is not checked.
type GateRecipe struct {
	IntentEnglish float64 `toml:"intent_en"`     // least share of right intents, INT8
	IntentChinese float64 `toml:"intent_zh"`     // the same
	OutOfDomain   float64 `toml:"out_of_domain"` // most of the foreign questions answered locally
	Int8Drop      float64 `toml:"int8_drop"`     // most that INT8 may lose against F32, as a share
}

// summary is the part of a report that the gate reads.
type summary struct {
	English  langSummary `json:"en"`
	Chinese  langSummary `json:"zh-cn"`
	Answered float64     `json:"out_of_domain_answered"`
}

type langSummary struct {
	Intent float64 `json:"intent_accuracy"`
}

// check compares a report (a summary for "f32" and "int8") with what is asked.
func (g GateRecipe) check(report map[string]any) error {
	if g == (GateRecipe{}) {
		return nil
	}
	if len(report) == 0 {
		return errors.New("gate: there are no validation sentences to check it on; name a data directory that has them, or leave out [gate]")
	}
	data, err := json.Marshal(report)
	if err != nil {
		return err
	}
	var have struct{ F32, Int8 summary }
	if err := json.Unmarshal(data, &have); err != nil {
		return err
	}
	got := have.Int8
	return errors.Join(
		atLeast("intent accuracy, en", got.English.Intent, g.IntentEnglish),
		atLeast("intent accuracy, zh-cn", got.Chinese.Intent, g.IntentChinese),
		atMost("out-of-domain questions answered", got.Answered, g.OutOfDomain),
		atMost("loss from F32 to INT8, en", have.F32.English.Intent-got.English.Intent, g.Int8Drop),
		atMost("loss from F32 to INT8, zh-cn", have.F32.Chinese.Intent-got.Chinese.Intent, g.Int8Drop),
	)
}

func atLeast(what string, got, want float64) error {
	if want > 0 && got < want {
		return fmt.Errorf("gate: %s is %.4f, the recipe wants at least %.4f", what, got, want)
	}
	return nil
}

func atMost(what string, got, want float64) error {
	if want > 0 && got > want {
		return fmt.Errorf("gate: %s is %.4f, the recipe allows at most %.4f", what, got, want)
	}
	return nil
}
