package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/a472be26/cusp/router"
)

// Bounds of a request; generous, but an attacker's numbers stop here.
const (
	maxMessages  = 4096
	maxTokens    = 1 << 20
	maxStops     = 16
	maxStopBytes = 256
	maxDeadline  = 7 * 24 * time.Hour
	maxDepth     = 100 // nesting of the JSON
	maxChoices   = 16
)

// Request is a decoded chat completion request.
type Request struct {
	Question     router.Question
	Model        string // as the client named it; the router decides what answers
	N            int    // answers that are wanted, each as a choice
	Stream       bool
	IncludeUsage bool
}

// wireRequest is the part of OpenAI's CreateChatCompletionRequest that is
// read, and the `cusp` extension. Raw members have more than one shape.
type wireRequest struct {
	Model         string          `json:"model"`
	Messages      []wireMessage   `json:"messages"`
	Stream        bool            `json:"stream"`
	StreamOptions *streamOptions  `json:"stream_options"`
	MaxTokens     *int64          `json:"max_tokens"`
	MaxCompletion *int64          `json:"max_completion_tokens"`
	Seed          *int64          `json:"seed"`
	N             *int64          `json:"n"`
	Stop          json.RawMessage `json:"stop"`
	Effort        string          `json:"reasoning_effort"`
	User          string          `json:"user"`
	Cusp          *extension      `json:"cusp"`
	// Not OpenAI's.
	IgnoreEOS bool                       `json:"ignore_eos"`
	Grammar   string                     `json:"grammar"`
	Variables map[string]json.RawMessage `json:"chat_template_kwargs"`
	wireSampling
	wireLogProbs
	wireTools
	wireRefused
}

// wireRefused are members that ask for what nothing here can do; to ignore them
// would be to answer something else.
type wireRefused struct {
	Functions    json.RawMessage `json:"functions"`
	FunctionCall json.RawMessage `json:"function_call"`
	Audio        json.RawMessage `json:"audio"`
	WebSearch    json.RawMessage `json:"web_search_options"`
	Modalities   []string        `json:"modalities"`
}

func (w *wireRefused) refuse() error {
	for _, m := range []struct {
		name, instead string
		raw           json.RawMessage
	}{
		{"functions", "write tools", w.Functions}, {"function_call", "write tool_choice", w.FunctionCall},
		{"audio", "answers are text", w.Audio}, {"web_search_options", "give the model a tool", w.WebSearch},
	} {
		if !absent(m.raw) {
			return invalid(m.name, "%s is not supported; %s", m.name, m.instead)
		}
	}
	for _, m := range w.Modalities {
		if m != "text" {
			return invalid("modalities", "modalities has %.40q; only text is supported", m)
		}
	}
	return nil
}

type streamOptions struct {
	IncludeUsage bool `json:"include_usage"`
}

// extension is what Cusp adds to a request.
type extension struct {
	ID         string `json:"id,omitempty"`
	Privacy    string `json:"privacy,omitempty"`
	DeadlineMS *int64 `json:"deadline_ms,omitempty"`
	Priority   int    `json:"priority,omitempty"` // among those that wait for the cloud; the highest goes first
}

