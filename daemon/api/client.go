package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/a472be26/cusp/router"
)

// maxEvent is the longest line of a stream that the client reads.
const maxEvent = 4 << 20

// Client asks a daemon over its unix socket.
type Client struct {
	socket string
	http   *http.Client
}

// NewClient returns a client for the daemon on socket; nothing is opened yet.
func NewClient(socket string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}
	return &Client{socket: socket, http: &http.Client{Transport: &http.Transport{DialContext: dial}}}
}

// Ask sends the question and passes the text to onText as it arrives (nil: not
// wanted). An empty q.ID lets the daemon choose one. Refusals are [*Error].
func (c *Client) Ask(ctx context.Context, q router.Question, onText func(string) error) (router.Answer, error) {
	body, err := json.Marshal(clientRequest(q))
	if err != nil {
		return router.Answer{}, fmt.Errorf("encode the question: %w", err)
	}
	resp, err := c.do(ctx, http.MethodPost, "/v1/chat/completions", body)
	if err != nil {
		return router.Answer{}, err
	}
	defer resp.Body.Close()
	return readStream(resp.Body, onText)
}

// Why returns the answer with the given id and its receipt.
func (c *Client) Why(ctx context.Context, id string) (Entry, error) {
	var e Entry
	return e, c.get(ctx, "/v1/cusp/answers/"+url.PathEscape(id), &e)
}

// Status decodes the daemon's status into v.
func (c *Client) Status(ctx context.Context, v any) error { return c.get(ctx, "/v1/cusp/status", v) }

// Health returns nil when the daemon can answer.
func (c *Client) Health(ctx context.Context) error {
	var v struct{}
	return c.get(ctx, "/healthz", &v)
}

// Close lets go of idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

func (c *Client) get(ctx context.Context, path string, v any) error {
	resp, err := c.do(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(v); err != nil {
		return fmt.Errorf("reply to %s: %w", path, err)
	}
	return nil
}

// do sends one request; a reply other than 200 becomes an error. The host in
// the URL is only a form: the transport dials the socket.
func (c *Client) do(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://cusp"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.http.Do(req)
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return nil, fmt.Errorf("no daemon answers on %s (is `cusp serve` running?): %w", c.socket, op.Err)
	}
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close()
	refusal := &Error{Status: resp.StatusCode}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxEvent)).Decode(refusal); err != nil {
		return nil, fmt.Errorf("%s %s: status %s without a readable error: %w", method, path, resp.Status, err)
	}
	return nil, refusal
}

// sentRequest is what the client writes; Deadline travels as a duration, since
// the daemon's clock counts.
type sentRequest struct {
	Model       string            `json:"model"`
	Messages    []router.Message  `json:"messages"`
	Stream      bool              `json:"stream"`
	MaxTokens   int               `json:"max_completion_tokens,omitempty"`
	Temperature *float64          `json:"temperature,omitempty"`
	TopP        *float64          `json:"top_p,omitempty"`
	Seed        *int64            `json:"seed,omitempty"`
	Stop        []string          `json:"stop,omitempty"`
	Tools       json.RawMessage   `json:"tools,omitempty"`
	Frequency   float64           `json:"frequency_penalty,omitempty"`
	Presence    float64           `json:"presence_penalty,omitempty"`
	LogitBias   map[int32]float64 `json:"logit_bias,omitempty"`
	LogProbs    bool              `json:"logprobs,omitempty"`
	TopLogProbs int               `json:"top_logprobs,omitempty"`
	TopK        int               `json:"top_k,omitempty"`
	MinP        float64           `json:"min_p,omitempty"`
	TypicalP    float64           `json:"typical_p,omitempty"`
	Repetition  float64           `json:"repetition_penalty,omitempty"`
	IgnoreEOS   bool              `json:"ignore_eos,omitempty"`
	Cusp        extension         `json:"cusp"`
	sentDRY
	sentMirostat
}

type sentDRY struct {
	Multiplier float64  `json:"dry_multiplier,omitempty"`
	Base       float64  `json:"dry_base,omitempty"`
	Allowed    int      `json:"dry_allowed_length,omitempty"`
	Range      int      `json:"dry_penalty_last_n,omitempty"`
	Breakers   []string `json:"dry_sequence_breakers,omitzero"`
}

type sentMirostat struct {
	Version int     `json:"mirostat,omitempty"`
	Tau     float64 `json:"mirostat_tau,omitempty"`
	Eta     float64 `json:"mirostat_eta,omitempty"`
}

func clientRequest(q router.Question) sentRequest {
	o := q.Options
	r := sentRequest{
		Model: "cusp", Messages: q.Messages, Stream: true, MaxTokens: o.MaxTokens,
		Temperature: o.Temperature, TopP: o.TopP, Seed: o.Seed, Stop: o.Stop, Tools: o.Tools,
		Frequency: o.Frequency, Presence: o.Presence, LogitBias: o.LogitBias, LogProbs: o.LogProbs, TopLogProbs: o.TopLogProbs,
		TopK: o.TopK, MinP: o.MinP, TypicalP: o.TypicalP, Repetition: o.Repetition, IgnoreEOS: o.IgnoreEOS,
		Cusp: extension{ID: q.ID, Privacy: string(q.Privacy)},
	}
	if d := o.DRY; d != nil {
		r.sentDRY = sentDRY{d.Multiplier, d.Base, d.AllowedLength, d.Range, d.Breakers}
	}
	if m := o.Mirostat; m != nil {
		r.sentMirostat = sentMirostat{2, m.Tau, m.Eta}
	}
	if !q.Deadline.IsZero() {
		ms := max(1, time.Until(q.Deadline).Milliseconds())
		r.Cusp.DeadlineMS = &ms
	}
	return r
}

// receivedChunk is a chunk or an error, whichever the event holds.
type receivedChunk struct {
	chunk
	Error *errorObject `json:"error"`
}

// readStream collects the events of one answer. A stream that ends without
// [DONE] was cut, and is an error.
func readStream(r io.Reader, onText func(string) error) (router.Answer, error) {
	var a router.Answer
	var text strings.Builder
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 64<<10), maxEvent)
	for lines.Scan() {
		data, isData := strings.CutPrefix(lines.Text(), "data: ")
		if !isData {
			continue
		}
		if data == "[DONE]" {
			a.Text = text.String()
			return a, nil
		}
		piece, err := addEvent(data, &a)
		if err != nil {
			return a, err
		}
		text.WriteString(piece)
		if piece != "" && onText != nil {
			if err := onText(piece); err != nil {
				return a, err
			}
		}
	}
	a.Text = text.String()
	if err := lines.Err(); err != nil {
		return a, fmt.Errorf("answer broke off: %w", err)
	}
	return a, errors.New("answer broke off: the daemon closed the stream before its end")
}

// addEvent adds what one event says to a, and returns its text.
func addEvent(data string, a *router.Answer) (string, error) {
	var c receivedChunk
	if err := json.Unmarshal([]byte(data), &c); err != nil {
		return "", fmt.Errorf("event of the stream: %w", err)
	}
	if c.Error != nil {
		e := &Error{Status: http.StatusOK}
		return "", errors.Join(json.Unmarshal([]byte(data), e), e)
	}
	if c.Cusp != nil {
		a.Receipt = *c.Cusp
	}
	piece := ""
	for _, ch := range c.Choices {
		piece += ch.Delta.Content
		if ch.Finish != nil {
			a.Finish = *ch.Finish
		}
	}
	return piece, nil
}
