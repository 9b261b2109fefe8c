package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/a472be26/cusp/router"
)

// Entry is what happened to one question. A question may have several: the
// provisional answer first, the cloud's answer later.
type Entry struct {
	Question router.Question `json:"question"`
	Answer   string          `json:"answer"`
	// ToolCalls are those that the answer wants made.
	ToolCalls []router.ToolCall `json:"tool_calls,omitempty"`
	Receipt   router.Receipt    `json:"receipt"`
	// LocalAnswer is what the local model said when the cloud was asked: with
	// Answer it is the lesson. Empty if a strained device did not ask it.
	LocalAnswer string `json:"local_answer,omitempty"`
}

// WithoutText is e with nothing left of the question but its receipt.
func (e Entry) WithoutText() Entry {
	q := router.Question{ID: e.Question.ID, Privacy: e.Question.Privacy, Asker: e.Question.Asker, Deadline: e.Question.Deadline}
	return Entry{Question: q, Receipt: e.Receipt}
}

// id is the question's, or the receipt's where the question has none.
func (e Entry) id() string {
	if e.Question.ID != "" {
		return e.Question.ID
	}
	return e.Receipt.ID
}

// line is an entry as it lies in the file: one JSON object with the CRC-32C
// of the bytes of its entry member.
type line struct {
	CRC   string          `json:"crc"` // 8 hexadecimal digits
	Entry json.RawMessage `json:"entry"`
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(data []byte) string { return fmt.Sprintf("%08x", crc32.Checksum(data, castagnoli)) }

// encode returns e as one line with its newline.
func encode(e Entry) ([]byte, error) {
	data, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(line{CRC: checksum(data), Entry: data})
	return append(text, '\n'), err
}

// errBroken is a line that is torn or was altered.
var errBroken = errors.New("line is torn or altered")

// decode reads one line, with or without its newline.
func decode(text []byte) (Entry, error) {
	var l line
	if err := json.Unmarshal(bytes.TrimSpace(text), &l); err != nil || l.CRC != checksum(l.Entry) {
		return Entry{}, errBroken
	}
	var e Entry
	if err := json.Unmarshal(l.Entry, &e); err != nil {
		return Entry{}, fmt.Errorf("decode record: %w", err)
	}
	return e, nil
}