// UnmarshalJSON refuses members that it does not know, unlike the request
// around it: a misspelt privacy must not send a question to the cloud.
func (x *extension) UnmarshalJSON(text []byte) error {
	type plain extension
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	err := d.Decode((*plain)(x))
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrong):
		field := strings.TrimSuffix("cusp."+wrong.Field, ".")
		return invalid(field, "%s is a JSON %s; it must be %s", field, wrong.Value, jsonName(wrong))
	case err != nil:
		return invalid("cusp", "cusp: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}

// DecodeRequest reads the body of a chat completion request; now is what a
// relative deadline counts from. Every refusal is an [*Error].
func DecodeRequest(body []byte, now time.Time) (Request, error) {
	var w wireRequest
	if err := decodeBody(body, &w); err != nil {
		return Request{}, err
	}
	return w.request(now)
}

// decodeBody reads one JSON object into v.
func decodeBody(body []byte, v any) error {
	if !utf8.Valid(body) {
		return invalid("", "the body is not valid UTF-8 (first bad byte at offset %d)", firstInvalid(body))
	}
	if d := depth(body); d > maxDepth {
		return invalid("", "the body nests deeper than %d levels", maxDepth)
	}
	if first := bytes.TrimLeft(body, " \t\r\n"); len(first) > 0 && first[0] != '{' && json.Valid(body) {
		return invalid("", "the body must be a JSON object")
	}
	if err := json.Unmarshal(body, v); err != nil {
		return decodeError(body, err)
	}
	return nil
}

// request checks every value and builds the question.
func (w *wireRequest) request(now time.Time) (Request, error) {
	r := Request{Model: w.Model, Stream: w.Stream}
	r.IncludeUsage = w.StreamOptions != nil && w.StreamOptions.IncludeUsage
	r.Question.Asker, r.Question.User = "api", w.User
	err := w.refuse()
	if err != nil {
		return r, err
	}
	if r.N, err = choices(w.N); err != nil {
		return r, err
	}
	if r.Question.Messages, err = messages(w.Messages); err != nil {
		return r, err
	}
	if r.Question.Options, err = w.options(); err != nil {
		return r, err
	}
	if err = w.Cusp.apply(&r.Question, now); err != nil {
		return r, err
	}
	return r, r.checkIDs()
}

// checkIDs refuses an id that leaves no room for those of several answers.
func (r Request) checkIDs() error {
	if last := r.Question.Nth(r.N - 1).ID; router.CheckID(last) != nil { // it is the longest
		return invalid("cusp.id", "cusp.id has %d bytes; with n of %d it can have %d", len(r.Question.ID), r.N, router.MaxIDBytes-len(last)+len(r.Question.ID))
	}
	return nil
}

// choices is how many answers are wanted.
func choices(n *int64) (int, error) {
	if n == nil {
		return 1, nil
	}
	if *n < 1 || *n > maxChoices {
		return 0, invalid("n", "n is %d; it must be between 1 and %d", *n, maxChoices)
	}
	return int(*n), nil
}

func (w *wireRequest) options() (router.Options, error) {
	o := router.Options{Seed: w.Seed, IgnoreEOS: w.IgnoreEOS, Variables: w.Variables}
	var err error
	if o.MaxTokens, err = tokenLimit("max_tokens", w.MaxTokens); err != nil {
		return o, err
	}
	if w.MaxCompletion != nil { // the newer name wins
		if o.MaxTokens, err = tokenLimit("max_completion_tokens", w.MaxCompletion); err != nil {
			return o, err
		}
	}
	if o.Stop, err = stops(w.Stop); err != nil {
		return o, err
	}
	if err := w.sampling(&o); err != nil {
		return o, err
	}
	if err := w.logProbs(&o); err != nil {
		return o, err
	}
	if o.ReasoningEffort, err = effort("reasoning_effort", w.Effort); err != nil {
		return o, err
	}
	if err := w.wireTools.read(&o); err != nil {
		return o, err
	}
	return o, w.grammar(&o)
}

// grammar reads a GBNF grammar, which leaves no room for another shape.
func (w *wireRequest) grammar(o *router.Options) error {
	if w.Grammar != "" && (len(o.ResponseFormat) > 0 || o.ForcesCall()) {
		return invalid("grammar", "grammar cannot be combined with response_format or a tool that must be called")
	}
	o.Grammar = w.Grammar
	return nil
}

var efforts = []string{"", "none", "minimal", "low", "medium", "high", "xhigh"}

func effort(param, v string) (string, error) {
	if !slices.Contains(efforts, v) {
		return "", invalid(param, "%s is %.40q; it must be %s", param, v, strings.Join(efforts[1:], ", "))
	}
	return v, nil
}

func tokenLimit(param string, v *int64) (int, error) {
	if v == nil {
		return 0, nil
	}
	if *v < 1 || *v > maxTokens {
		return 0, invalid(param, "%s is %d; it must be between 1 and %d", param, *v, maxTokens)
	}
	return int(*v), nil
}

// stops reads a string or an array of strings.
func stops(raw json.RawMessage) ([]string, error) {
	if absent(raw) {
		return nil, nil
	}
	var one string
	var list []string
	if json.Unmarshal(raw, &one) == nil {
		list = []string{one}
	} else if json.Unmarshal(raw, &list) != nil {
		return nil, invalid("stop", "stop must be a string or an array of strings")
	}
	if len(list) > maxStops {
		return nil, invalid("stop", "stop has %d strings; at most %d are supported", len(list), maxStops)
	}
	for i, s := range list {
		if s == "" || len(s) > maxStopBytes {
			return nil, invalid("stop", "stop[%d] has %d bytes; it must have between 1 and %d", i, len(s), maxStopBytes)
		}
	}
	return list, nil
}

// apply writes the extension's values, or their defaults, into q.
func (x *extension) apply(q *router.Question, now time.Time) error {
	if x == nil {
		x = &extension{}
	}
	if q.ID = x.ID; q.ID == "" {
		q.ID = router.NewID()
	}
	if err := router.CheckID(q.ID); err != nil {
		return invalid("cusp.id", "%v", err)
	}
	switch x.Privacy {
	case "", "public":
	case string(router.Private):
		q.Privacy = router.Private
	default:
		return invalid("cusp.privacy", `cusp.privacy is %q; it must be "private" or "public"`, x.Privacy)
	}
	if x.DeadlineMS != nil {
		if *x.DeadlineMS < 1 || *x.DeadlineMS > maxDeadline.Milliseconds() {
			return invalid("cusp.deadline_ms", "cusp.deadline_ms is %d; it must be between 1 and %d", *x.DeadlineMS, maxDeadline.Milliseconds())
		}
		q.Deadline = now.Add(time.Duration(*x.DeadlineMS) * time.Millisecond)
	}
	if x.Priority < -router.MaxPriority || x.Priority > router.MaxPriority {
		return invalid("cusp.priority", "cusp.priority is %d; it must be between %d and %d", x.Priority, -router.MaxPriority, router.MaxPriority)
	}
	q.Priority = x.Priority
	return nil
}

// embedded are structs that are not there in the JSON.
var embedded = regexp.MustCompile(`\bwire[A-Z]\w*\.`)

// decodeError says where the JSON breaks or which field has the wrong type.
func decodeError(body []byte, err error) *Error {
	var refused *Error // by the extension
	if errors.As(err, &refused) {
		return refused
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		line, column := position(body, syntax.Offset)
		e := invalid("", "malformed JSON at line %d, column %d: %v", line, column, err)
		e.Code = "malformed_json"
		return e
	}
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		line, column := position(body, wrong.Offset)
		field := embedded.ReplaceAllString(wrong.Field, "")
		return invalid(field, "%s is a JSON %s; it must be %s (line %d, column %d)", field, wrong.Value, jsonName(wrong), line, column)
	}
	return invalid("", "malformed JSON: %v", err)
}

