package iot

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"github.com/a472be26/cusp/router"
)

// Bounds of one payload.
const (
	MaxAskBytes  = 1 << 20
	maxMessages  = 1024
	maxTokens    = 1 << 20
	maxDeadline  = 7 * 24 * time.Hour
	maxToolBytes = 256 << 10
)

// Ask is the payload of a question, one JSON object. Exactly one of Prompt and
// Messages is given.
type Ask struct {
	ID         string           `json:"id"`
	Prompt     string           `json:"prompt,omitempty"`
	Messages   []router.Message `json:"messages,omitempty"`
	DeadlineMS *int64           `json:"deadline_ms,omitempty"` // from the arrival on
	Privacy    string           `json:"privacy,omitempty"`     // "private" or "public"
	Priority   int              `json:"priority,omitempty"`    // among those that wait for the cloud; the highest goes first
	Stream     bool             `json:"stream,omitempty"`      // answer in pieces
	MaxTokens  int              `json:"max_tokens,omitempty"`
	Tools      json.RawMessage  `json:"tools,omitempty"` // an array, passed on to the cloud
}

// DecodeAsk reads a payload. Unlike the HTTP API it refuses unknown members:
// a misspelt "privacy" must not send a private question to the cloud. With an
// error the returned Ask has its ID if that much could be read, so that the
// asker can be told.
func DecodeAsk(payload []byte) (Ask, error) {
	if len(payload) > MaxAskBytes {
		return Ask{}, fmt.Errorf("payload has %d bytes; at most %d are taken", len(payload), MaxAskBytes)
	}
	if !utf8.Valid(payload) {
		return Ask{}, errors.New("payload is not valid UTF-8")
	}
	var a Ask
	d := json.NewDecoder(bytes.NewReader(payload))
	d.DisallowUnknownFields()
	if err := d.Decode(&a); err != nil {
		return Ask{ID: salvageID(payload)}, fmt.Errorf("payload: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return Ask{ID: salvageID(payload)}, errors.New("payload: more data after the JSON object")
	}
	if err := router.CheckID(a.ID); err != nil {
		return Ask{}, err
	}
	if err := a.check(); err != nil {
		return Ask{ID: a.ID}, err
	}
	return a, nil
}

// check refuses values out of bounds, naming the member.
func (a Ask) check() error {
	switch {
	case (a.Prompt == "") == (len(a.Messages) == 0):
		return errors.New("exactly one of prompt and messages must be given and not be empty")
	case len(a.Messages) > maxMessages:
		return fmt.Errorf("messages has %d entries; at most %d are taken", len(a.Messages), maxMessages)
	case a.Privacy != "" && a.Privacy != "public" && a.Privacy != string(router.Private):
		return fmt.Errorf(`privacy is %.40q; it must be "private" or "public"`, a.Privacy)
	case a.DeadlineMS != nil && (*a.DeadlineMS < 1 || *a.DeadlineMS > maxDeadline.Milliseconds()):
		return fmt.Errorf("deadline_ms is %d; it must be between 1 and %d", *a.DeadlineMS, maxDeadline.Milliseconds())
	case a.Priority < -router.MaxPriority || a.Priority > router.MaxPriority:
		return fmt.Errorf("priority is %d; it must be between %d and %d", a.Priority, -router.MaxPriority, router.MaxPriority)
	case a.MaxTokens < 0 || a.MaxTokens > maxTokens:
		return fmt.Errorf("max_tokens is %d; it must be between 0 and %d", a.MaxTokens, maxTokens)
	case len(a.Tools) > maxToolBytes:
		return fmt.Errorf("tools has %d bytes; at most %d are taken", len(a.Tools), maxToolBytes)
	}
	if err := checkTools(a.Tools); err != nil {
		return err
	}
	for i, m := range a.Messages {
		switch m.Role {
		case "system", "developer", "user", "assistant", "tool":
		default:
			return fmt.Errorf("messages[%d].role is %.40q; it must be system, developer, user, assistant or tool", i, m.Role)
		}
	}
	return nil
}

func checkTools(raw json.RawMessage) error {
	var list []map[string]json.RawMessage
	if len(raw) > 0 && json.Unmarshal(raw, &list) != nil {
		return errors.New("tools must be an array of objects")
	}
	return nil
}

// Question is what the router is asked; now is when the payload arrived.
func (a Ask) Question(now time.Time) router.Question {
	q := router.Question{ID: a.ID, Messages: a.Messages, Priority: a.Priority, Asker: "iot"}
	q.Options.MaxTokens, q.Options.Tools = a.MaxTokens, a.Tools
	if a.Prompt != "" {
		q.Messages = []router.Message{{Role: "user", Content: a.Prompt}}
	}
	if a.Privacy == string(router.Private) {
		q.Privacy = router.Private
	}
	if a.DeadlineMS != nil {
		q.Deadline = now.Add(time.Duration(*a.DeadlineMS) * time.Millisecond)
	}
	return q
}

// salvageID finds a valid id in a payload that is otherwise wrong, or "".
func salvageID(payload []byte) string {
	var only struct {
		ID string `json:"id"`
	}
	if json.NewDecoder(bytes.NewReader(payload)).Decode(&only) != nil || router.CheckID(only.ID) != nil {
		return ""
	}
	return only.ID
}
