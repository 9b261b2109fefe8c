// Package router decides, for every question, whether this device answers or
// the cloud does, and leaves a receipt that says why.
//
// It knows neither the engine nor MQTT: the daemon hands it a [Local] and a
// [Cloud], so that every decision can be tested with two fakes. The decision
// itself is the pure function [Decide]; nothing else in the program decides.
package router

import (
	"encoding/json"
	"fmt"
	"time"
)

// Message is one turn of a conversation. Role is "system", "developer",
// "user", "assistant" or "tool".
type Message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// Privacy is the promise that a question carries.
type Privacy string

// A private question never leaves the device and never enters a training set.
const (
	Public  Privacy = ""
	Private Privacy = "private"
)

// Question is a request for one answer, as it arrives from the socket API or
// from MQTT, as it waits in the outbox and as it travels to the cloud.
type Question struct {
	ID       string    `json:"id"`
	Messages []Message `json:"messages"`
	Options  Options   `json:"options"`
	Privacy  Privacy   `json:"privacy,omitempty"`
	// Deadline is when the asker stops waiting; zero means no deadline.
	Deadline time.Time `json:"deadline,omitzero"`
	// Asker says who asked: "api", or "iot" for a question over MQTT. A late
	// answer goes back the same way.
	Asker string `json:"asker,omitempty"`
}

// Options are the generation settings of one question. Nil and zero mean the
// model's default.
type Options struct {
	MaxTokens   int             `json:"max_tokens,omitempty"`
	Temperature *float64        `json:"temperature,omitempty"`
	TopP        *float64        `json:"top_p,omitempty"`
	TopK        int             `json:"top_k,omitempty"`
	MinP        float64         `json:"min_p,omitempty"`
	Repetition  float64         `json:"repetition_penalty,omitempty"`
	Seed        *int64          `json:"seed,omitempty"`
	Stop        []string        `json:"stop,omitempty"`
	IgnoreEOS   bool            `json:"ignore_eos,omitempty"` // go on until MaxTokens; for measuring
	Tools       json.RawMessage `json:"tools,omitempty"`      // as in the OpenAI API; passed on to the cloud
}

// greedy reports whether the most likely token is taken at every step, which is
// how calibrations are made.
func (o Options) greedy() bool {
	return (o.Temperature == nil || *o.Temperature == 0) && (o.Repetition == 0 || o.Repetition == 1)
}

// MaxIDBytes bounds the id of a question or a device.
const MaxIDBytes = 128

// CheckID tells whether an id, of a question or a device, can be a level of an
// MQTT topic, a part of a URL and a key in every store.
func CheckID(id string) error {
	if id == "" || len(id) > MaxIDBytes {
		return fmt.Errorf("id has %d bytes; it must have between 1 and %d", len(id), MaxIDBytes)
	}
	for _, c := range []byte(id) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && c != '-' && c != '_' && c != '.' && c != ':' {
			return fmt.Errorf("id %q has characters other than letters, digits, '-', '_', '.' and ':'", id)
		}
	}
	if id == "." || id == ".." {
		return fmt.Errorf("id %q is not allowed", id)
	}
	return nil
}
