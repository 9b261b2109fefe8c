package dataset

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func small(seed uint64) Options {
	return Options{Seed: seed, OursEnglish: 1500, OursChinese: 1200, DeclineEnglish: 300, DeclineChinese: 300, Floor: 10}
}

func build(t *testing.T, dir string, o Options) *Set {
	t.Helper()
	s, err := Build(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestBuildIsDeterministic(t *testing.T) {
	t.Parallel()
	a, b := build(t, "", small(7)), build(t, "", small(7))
	if !reflect.DeepEqual(a, b) {
		t.Error("the same seed gives different examples")
	}
	if c := build(t, "", small(8)); reflect.DeepEqual(a.Train, c.Train) {
		t.Error("another seed gives the same examples")
	}
}

func TestCalibrationIsHeldOut(t *testing.T) {
	t.Parallel()
	s := build(t, "", small(1))
	known := map[string]bool{}
	for _, e := range s.Train {
		known[fold(e.Text)] = true
	}
	for _, e := range s.Calibration {
		if known[fold(e.Text)] {
			t.Errorf("held-out text %q is in the training set", e.Text)
		}
	}
	if n := len(s.Calibration); n < len(s.Train)/20 || n > len(s.Train)/3 {
		t.Errorf("%d held out of %d", n, len(s.Train))
	}
}

// A model can only copy what stands in the question.
func TestNamesAreCopied(t *testing.T) {
	t.Parallel()
	for _, e := range build(t, "", small(2)).Train {
		for _, slot := range []string{"name", "area", "floor", "item", "message", "search_query", "conversation_command"} {
			v, ok := e.Slots[slot].(string)
			if ok && v != "all" && !strings.Contains(e.Text, v) {
				t.Errorf("%q: slot %s is %q, which is not in the text", e.Text, slot, v)
			}
		}
	}
}

func TestEveryIntentIsThere(t *testing.T) {
	t.Parallel()
	count := map[string]int{}
	for _, e := range build(t, "", small(3)).Train {
		count[e.Lang+" "+e.Intent]++
	}
	for _, intent := range []string{None, "HassTurnOn", "HassTurnOff", "HassLightSet", "HassGetState", "HassStartTimer", "HassVacuumReturnToBase",
		"HassSetVolume", "HassClimateSetTemperature", "HassMediaPause", "HassNevermind", "HassGetCurrentTime"} {
		for _, lang := range []string{English, Chinese} {
			if n := count[lang+" "+intent]; n < 5 {
				t.Errorf("%s %s: %d examples, want at least 5", lang, intent, n)
			}
		}
	}
}

func TestDeclinesHaveNoSlots(t *testing.T) {
	t.Parallel()
	for _, e := range build(t, "", small(4)).Train {
		if e.Intent == None && e.Answer() != Decline {
			t.Errorf("%q: %s", e.Text, e.Answer())
		}
	}
}

func TestAnswer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		e    Example
		want string
	}{
		{Example{Intent: None}, `{"intent":"none","slots":{}}`},
		{Example{Intent: "HassTurnOn", Slots: Slots{"name": "tom's <lamp>", "area": "den"}}, `{"intent":"HassTurnOn","slots":{"area":"den","name":"tom's <lamp>"}}`},
		{Example{Intent: "HassLightSet", Slots: Slots{"brightness": 50, "name": "灯"}}, `{"intent":"HassLightSet","slots":{"brightness":50,"name":"灯"}}`},
		{Example{Reply: "as it stands"}, "as it stands"},
	} {
		if got := c.e.Answer(); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
}

// A data directory in miniature: templates in Home Assistant's layout, one
// public data set, one record.
func TestBuildFromDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "intents/home_assistant/sentences/en/_common.yaml", "language: en\nlists:\n  room_color:\n    values: [{in: teal, out: turquoise}]\nexpansion_rules:\n  paint: (paint|colour)\n")
	write(t, dir, "intents/home_assistant/sentences/en/light_HassLightSet.yaml", "language: en\nintents:\n  HassLightSet:\n    data:\n      - sentences: [\"<paint> {area} {room_color:color}\"]\n        slots: {domain: light}\n")
	write(t, dir, "intents/home_assistant/tests/en/light_HassLightSet.yaml", "not: [a, template")
	write(t, dir, "records/a.jsonl", `{"messages":[{"role":"user","content":"make me a plan"},{"role":"assistant","content":"step one"}]}`+"\n"+`{"messages":[{"role":"user","content":"still open"}]}`+"\n"+`{"privacy":"private","messages":[{"role":"user","content":"secret"},{"role":"assistant","content":"secret"}]}`)
	s := build(t, dir, Options{Seed: 1, HassEnglish: 30})
	var hass, records int
	for _, e := range append(s.Train, s.Calibration...) {
		switch e.Source {
		case SourceHass:
			hass++
			if e.Slots["color"] != "turquoise" || e.Slots["domain"] != "light" || e.Slots["area"] == nil {
				t.Errorf("%q: %v", e.Text, e.Slots)
			}
		case "records":
			records++
			if e.Answer() != "step one" {
				t.Errorf("record: %q", e.Answer())
			}
		}
	}
	if hass < 20 || records != 1 {
		t.Errorf("%d from templates, %d records", hass, records)
	}
	open, err := OpenQuestions(dir)
	if err != nil || len(open) != 1 || open[0] != "still open" {
		t.Errorf("open questions: %q, %v", open, err)
	}
}

func TestBuildWithoutHass(t *testing.T) {
	t.Parallel()
	_, err := Build(t.TempDir(), Options{HassEnglish: 10})
	if err == nil || !strings.Contains(err.Error(), "hass_en = 0") {
		t.Errorf("%v, want a hint", err)
	}
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestSaveLoad(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "x.jsonl")
	want := []Example{{Lang: English, Source: SourceOurs, Text: "a <b>", Intent: "HassTurnOn", Slots: Slots{"name": "b"}}}
	if err := Save(file, want); err != nil {
		t.Fatal(err)
	}
	if got, err := Load(file); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v", got, err)
	}
}
