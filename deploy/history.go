package deploy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/a472be26/cusp/packaging/bundle"
)

// historyFile lies in MODELS/NAME: one JSON object a line, oldest first. Model packages append to it as well.
const historyFile = "history.jsonl"

// Event is one change of the current version.
type Event struct {
	Time   time.Time `json:"time"`
	Action string    `json:"action"` // "install" (a package), "activate", "rollback"
	Model  string    `json:"model"`
	From   string    `json:"from"` // "" if no version was current
	To     string    `json:"to"`
	Bundle string    `json:"bundle,omitempty"` // SHA-256 of the manifest that became current
}

// History returns what happened to a model on this device, oldest first. A line that a power cut left half-written
// is passed over: the link is the truth, the history only tells how it came about.
func (d Device) History(name string) ([]Event, error) {
	if err := bundle.CheckName(name); err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	text, err := os.ReadFile(filepath.Join(d.Models, name, historyFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("history of %s: %w", name, err)
	}
	var events []Event
	for line := range bytes.Lines(text) {
		var e Event
		if json.Unmarshal(line, &e) == nil && e.Model == name {
			events = append(events, e)
		}
	}
	return events, nil
}

func (d Device) record(e Event) error {
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(d.Models, e.Model, historyFile), os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	if torn(f) {
		line = append([]byte{'\n'}, line...)
	}
	// One write of one line: events of two processes never mix.
	if _, err := f.Write(append(line, '\n')); err != nil {
		return err
	}
	return f.Sync()
}

// torn reports whether the last line has no end; the next one must not be appended to it.
func torn(f *os.File) bool {
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return false
	}
	last := make([]byte, 1)
	_, err = f.ReadAt(last, info.Size()-1)
	return err == nil && last[0] != '\n'
}
