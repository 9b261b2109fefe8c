package api

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/a472be26/cusp/router"
)

// Classifier tells classes of texts. Safe for concurrent use.
type Classifier interface {
	Classify(ctx context.Context, texts []Text) (Classes, error)
}

// Classes are those of some texts, in their order.
type Classes struct {
	Model         string
	Labels        []string    // their names
	Probabilities [][]float64 // [texts][Labels]
	Tokens        int         // of all texts together
}

// wireClassify is a request for classes. It is not OpenAI's, which has none, but
// as vLLM has it.
type wireClassify struct {
	Model string          `json:"model"`
	Input json.RawMessage `json:"input"`
}

// ClassifyRequest is a decoded request for classes.
type ClassifyRequest struct {
	Model string
	Texts []Text
}

// DecodeClassify reads the body of a request for classes.
func DecodeClassify(body []byte) (ClassifyRequest, error) {
	var w wireClassify
	if err := decodeBody(body, &w); err != nil {
		return ClassifyRequest{}, err
	}
	all, err := texts(w.Input, "input", maxInputs)
	return ClassifyRequest{w.Model, all}, err
}

type classification struct {
	ID      string         `json:"id"`
	Object  string         `json:"object"`
	Created int64          `json:"created"`
	Model   string         `json:"model"`
	Labels  []string       `json:"labels"` // not vLLM's: what probs are of
	Data    []classOfText  `json:"data"`
	Usage   embeddingUsage `json:"usage"`
}

type classOfText struct {
	Index   int       `json:"index"`
	Label   string    `json:"label"` // the likeliest
	Probs   []float64 `json:"probs"`
	Classes int       `json:"num_classes"`
}

// classify answers POST /v1/classify.
func (s *Server) classify(w http.ResponseWriter, r *http.Request) {
	created := time.Now()
	body, err := s.body(w, r)
	if err != nil {
		s.fail(w, asError(err))
		return
	}
	req, err := DecodeClassify(body)
	if err == nil && req.Model != "" && req.Model != anyModel {
		_, err = s.find(req.Model)
	}
	if err == nil && s.o.Classifier == nil {
		err = NoClassifier()
	}
	if err != nil {
		s.fail(w, asError(err))
		return
	}
	c, err := s.o.Classifier.Classify(r.Context(), req.Texts)
	if err != nil {
		s.failed(w, r, router.Question{}, err)
		return
	}
	s.send(w, http.StatusOK, c.list(created))
}

// NoClassifier says that no model tells classes of texts.
func NoClassifier() *Error {
	e := notFound("no model that classifies texts is loaded; serve one with such a head, such as a BertForSequenceClassification, or name it in the configuration, [embeddings] model")
	e.Param, e.Code = "model", "model_not_found"
	return e
}

func (c Classes) list(created time.Time) classification {
	out := classification{
		ID: "classify-" + router.NewID(), Object: "list", Created: created.Unix(), Model: c.Model, Labels: c.Labels,
		Data: []classOfText{}, Usage: embeddingUsage{c.Tokens, c.Tokens},
	}
	for i, p := range c.Probabilities {
		out.Data = append(out.Data, classOfText{Index: i, Label: c.Labels[slices.Index(p, slices.Max(p))], Probs: p, Classes: len(p)})
	}
	return out
}
