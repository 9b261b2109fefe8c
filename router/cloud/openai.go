package cloud

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/uplink"
)

// OpenAIOptions of [NewOpenAI].
type OpenAIOptions struct {
	BaseURL string // https://api.openai.com/v1; without a path, /v1 is added
	Model   string // empty leaves the choice to the server
	// KeyEnv names the environment variable that holds the API key, by default
	// OPENAI_API_KEY. Without a key no Authorization is sent, as local servers like it.
	KeyEnv string
	Idle   time.Duration // longest silence of the server, default 60 s
	Client *http.Client  // default: a new one without a timeout of its own
}

// OpenAI answers through any endpoint that speaks OpenAI's chat completions.
type OpenAI struct {
	url    string
	model  string
	key    string // never logged, never part of an error
	idle   time.Duration
	client *http.Client
}

var _ Provider = (*OpenAI)(nil)

// Bounds of what a server may send.
const (
	maxLineBytes  = 1 << 20
	maxBodyBytes  = 16 << 20
	maxRetryAfter = time.Hour
)

// NewOpenAI checks the options and reads the key; it does not connect.
func NewOpenAI(o OpenAIOptions) (*OpenAI, error) {
	u, err := url.Parse(o.BaseURL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, errors.New("cloud URL: want http://HOST/v1 or https://HOST/v1")
	}
	if strings.Trim(u.Path, "/") == "" {
		u.Path = "/v1"
	}
	p := &OpenAI{
		url: u.JoinPath("chat", "completions").String(), model: o.Model,
		key:    strings.TrimSpace(os.Getenv(cmp.Or(o.KeyEnv, "OPENAI_API_KEY"))),
		idle:   cmp.Or(o.Idle, time.Minute),
		client: o.Client,
	}
	if p.client == nil {
		p.client = &http.Client{}
	}
	return p, nil
}

// chatRequest is the body of a request. Sampling settings that OpenAI does
// not know are left out: strict servers would refuse them.
type chatRequest struct {
	Model         string           `json:"model,omitempty"`
	Messages      []router.Message `json:"messages"`
	Stream        bool             `json:"stream"`
	StreamOptions map[string]bool  `json:"stream_options"`
	MaxTokens     int              `json:"max_tokens,omitempty"`
	Temperature   *float64         `json:"temperature,omitempty"`
	TopP          *float64         `json:"top_p,omitempty"`
	Frequency     float64          `json:"frequency_penalty,omitempty"`
	Presence      float64          `json:"presence_penalty,omitempty"`
	Seed          *int64           `json:"seed,omitempty"`
	Stop          []string         `json:"stop,omitempty"`
	Tools         json.RawMessage  `json:"tools,omitempty"`
}

// Complete implements [Provider].
func (p *OpenAI) Complete(ctx context.Context, r Request, emit func(string) error) (Completion, error) {
	// 1. Watch over the silence of the server.
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := time.AfterFunc(p.idle, func() { cancel(p.silent()) })
	defer watch.Stop()

	// 2. Ask.
	response, err := p.post(ctx, r)
	if err != nil {
		return Completion{}, p.explain(ctx, err)
	}
	defer response.Body.Close()

	// 3. Read the answer, streamed or whole.
	body := &watchedReader{r: io.LimitReader(response.Body, maxBodyBytes+1), watch: watch, idle: p.idle}
	c, err := p.read(response, body, emit)
	if err != nil {
		return Completion{}, p.explain(ctx, err)
	}
	c.Model = cmp.Or(c.Model, p.model)
	return c, nil
}

func (p *OpenAI) silent() *Error {
	return &Error{Code: CodeTimeout, Retryable: true, Err: fmt.Errorf("model server was silent for %v", p.idle)}
}

