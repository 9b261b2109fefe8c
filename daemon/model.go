package daemon

import (
	"context"
	"time"

	"github.com/a472be26/cusp/infer"
	"github.com/a472be26/cusp/router"
)

// Model is a loaded model that can answer. Safe for concurrent use until Close.
type Model interface {
	router.Local
	Info() ModelInfo
	// Settle is called once the model serves, for what need not be done before;
	// it returns at once, and may come after Close.
	Settle()
	// Pulse is the engine's sign of life; it may be asked for after Close.
	Pulse() infer.Pulse
	// Close frees the model; nothing uses it any more then.
	Close() error
}

// ModelInfo is what is known of a model from its bundle.
type ModelInfo struct {
	Name       string    `json:"name"`
	Version    string    `json:"version,omitempty"` // empty for a plain file
	Bundle     string    `json:"bundle,omitempty"`  // SHA-256 of the manifest
	File       string    `json:"file"`              // where it was loaded from, or "built-in"
	Signed     bool      `json:"signed"`
	Signer     string    `json:"signer,omitempty"` // key id
	License    string    `json:"license,omitempty"`
	Created    time.Time `json:"created,omitzero"`
	Calibrated bool      `json:"calibrated"`
	// What the file says of its weights; empty where it was not looked into.
	Architecture string    `json:"architecture,omitempty"` // "llama"
	Types        string    `json:"types,omitempty"`        // "38 Q8_0, 19 F32"
	Place        Place     `json:"place"`                  // where it computes
	Golden       []Golden  `json:"-"`                      // answers that the self-test expects
	Origin       Candidate `json:"-"`                      // set by Models
}

// Model is how the router names it.
func (i ModelInfo) Model() router.Model {
	return router.Model{Name: i.Name, Version: i.Version, Bundle: i.Bundle}
}

func (i ModelInfo) String() string { return i.Model().String() }

// Golden is a prompt with the text that the model's maker got for it, greedy.
type Golden struct {
	Prompt string `json:"prompt"`
	Text   string `json:"text"`
}

// Loader verifies and opens a model beside whatever is serving.
type Loader interface {
	Load(ctx context.Context, c Candidate) (Model, error)
}
