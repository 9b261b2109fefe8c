package uplink

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"github.com/a472be26/cusp/router"
)

// Bounds of what is accepted from the other side.
const (
	MaxAskBytes    = 1 << 20   // one question
	MaxAnswerBytes = 256 << 10 // one message of an answer
	MaxTextBytes   = 4 << 20   // the whole text of an answer
	MaxCalls       = 128       // tool calls of an answer
	maxMessages    = 1024
	maxMissing     = 64 // ranges of a Resume
	maxSeq         = 1 << 20
	maxTTL         = 366 * 24 * time.Hour
)

// Ask is a question on its way up, one JSON object. Times are relative: the
// clocks of device and worker need not agree. A worker from before a member of
// messages or options ignores it: it answers without tool choice, response
// format or the calls of an earlier turn, and refuses a tool call of its model.
type Ask struct {
	ID       string           `json:"id"`
	Messages []router.Message `json:"messages"`
	Options  router.Options   `json:"options,omitzero"`
	// TTLMS is for how many milliseconds from now an answer is of use; absent
	// means for ever, 0 or less means that it is too late.
	TTLMS *int64 `json:"ttl_ms,omitempty"`
	// Envelope is the newest version of envelope in which the answer may come; 0
	// means plain JSON only.
	Envelope int `json:"envelope,omitempty"`
}

// Resume asks the worker that is at a question, or was, for messages of its
// answer again. It goes to that worker alone, in an envelope or as a JSON object.
type Resume struct {
	ID  string `json:"id"`
	Run string `json:"run"`
	// From is the seq from which on everything is missing, Missing what is
	// missing before it: first and last seq, ascending.
	From    int      `json:"from"`
	Missing [][2]int `json:"missing,omitempty"`
	// Envelope is as in Ask.
	Envelope int `json:"envelope,omitempty"`
}

// Answer is one message of an answer on its way down, one JSON object. A
// worker numbers the messages of one run of the model from 0. A message with
// Alive set carries nothing else: it says that the worker has the question.
type Answer struct {
	ID  string `json:"id"`
	Run string `json:"run,omitempty"` // tells two attempts at one question apart
	// Worker names the worker to which a [Resume] of this run can go. It is in
	// signs of life and the first message of a run; workers from before it have
	// no name and get the whole question again.
	Worker string `json:"worker,omitempty"`
	Alive  bool   `json:"alive,omitempty"`
	Seq    int    `json:"seq"`
	Delta  string `json:"delta,omitempty"`
	// Reasoning goes on with the reasoning, Calls with tool calls. Devices from
	// before these members read an answer of tool calls as an empty text.
	Reasoning string             `json:"reasoning,omitempty"`
	Calls     []router.CallDelta `json:"tool_calls,omitempty"`
	Done      bool               `json:"done,omitempty"` // the last message of the run
	Finish    string             `json:"finish,omitempty"`
	Model     string             `json:"model,omitempty"`
	Usage     *Usage             `json:"usage,omitempty"`
	Error     *Failed            `json:"error,omitempty"` // only with Done
}

// Usage counts tokens as the provider reports them, and what they cost by the
// worker's table of prices.
type Usage struct {
	PromptTokens     int     `json:"prompt_tokens"`
	CompletionTokens int     `json:"completion_tokens"`
	CostUSD          float64 `json:"cost_usd,omitempty"` // absent where no price is known
}

// Failed says why there is no answer.
type Failed struct {
	Code         string `json:"code"`
	Message      string `json:"message"`
	Retryable    bool   `json:"retryable"` // the same question may succeed later
	RetryAfterMS int64  `json:"retry_after_ms,omitempty"`
	NowMS        int64  `json:"now_ms,omitempty"` // with CodeClock: the worker's time, since 1970
}

// Codes of [Failed] on which a device branches.
const (
	CodeExpired    = "expired"     // the question reached the worker too late
	CodeClock      = "clock"       // a sealed message is not of the worker's present
	CodeUnknownRun = "unknown_run" // a Resume of what the worker does not have
	CodeEnvelope   = "envelope"    // the message cannot be opened, or must be sealed
)

// DecodeAsk reads a question. Unknown members are ignored; a wrong type, a
// missing message and anything beyond the bounds is an error. With an error
// the returned Ask has its ID if that much could be read, so that the asker
// can be told.
func DecodeAsk(payload []byte) (Ask, error) {
	var a Ask
	if err := decode(payload, MaxAskBytes, &a); err != nil {
		return Ask{ID: IDOf(payload)}, fmt.Errorf("decode question: %w", err)
	}
	if err := CheckID("question", a.ID); err != nil {
		return Ask{}, fmt.Errorf("decode question: %w", err)
	}
	if err := a.check(); err != nil {
		return Ask{ID: a.ID}, fmt.Errorf("decode question %s: %w", a.ID, err)
	}
	return a, nil
}

