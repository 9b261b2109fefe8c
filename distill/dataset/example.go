// Package dataset makes the examples that the built-in models learn from: a
// question and the one compact JSON tool call that answers it.
//
// Three sources are mixed. Sentence templates: a command grammar of our own in
// English and Chinese (data/*.yaml), and, when the data directory has it, the
// sentence templates of Home Assistant, which use the same notation. Texts
// that are no device command, from our own templates and from public intent
// data sets; their answer is the decline. And records, which are chats that a
// device could not answer itself.
//
// Everything is deterministic for a seed. The validation file and every file
// under a "tests" folder are never read here.
package dataset

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// None is the intent of a text that is no device command.
const None = "none"

// Slots are the arguments of a tool call. Values are string, int or float64.
type Slots map[string]any

// Example is one question with its answer.
type Example struct {
	Lang   string `json:"lang"`   // "en", "zh-cn"; empty for records
	Source string `json:"source"` // where it comes from: "ours", "hass", "clinc150", ...
	Text   string `json:"text"`
	Intent string `json:"intent,omitempty"`
	Slots  Slots  `json:"slots,omitempty"`
	// Reply is the answer of a record; it is used as it stands.
	Reply string `json:"reply,omitempty"`
}

// Answer is the text that the model has to write.
func (e Example) Answer() string {
	if e.Reply != "" {
		return e.Reply
	}
	return Call(e.Intent, e.Slots)
}

// Decline is the answer to a text that is no device command.
var Decline = Call(None, nil)

// Call writes a tool call as compact JSON with the slots in alphabetical order.
func Call(intent string, slots Slots) string {
	if slots == nil {
		slots = Slots{}
	}
	return fmt.Sprintf(`{"intent":%s,"slots":%s}`, compact(intent), compact(slots))
}

// compact is json.Marshal without HTML escaping. Its inputs are strings and
// maps of plain values, which always encode.
func compact(v any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(fmt.Sprintf("dataset: slot value that is no JSON: %v", err))
	}
	return strings.TrimSuffix(b.String(), "\n")
}
