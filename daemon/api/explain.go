package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/a472be26/cusp/router"
)

// Explainer says what would become of a question. Safe for concurrent use.
type Explainer interface {
	Explain(ctx context.Context, q router.Question) (router.Explanation, error)
}

// wireExplain is a chat completion request, and who would send it how.
type wireExplain struct {
	wireRequest
	Client string `json:"client"` // "api", "api:USER", "iot"; empty: "api"
	Topic  string `json:"topic"`  // MQTT topic
}

// DecodeExplain reads the body of a request for an explanation.
func DecodeExplain(body []byte, now time.Time) (router.Question, error) {
	var w wireExplain
	if err := decodeBody(body, &w); err != nil {
		return router.Question{}, err
	}
	req, err := w.request(now)
	if err != nil {
		return router.Question{}, err
	}
	q := req.Question
	if w.Client != "" {
		q.Asker, q.User, _ = strings.Cut(w.Client, ":")
	}
	q.Topic = w.Topic
	return q, nil
}

// explain answers POST /v1/cusp/explain.
func (s *Server) explain(w http.ResponseWriter, r *http.Request) {
	body, err := s.body(w, r)
	if err != nil {
		s.fail(w, asError(err))
		return
	}
	q, err := DecodeExplain(body, time.Now())
	if err == nil && s.o.Explainer == nil {
		err = notFound("this daemon explains nothing")
	}
	if err != nil {
		s.fail(w, asError(err))
		return
	}
	e, err := s.o.Explainer.Explain(r.Context(), q)
	if err != nil {
		s.failed(w, r, q, err)
		return
	}
	s.send(w, http.StatusOK, e)
}

// Explain asks what would become of a question. Its Asker, User and Topic say who would
// ask it how.
func (c *Client) Explain(ctx context.Context, q router.Question) (router.Explanation, error) {
	body, err := json.Marshal(struct {
		sentRequest
		Client string `json:"client,omitempty"`
		Topic  string `json:"topic,omitempty"`
	}{clientRequest(q), q.Client(), q.Topic})
	if err != nil {
		return router.Explanation{}, fmt.Errorf("encode the question: %w", err)
	}
	resp, err := c.do(ctx, http.MethodPost, "/v1/cusp/explain", body)
	if err != nil {
		return router.Explanation{}, err
	}
	defer resp.Body.Close()
	var e router.Explanation
	if err := json.NewDecoder(resp.Body).Decode(&e); err != nil {
		return router.Explanation{}, fmt.Errorf("reply to /v1/cusp/explain: %w", err)
	}
	return e, nil
}