func (a Ask) check() error {
	if n := len(a.Messages); n == 0 || n > maxMessages {
		return fmt.Errorf("%d messages, want 1 to %d", n, maxMessages)
	}
	for i, m := range a.Messages {
		switch m.Role {
		case "system", "developer", "user", "assistant", "tool":
		default:
			return fmt.Errorf("messages[%d].role %.40q is not known", i, m.Role)
		}
	}
	if a.Options.MaxTokens < 0 {
		return fmt.Errorf("options.max_tokens %d is negative", a.Options.MaxTokens)
	}
	if a.TTLMS != nil && *a.TTLMS > maxTTL.Milliseconds() {
		return fmt.Errorf("ttl_ms %d is more than a year", *a.TTLMS)
	}
	return nil
}

// DecodeAnswer reads one message of an answer, as strictly as [DecodeAsk].
func DecodeAnswer(payload []byte) (Answer, error) {
	var a Answer
	if err := decode(payload, MaxAnswerBytes, &a); err != nil {
		return Answer{}, fmt.Errorf("decode answer: %w", err)
	}
	if err := CheckID("question", a.ID); err != nil {
		return Answer{}, fmt.Errorf("decode answer: %w", err)
	}
	if err := a.check(); err != nil {
		return Answer{}, fmt.Errorf("decode answer to %s: %w", a.ID, err)
	}
	return a, nil
}

func (a Answer) check() error {
	switch {
	case len(a.Run) > router.MaxIDBytes:
		return fmt.Errorf("run has %d bytes, at most %d are allowed", len(a.Run), router.MaxIDBytes)
	case a.Worker != "" && router.CheckID(a.Worker) != nil:
		return fmt.Errorf("worker %w", router.CheckID(a.Worker))
	case a.Seq < 0 || a.Seq > maxSeq:
		return fmt.Errorf("seq %d is not within 0 to %d", a.Seq, maxSeq)
	case a.Error != nil && !a.Done:
		return errors.New("error without done")
	case a.Error != nil && a.Error.Code == "":
		return errors.New("error.code is empty")
	case a.Usage != nil && (a.Usage.PromptTokens < 0 || a.Usage.CompletionTokens < 0):
		return errors.New("usage counts negative tokens")
	case a.Usage != nil && !(a.Usage.CostUSD >= 0):
		return errors.New("usage has a negative cost")
	}
	for _, c := range a.Calls {
		if c.Index < 0 || c.Index >= MaxCalls {
			return fmt.Errorf("tool_calls has the index %d, not within 0 to %d", c.Index, MaxCalls-1)
		}
	}
	return nil
}

// DecodeResume reads a request for a part of an answer, as strictly as [DecodeAsk].
func DecodeResume(payload []byte) (Resume, error) {
	var r Resume
	if err := decode(payload, MaxAskBytes, &r); err != nil {
		return Resume{}, fmt.Errorf("decode resume: %w", err)
	}
	if err := CheckID("question", r.ID); err != nil {
		return Resume{}, fmt.Errorf("decode resume: %w", err)
	}
	if err := r.check(); err != nil {
		return Resume{}, fmt.Errorf("decode resume of %s: %w", r.ID, err)
	}
	return r, nil
}

func (r Resume) check() error {
	switch {
	case r.Run == "" || len(r.Run) > router.MaxIDBytes:
		return fmt.Errorf("run has %d bytes, want 1 to %d", len(r.Run), router.MaxIDBytes)
	case r.From < 0 || r.From > maxSeq+1:
		return fmt.Errorf("from %d is not within 0 to %d", r.From, maxSeq+1)
	case len(r.Missing) > maxMissing:
		return fmt.Errorf("missing has %d ranges, at most %d are allowed", len(r.Missing), maxMissing)
	}
	next := 0
	for i, m := range r.Missing {
		if m[0] < next || m[1] < m[0] || m[1] >= r.From {
			return fmt.Errorf("missing[%d] is %d to %d: want ascending ranges below from, %d", i, m[0], m[1], r.From)
		}
		next = m[1] + 1
	}
	return nil
}

// Wants reports whether the message with that seq is asked for.
func (r Resume) Wants(seq int) bool {
	if seq >= r.From {
		return true
	}
	for _, m := range r.Missing {
		if seq >= m[0] && seq <= m[1] {
			return true
		}
	}
	return false
}

// Bytes is how much of an answer the message carries.
func (a Answer) Bytes() int {
	n := len(a.Delta) + len(a.Reasoning)
	for _, c := range a.Calls {
		n += len(c.ID) + len(c.Name) + len(c.Arguments)
	}
	return n
}

// decode reads exactly one JSON object of at most limit bytes into v.
func decode(payload []byte, limit int, v any) error {
	if len(payload) > limit {
		return fmt.Errorf("%d bytes, at most %d are allowed", len(payload), limit)
	}
	if !utf8.Valid(payload) {
		return errors.New("not valid UTF-8")
	}
	if trimmed := bytes.TrimLeft(payload, " \t\r\n"); len(trimmed) == 0 || trimmed[0] != '{' {
		return errors.New("not a JSON object")
	}
	d := json.NewDecoder(bytes.NewReader(payload))
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("more data after the JSON object")
	}
	return nil
}

// IDOf finds a valid id in a payload that is otherwise broken, or "".
func IDOf(payload []byte) string {
	if len(payload) > MaxAskBytes {
		return ""
	}
	var only struct {
		ID string `json:"id"`
	}
	if json.Unmarshal(payload, &only) != nil || CheckID("question", only.ID) != nil {
		return ""
	}
	return only.ID
}
