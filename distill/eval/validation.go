package eval

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/a472be26/cusp/distill/dataset"
)

// validationFile is the half of Home Assistant's test sentences that
// developers may look at. It is never trained on.
const validationFile = "intents/home_assistant/tests_en_zh-cn_half.jsonl"

// Case is one validation sentence.
type Case struct {
	Lang   string
	Text   string
	Intent string
	// Slots are the expected values; nil when the block does not state any.
	// A list means that any of its values is right.
	Slots map[string]any
}

// block is a line of the validation file.
type block struct {
	Lang      string
	File      string
	Sentences []string
	Intent    string
	Slots     map[string]any
	Context   map[string]any
}

// intentInPath finds the intent in "tests/en/HassTurnOn/x.yaml" and
// "tests/en/light_HassTurnOn.yaml".
var intentInPath = regexp.MustCompile(`Hass[A-Za-z]+`)

// Available reports whether dataDir holds the validation sentences.
func Available(dataDir string) bool {
	_, err := os.Stat(filepath.Join(dataDir, validationFile))
	return dataDir != "" && err == nil
}

func validation(dataDir string) ([]Case, error) {
	in, err := os.Open(filepath.Join(dataDir, validationFile))
	if err != nil {
		return nil, fmt.Errorf("validation sentences: %w", err)
	}
	defer in.Close()
	var cases []Case
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		var b block
		if err := json.Unmarshal(lines.Bytes(), &b); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", validationFile, n, err)
		}
		if b.Intent == "" {
			b.Intent = intentInPath.FindString(b.File)
		}
		for _, text := range b.Sentences {
			cases = append(cases, Case{Lang: b.Lang, Text: text, Intent: b.Intent, Slots: b.spoken(text)})
		}
	}
	return cases, lines.Err()
}

// spoken are the expected slots without the area that the place of the
// microphone gives: "turn on the lights here" does not say which room.
func (b block) spoken(text string) map[string]any {
	if b.Slots == nil {
		return nil
	}
	slots := map[string]any{}
	for k, v := range b.Slots {
		given, ok := b.Context[k]
		if ok && given == v && !strings.Contains(strings.ToLower(text), strings.ToLower(fmt.Sprint(v))) {
			continue
		}
		slots[k] = v
	}
	return slots
}

// call is a decoded answer.
type call struct {
	Intent string        `json:"intent"`
	Slots  dataset.Slots `json:"slots"`
}

// decode reads an answer; false when it is no tool call.
func decode(answer string) (call, bool) {
	var c call
	err := json.Unmarshal([]byte(answer), &c)
	return c, err == nil && c.Intent != ""
}

// sameSlots compares as Home Assistant matches names: without regard to case
// and outer space.
func sameSlots(want map[string]any, got dataset.Slots) bool {
	if len(want) != len(got) {
		return false
	}
	for k, w := range want {
		g, ok := got[k]
		if !ok || !sameValue(w, g) {
			return false
		}
	}
	return true
}

func sameValue(want, got any) bool {
	if choices, ok := want.([]any); ok {
		for _, c := range choices {
			if sameValue(c, got) {
				return true
			}
		}
		return false
	}
	return plain(want) == plain(got)
}

func plain(v any) string { return strings.ToLower(strings.TrimSpace(fmt.Sprint(v))) }

// Correct reports whether an answer is the expected call, intent and slots.
func Correct(want dataset.Example, answer string) bool {
	if want.Reply != "" {
		return strings.TrimSpace(answer) == strings.TrimSpace(want.Reply)
	}
	got, ok := decode(answer)
	return ok && got.Intent == want.Intent && sameSlots(want.Slots, got.Slots)
}