func (p *OpenAI) post(ctx context.Context, r Request) (*http.Response, error) {
	o := r.Options
	body, err := json.Marshal(chatRequest{
		Model: p.model, Messages: r.Messages, Stream: true, StreamOptions: map[string]bool{"include_usage": true},
		MaxTokens: o.MaxTokens, Temperature: o.Temperature, TopP: o.TopP,
		Frequency: o.Frequency, Presence: o.Presence, Seed: o.Seed, Stop: o.Stop, Tools: o.Tools,
	})
	if err != nil {
		return nil, &Error{Code: CodeBadRequest, Err: fmt.Errorf("encode request: %w", err)}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "text/event-stream, application/json")
	if p.key != "" {
		request.Header.Set("Authorization", "Bearer "+p.key)
	}
	return p.client.Do(request)
}

// read chooses by status and content type how to read the body.
func (p *OpenAI) read(response *http.Response, body io.Reader, emit func(string) error) (Completion, error) {
	if response.StatusCode != http.StatusOK {
		return Completion{}, statusError(response, body)
	}
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	switch kind {
	case "text/event-stream":
		return readStream(body, emit)
	case "application/json":
		return readWhole(body, emit)
	}
	return Completion{}, badAnswer("content type %.80q is neither an event stream nor JSON; the body begins %q", kind, beginning(body))
}

// explain finds the reason behind an error of the HTTP client and keeps the
// key out of it.
func (p *OpenAI) explain(ctx context.Context, err error) error {
	var known *Error
	switch {
	case errors.As(context.Cause(ctx), &known): // silence ended it
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &known):
	default:
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err // without the URL, which may carry a secret
		}
		known = &Error{Code: CodeUnavailable, Retryable: true, Err: err}
	}
	if p.key == "" || !strings.Contains(known.Err.Error(), p.key) {
		return known
	}
	safe := *known
	safe.Err = errors.New(strings.ReplaceAll(known.Err.Error(), p.key, "[key]"))
	return &safe
}

// statusError maps an HTTP status to what the asker should do.
func statusError(response *http.Response, body io.Reader) *Error {
	e := &Error{Code: CodeRefused, RetryAfter: retryAfter(response.Header.Get("Retry-After"), time.Now())}
	switch code := response.StatusCode; {
	case code == http.StatusTooManyRequests:
		e.Code, e.Retryable = CodeRateLimited, true
	case code >= 500, code == http.StatusRequestTimeout, code == http.StatusConflict, code == http.StatusTooEarly:
		e.Code, e.Retryable = CodeUnavailable, true
	}
	e.Err = fmt.Errorf("model server answered %s: %s", response.Status, errorMessage(body))
	return e
}

// errorMessage is the message in OpenAI's error shape, or the body's beginning.
func errorMessage(body io.Reader) string {
	text, _ := io.ReadAll(io.LimitReader(body, 8<<10))
	var shaped struct {
		Error apiError `json:"error"`
	}
	if json.Unmarshal(text, &shaped) == nil && shaped.Error.Message != "" {
		return fmt.Sprintf("%.300s", shaped.Error.Message)
	}
	return fmt.Sprintf("%.200q", text)
}

// retryAfter reads the header of that name: seconds or a date, at most an hour.
func retryAfter(value string, now time.Time) time.Duration {
	var d time.Duration
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		d = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		d = at.Sub(now)
	}
	return min(max(d, 0), maxRetryAfter)
}

func badAnswer(format string, args ...any) *Error {
	return &Error{Code: CodeBadAnswer, Retryable: true, Err: fmt.Errorf(format, args...)}
}

func beginning(body io.Reader) string {
	text, _ := io.ReadAll(io.LimitReader(body, 120))
	return string(text)
}

// watchedReader restarts the watch with every byte that arrives.
type watchedReader struct {
	r     io.Reader
	watch *time.Timer
	idle  time.Duration
	n     int
}

func (w *watchedReader) Read(b []byte) (int, error) {
	n, err := w.r.Read(b)
	if n > 0 {
		w.watch.Reset(w.idle)
	}
	if w.n += n; w.n > maxBodyBytes {
		return 0, tooLong()
	}
	return n, err
}

func tooLong() *Error {
	return &Error{Code: CodeBadAnswer, Err: fmt.Errorf("answer is longer than %d bytes", uplink.MaxTextBytes)}
}