// jsonName names the wanted type as a JSON writer knows it.
func jsonName(e *json.UnmarshalTypeError) string {
	switch name := e.Type.String(); {
	case strings.HasPrefix(name, "int"):
		return "an integer"
	case strings.HasPrefix(name, "float"):
		return "a number"
	case strings.HasPrefix(name, "[]"):
		return "an array"
	case name == "string":
		return "a string"
	case name == "bool":
		return "true or false"
	default:
		return "an object"
	}
}

// position turns a byte offset into line and column, both from 1.
func position(body []byte, offset int64) (line, column int) {
	before := body[:max(0, min(int(offset)-1, len(body)))]
	line = 1 + bytes.Count(before, []byte("\n"))
	return line, len(before) - (bytes.LastIndexByte(before, '\n') + 1) + 1
}

// depth is the deepest nesting of objects and arrays; brackets in strings do
// not count.
func depth(body []byte) int {
	deepest, now, quoted := 0, 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			now++
			deepest = max(deepest, now)
		case c == '}' || c == ']':
			now--
		}
	}
	return deepest
}

func firstInvalid(b []byte) int {
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(b)
}

// absent: the member is missing or null.
func absent(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

func tooLarge(limit int64) *Error {
	return &Error{Status: http.StatusRequestEntityTooLarge, Type: typeInvalid, Code: "request_too_large",
		Message: fmt.Sprintf("the body is larger than %d bytes; send fewer or shorter messages", limit)}
}
