// Package evaluate measures a router on answers whose worth is known: whether
// its promise holds over many splits, how it compares with simpler scores, and
// what it saves between a weak and a strong model.
//
// It reads files of labelled answers and of outcomes, judges free text with a
// [Comparer], and draws curves. Nothing of it runs on a device; the arithmetic
// of confidence and threshold itself is in package router/calibrate.
package evaluate

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/a472be26/cusp/router/calibrate"
)

// Record is one line of a file of labelled answers: a question, what a model
// said to it, and whether that was right. What is missing of answer, tokens and
// verdict is to be made by asking the model and comparing with the reference.
type Record struct {
	ID       string `json:"id,omitempty"`
	Source   string `json:"source,omitempty"` // data set, for people
	Question string `json:"question,omitempty"`
	// Messages are a conversation as chat APIs have it, in place of Question.
	// An assistant's message at its end is the reference.
	Messages []Message `json:"messages,omitempty"`
	Answer   string    `json:"answer,omitempty"`
	// Reference is the right answer, a string or any other JSON value.
	Reference json.RawMessage `json:"reference,omitempty"`
	Correct   *bool           `json:"correct,omitempty"`  // nil: compare with Reference
	Declined  bool            `json:"declined,omitempty"` // the model passed the question on
	// Tokens of the answer; or the rule's inputs themselves, by name.
	Tokens   []calibrate.Token  `json:"tokens,omitempty"`
	Features map[string]float64 `json:"features,omitempty"`
	// Entropies of the softmax at each token, in nats; only to compare with.
	Entropies    []float32 `json:"entropies,omitempty"`
	PromptTokens int       `json:"prompt_tokens,omitempty"` // only to reckon costs
	// Model is the SHA-256 of the weights that answered, hexadecimal.
	Model string `json:"model,omitempty"`
}

// Message is one turn of a conversation.
type Message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// maxLine bounds one line of a file.
const maxLine = 4 << 20

// ReadRecords reads labelled answers, one JSON object a line; name is for
// errors. Empty lines are passed over, unknown members are ignored.
func ReadRecords(r io.Reader, name string) ([]Record, error) {
	var out []Record
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	n := 0
	for lines.Scan() {
		n++
		if len(strings.TrimSpace(lines.Text())) == 0 {
			continue
		}
		var rec Record
		err := json.Unmarshal(lines.Bytes(), &rec)
		if err == nil {
			err = rec.settle()
		}
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, n, err)
		}
		out = append(out, rec)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s:%d: %w", name, n+1, err)
	}
	return out, nil
}

// settle moves question and reference out of the messages, and refuses a
// record from which nothing can be learned.
func (r *Record) settle() error {
	if n := len(r.Messages); n > 0 && r.Messages[n-1].Role == "assistant" && r.Reference == nil {
		text, err := json.Marshal(r.Messages[n-1].Content)
		if err != nil {
			return err
		}
		r.Reference, r.Messages = text, r.Messages[:n-1]
	}
	for _, m := range r.Messages {
		if m.Role == "user" {
			r.Question = m.Content
		}
	}
	switch {
	case r.Correct == nil && r.Reference == nil && !r.Declined:
		return errors.New(`neither "correct" nor "reference": nothing tells whether the answer is right`)
	case !r.Answered() && r.Question == "":
		return errors.New(`neither "tokens" nor "features" nor "question": there is no confidence to be had`)
	case len(r.Entropies) > 0 && len(r.Entropies) != len(r.Tokens):
		return fmt.Errorf("entropies are of %d tokens, there are %d", len(r.Entropies), len(r.Tokens))
	}
	return nil
}

// Answered is whether the record has what a confidence is made of; if not, the
// model has to be asked.
func (r *Record) Answered() bool { return len(r.Tokens) > 0 || len(r.Features) > 0 }

// ReferenceText is the right answer as text: a string as it is, other JSON compact.
func (r *Record) ReferenceText() string {
	var s string
	if json.Unmarshal(r.Reference, &s) == nil {
		return s
	}
	return string(r.Reference)
}

// WriteRecords writes one JSON object a line.
func WriteRecords(w io.Writer, records []Record) error {
	out := bufio.NewWriter(w)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for _, r := range records {
		if err := encoder.Encode(r); err != nil {
			return err
		}
	}
	return out.Flush()
}
