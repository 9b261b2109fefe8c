package distill

import (
	"strings"
	"testing"
)

func TestGate(t *testing.T) {
	t.Parallel()
	report := func(en, zh, foreign, f32 float64) map[string]any {
		return map[string]any{
			"f32":  map[string]any{"en": map[string]any{"intent_accuracy": f32}, "zh-cn": map[string]any{"intent_accuracy": zh}},
			"int8": map[string]any{"en": map[string]any{"intent_accuracy": en}, "zh-cn": map[string]any{"intent_accuracy": zh}, "out_of_domain_answered": foreign},
		}
	}
	gate := GateRecipe{IntentEnglish: 0.9, IntentChinese: 0.9, OutOfDomain: 0.05, Int8Drop: 0.005}
	for _, c := range []struct {
		name   string
		gate   GateRecipe
		report map[string]any
		want   string
	}{
		{"good", gate, report(0.95, 0.9, 0.05, 0.952), ""},
		{"nothing asked", GateRecipe{}, nil, ""},
		{"English", gate, report(0.89, 0.95, 0, 0.89), "intent accuracy, en"},
		{"Chinese", gate, report(0.95, 0.5, 0, 0.95), "intent accuracy, zh-cn"},
		{"foreign", gate, report(0.95, 0.95, 0.06, 0.95), "out-of-domain"},
		{"INT8", gate, report(0.95, 0.95, 0, 0.96), "F32 to INT8, en"},
		{"no report", gate, nil, "no validation sentences"},
	} {
		err := c.gate.check(c.report)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}
