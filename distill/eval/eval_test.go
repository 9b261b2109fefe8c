package eval

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/a472be26/cusp/distill/dataset"
)

func TestCorrect(t *testing.T) {
	t.Parallel()
	want := dataset.Example{Intent: "HassLightSet", Slots: dataset.Slots{"name": "Desk Lamp", "brightness": float64(50)}}
	for _, c := range []struct {
		name, answer string
		want         bool
	}{
		{"same", `{"intent":"HassLightSet","slots":{"brightness":50,"name":"Desk Lamp"}}`, true},
		{"other case", `{"intent":"HassLightSet","slots":{"brightness":50,"name":"desk lamp "}}`, true},
		{"other value", `{"intent":"HassLightSet","slots":{"brightness":51,"name":"desk lamp"}}`, false},
		{"slot missing", `{"intent":"HassLightSet","slots":{"name":"desk lamp"}}`, false},
		{"slot too many", `{"intent":"HassLightSet","slots":{"area":"den","brightness":50,"name":"desk lamp"}}`, false},
		{"other intent", `{"intent":"HassTurnOn","slots":{"brightness":50,"name":"desk lamp"}}`, false},
		{"no JSON", `{"intent":"HassLightSet","slots":{`, false},
		{"empty", ``, false},
	} {
		if got := Correct(want, c.answer); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	if !Correct(dataset.Example{Reply: "a plan"}, " a plan\n") || Correct(dataset.Example{Reply: "a plan"}, "another") {
		t.Error("a record's answer is compared as text")
	}
}

func TestSameValue(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		want, got any
		same      bool
	}{
		{[]any{"pizza ", "pizza"}, "pizza", true}, {[]any{"tea"}, "pizza", false},
		{float64(5), float64(5), true}, {float64(5), "5", true}, {20.5, 20.5, true}, {"On", "on", true},
	} {
		if got := sameValue(c.want, c.got); got != c.same {
			t.Errorf("%v and %v: %v", c.want, c.got, got)
		}
	}
}

func TestValidation(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, validationFile)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	lines := `{"lang":"en","file":"tests/en/HassTurnOn/x.yaml","sentences":["a","b"],"intent":null,"slots":null,"context":null}
{"lang":"en","file":"tests/en/light_HassTurnOff.yaml","sentences":["lights off here"],"intent":null,"slots":{"area":"Den","domain":"light"},"context":{"area":"Den"}}
{"lang":"zh-cn","file":"x","sentences":["c"],"intent":"HassNevermind","slots":{},"context":null}
`
	if err := os.WriteFile(file, []byte(lines), 0o644); err != nil {
		t.Fatal(err)
	}
	cases, err := validation(dir)
	if err != nil {
		t.Fatal(err)
	}
	intents := []string{"HassTurnOn", "HassTurnOn", "HassTurnOff", "HassNevermind"}
	for i, c := range cases {
		if c.Intent != intents[i] {
			t.Errorf("%q: intent %s, want %s", c.Text, c.Intent, intents[i])
		}
	}
	if cases[0].Slots != nil || len(cases[2].Slots) != 1 || cases[2].Slots["domain"] != "light" {
		t.Errorf("slots %v and %v: the microphone's area is not expected", cases[0].Slots, cases[2].Slots)
	}
	if _, err := validation(t.TempDir()); err == nil || !strings.Contains(err.Error(), "validation sentences") {
		t.Errorf("no file: %v", err)
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	r := Report{Model: "m", Languages: map[string]*Score{}}
	want := Case{Lang: "en", Text: "lamp on", Intent: "HassTurnOn", Slots: map[string]any{"name": "lamp"}}
	r.add(want, Answer{Text: `{"intent":"HassTurnOn","slots":{"name":"lamp"}}`}, true)
	r.add(want, Answer{Text: `{"intent":"HassTurnOn","slots":{"name":"camp"}}`}, true)
	r.add(want, Answer{Text: `{"intent":"none","slots":{}}`}, false)
	r.add(want, Answer{Text: `rubbish`}, false)
	r.addForeign(Answer{Text: `{"intent":"none","slots":{}}`}, false)
	r.addForeign(Answer{Text: `{"intent":"HassTurnOn","slots":{}}`}, true)
	if got, want := *r.Languages["en"], (Score{Sentences: 4, Intent: 2, SlotsScored: 4, Slots: 1, ValidJSON: 3, Answered: 2, AnsweredOff: 1, Declined: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if r.Foreign != (Foreign{2, 1, 1}) || len(r.Misses) != 3 || r.IntentAccuracy("en") != 0.5 {
		t.Errorf("%+v, %d misses", r.Foreign, len(r.Misses))
	}
	var out bytes.Buffer
	if err := r.Print(&out); err != nil || !strings.Contains(out.String(), "50.0%") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

func TestParallelStopsAtAnError(t *testing.T) {
	t.Parallel()
	bad := errors.New("bad")
	var calls atomic.Int32
	err := parallel(context.Background(), 1000, 4, nil, func(i int) error {
		calls.Add(1)
		if i == 3 {
			return bad
		}
		return nil
	})
	if !errors.Is(err, bad) || calls.Load() == 1000 {
		t.Errorf("%v after %d calls", err, calls.Load())
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := parallel(ctx, 10, 2, nil, func(int) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
