package daemon

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// rejection remembers the model that failed its trial, over restarts: a start
// has nothing to compare with and would take it.
type rejection struct {
	file string // "" keeps it in memory only
	last *rejected
}

// rejected is a candidate as it lay on disk, and why it was refused.
type rejected struct {
	Path  string    `json:"path"`
	Since time.Time `json:"since"`
	Size  int64     `json:"size"`
	Error string    `json:"error"`
	Time  time.Time `json:"time"`
}

// openRejection reads the file, if there is one. One that cannot be read is
// forgotten: at worst a model is tried again.
func openRejection(dir string) (*rejection, error) {
	r := &rejection{file: filepath.Join(dir, "rejected.json")}
	text, err := os.ReadFile(r.file)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &r.last)
	}
	if err != nil {
		return r, fmt.Errorf("rejected model is not remembered: %s: %w", r.file, err)
	}
	return r, nil
}

// of tells why c was rejected, nil if it was not, or was put there anew.
func (r *rejection) of(c Candidate) error {
	if r == nil || r.last == nil || r.last.Path != c.Path || r.last.Size != c.Size || !r.last.Since.Equal(c.Since) {
		return nil
	}
	return fmt.Errorf("it failed its trial at %s (%s); install another version, activate this one again, or set model.canary.share = 0",
		r.last.Time.Format(time.RFC3339), r.last.Error)
}

// remember replaces the last one.
func (r *rejection) remember(c Candidate, why error) error {
	if r == nil {
		return nil
	}
	r.last = &rejected{Path: c.Path, Since: c.Since, Size: c.Size, Error: why.Error(), Time: time.Now().UTC()}
	if r.file == "" {
		return nil
	}
	text, err := json.Marshal(r.last)
	if err == nil {
		err = os.WriteFile(r.file+".new", append(text, '\n'), 0o600)
	}
	if err == nil {
		err = os.Rename(r.file+".new", r.file)
	}
	if err != nil {
		return fmt.Errorf("rejected model is forgotten at the next restart: %w", err)
	}
	return nil
}
