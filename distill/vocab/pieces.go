package vocab

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/a472be26/cusp/distill/dataset"
)

// closed are the slots whose values are a short list of names; each pair of
// slot and value becomes one token.
var closed = []string{"color", "device_class", "domain", "media_class"}

// canonicalStates are the states that are not words of the question.
var canonicalStates = []any{"on", "off", "open", "closed", "opening", "closing", "locked", "unlocked"}

// Pieces are the parts of tool calls that get a token of their own: how a call
// begins, and the names of its slots. An answer then is about eight tokens
// long, mostly the words that it copies.
func Pieces(examples []dataset.Example) []string {
	pieces := map[string]bool{}
	for _, e := range examples {
		if e.Reply != "" {
			continue
		}
		pieces[fmt.Sprintf(`{"intent":%q,"slots":{`, e.Intent)] = true
		for slot, v := range e.Slots {
			pieces[slotPiece(slot, v)] = true
		}
	}
	return slices.Sorted(maps.Keys(pieces))
}

func slotPiece(slot string, v any) string {
	text, ok := v.(string)
	switch {
	case !ok:
		return fmt.Sprintf("%q:", slot)
	case slices.Contains(closed, slot), slot == "state" && slices.Contains(canonicalStates, v), slot == "name" && v == "all":
		value, _ := json.Marshal(text) // a string always encodes
		return fmt.Sprintf("%q:%s", slot, value)
	}
	return fmt.Sprintf(`%q:"`, slot)
}

// Copied are the values of examples that stand in their texts: names, numbers.
func Copied(examples []dataset.Example) []string {
	var out []string
	for _, e := range examples {
		for _, slot := range slices.Sorted(maps.Keys(e.Slots)) {
			v := fmt.Sprint(e.Slots[slot])
			open := !strings.Contains(slotPiece(slot, e.Slots[slot]), v)
			if open && strings.Contains(e.Text, v) {
				out = append(out, v)
			}
		}
	}
	return out
}
