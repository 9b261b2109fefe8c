package cloud

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/a472be26/cusp/router/uplink"
)

// Bounds of what a server may send.
const (
	maxLineBytes  = 1 << 20
	maxBodyBytes  = 16 << 20
	maxRetryAfter = time.Hour
)

// Endpoint is where a provider over HTTP is, and how it is spoken to.
type Endpoint struct {
	URL   string
	Model string
	Key   Secret
	Idle  time.Duration     // longest silence of the server, default 60 s
	HTTP  http.RoundTripper // default: http.DefaultTransport's settings
}

// wire is the HTTP side that all providers share, whether they write requests by
// themselves or through an SDK: it adds the key, makes errors of statuses, bounds
// what a server sends and how long it is silent, and keeps the key out of errors.
// It follows no redirects: they would carry questions to wherever they point.
type wire struct {
	url    *url.URL
	key    Secret
	header func(h http.Header, key string)
	idle   time.Duration
	base   http.RoundTripper
	client *http.Client
}

// newWire checks an endpoint; path is what its URL gets if it has none.
func newWire(e Endpoint, path string, header func(http.Header, string)) (*wire, error) {
	u, err := url.Parse(e.URL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, errors.New("cloud URL: want http://HOST" + path + " or https://HOST" + path)
	}
	if strings.Trim(u.Path, "/") == "" {
		u.Path = path
	}
	w := &wire{url: u, key: e.Key, header: header, idle: cmp.Or(e.Idle, time.Minute), base: e.HTTP}
	if w.base == nil {
		w.base = http.DefaultTransport.(*http.Transport).Clone()
	}
	w.client = &http.Client{Transport: w, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return w, nil
}

// bearer sends a key as OpenAI wants it.
func bearer(h http.Header, key string) { h.Set("Authorization", "Bearer "+key) }

// watch is over one request: it ends it when the server is silent for too long, and
// remembers why it ended.
type watch struct {
	cancel context.CancelCauseFunc
	timer  *time.Timer
	idle   time.Duration
}

type watchKey struct{}

// begin puts a request under watch until end.
func (w *wire) begin(ctx context.Context) (_ context.Context, end func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	v := &watch{cancel: cancel, idle: w.idle}
	v.timer = time.AfterFunc(w.idle, func() {
		cancel(&Error{Code: CodeTimeout, Retryable: true, Err: fmt.Errorf("model server was silent for %v", w.idle)})
	})
	return context.WithValue(ctx, watchKey{}, v), func() {
		v.timer.Stop()
		cancel(nil)
	}
}

// RoundTrip implements [http.RoundTripper] for the client of the SDKs.
func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	v, ok := r.Context().Value(watchKey{}).(*watch)
	if !ok {
		return nil, errors.New("request without a watch") // a fault of a provider's
	}
	key, err := w.key.read()
	if err != nil {
		return nil, v.end(&Error{Code: CodeRefused, Err: err})
	}
	r = r.Clone(r.Context())
	if key != "" {
		w.header(r.Header, key)
	}
	response, err := w.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	v.timer.Reset(v.idle)
	response.Body = &watchedBody{ReadCloser: response.Body, watch: v}
	if response.StatusCode != http.StatusOK {
		defer response.Body.Close()
		return nil, v.end(statusError(response, response.Body))
	}
	return response, nil
}

// end ends the request with a reason that no SDK in between can lose.
func (v *watch) end(e *Error) error {
	v.cancel(e)
	return e
}

// explain finds the reason behind an error of the HTTP client or an SDK and keeps
// the key out of it.
func (w *wire) explain(ctx context.Context, err error) error {
	var known *Error
	switch {
	case errors.As(context.Cause(ctx), &known): // silence or a status ended it
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
	key, _ := w.key.read()
	if key == "" || !strings.Contains(known.Err.Error(), key) {
		return known
	}
	safe := *known
	safe.Err = errors.New(strings.ReplaceAll(known.Err.Error(), key, "[key]"))
	return &safe
}

// watchedBody restarts the watch with every byte that arrives, and bounds them.
type watchedBody struct {
	io.ReadCloser
	watch *watch
	n     int
}

func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.watch.timer.Reset(b.watch.idle)
	}
	if b.n += n; b.n > maxBodyBytes {
		return 0, b.watch.end(tooLong())
	}
	return n, err
}

// statusError maps an HTTP status to what the asker should do.
func statusError(response *http.Response, body io.Reader) *Error {
	text, _ := io.ReadAll(io.LimitReader(body, 8<<10))
	e := &Error{Code: CodeRefused, RetryAfter: max(retryAfter(response.Header.Get("Retry-After"), time.Now()), retryInfo(text))}
	switch code := response.StatusCode; {
	case code == http.StatusTooManyRequests:
		e.Code, e.Retryable = CodeRateLimited, true
	case code >= 500, code == http.StatusRequestTimeout, code == http.StatusConflict, code == http.StatusTooEarly:
		e.Code, e.Retryable = CodeUnavailable, true
	}
	e.Err = fmt.Errorf("model server answered %s: %s", response.Status, errorMessage(text))
	return e
}

// shaped are the shapes in which servers write errors: OpenAI's, Anthropic's and
// Google's {"error": {"message"}}; {"error": "text"} of Triton; {"object": "error",
// "message"} of SGLang, TensorRT-LLM and older vLLM; {"detail"} of FastAPI.
type shaped struct {
	Error   json.RawMessage `json:"error"`
	Object  string          `json:"object"`
	Message string          `json:"message"`
	Detail  json.RawMessage `json:"detail"`
}

// message is what the error says, empty if this is no error.
func (s shaped) message() string {
	var inner struct {
		Message string `json:"message"`
	}
	var text string
	switch {
	case json.Unmarshal(s.Error, &inner) == nil && inner.Message != "":
		return inner.Message
	case json.Unmarshal(s.Error, &text) == nil && text != "":
		return text
	case s.Object == "error":
		return cmp.Or(s.Message, "unknown")
	}
	return ""
}

// errorMessage is the message of an error in any known shape, or the beginning of
// the text.
func errorMessage(text []byte) string {
	var s shaped
	if json.Unmarshal(text, &s) == nil {
		if m := cmp.Or(s.message(), s.Message, string(s.Detail)); m != "" {
			return fmt.Sprintf("%.300s", m)
		}
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

// retryInfo reads the delay in an error of Google's APIs, which send no header
// (google.rpc.RetryInfo).
func retryInfo(text []byte) time.Duration {
	var body struct {
		Error struct {
			Details []struct {
				Delay string `json:"retryDelay"`
			} `json:"details"`
		} `json:"error"`
	}
	if json.Unmarshal(text, &body) != nil {
		return 0
	}
	for _, d := range body.Error.Details {
		if delay, err := time.ParseDuration(d.Delay); err == nil {
			return min(max(delay, 0), maxRetryAfter)
		}
	}
	return 0
}

func badAnswer(format string, args ...any) *Error {
	return &Error{Code: CodeBadAnswer, Retryable: true, Err: fmt.Errorf(format, args...)}
}

func beginning(body io.Reader) string {
	text, _ := io.ReadAll(io.LimitReader(body, 120))
	return string(text)
}

func tooLong() *Error {
	return &Error{Code: CodeBadAnswer, Err: fmt.Errorf("answer is longer than %d bytes", uplink.MaxTextBytes)}
}
