package api

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/a472be26/cusp/router"
)

var testNow = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func TestDecodeRequestReadsEveryField(t *testing.T) {
	t.Parallel()
	r, err := DecodeRequest([]byte(`{
		"model": "m", "stream": true, "stream_options": {"include_usage": true},
		"messages": [
			{"role": "system", "content": "be brief"},
			{"role": "user", "content": [{"type": "text", "text": "turn "}, {"type": "text", "text": "it on"}]},
			{"role": "assistant", "content": null}
		],
		"max_tokens": 5, "max_completion_tokens": 7, "temperature": 0.5, "top_p": 1, "seed": -3, "n": 1,
		"stop": ["a", "b"], "tools": [{"type": "function"}],
		"cusp": {"id": "q.1", "privacy": "private", "deadline_ms": 1500},
		"unknown": {"ignored": [1, 2]}, "logprobs": null
	}`), testNow)
	if err != nil {
		t.Fatal(err)
	}
	q := r.Question
	if !r.Stream || !r.IncludeUsage || r.Model != "m" || q.ID != "q.1" || q.Privacy != router.Private || q.Asker != "api" {
		t.Errorf("request %+v", r)
	}
	if len(q.Messages) != 3 || q.Messages[1].Content != "turn it on" || q.Messages[2] != (router.Message{Role: "assistant"}) {
		t.Errorf("messages %+v", q.Messages)
	}
	o := q.Options
	if o.MaxTokens != 7 || *o.Temperature != 0.5 || *o.TopP != 1 || *o.Seed != -3 || len(o.Stop) != 2 || string(o.Tools) != `[{"type": "function"}]` {
		t.Errorf("options %+v", o)
	}
	if !q.Deadline.Equal(testNow.Add(1500 * time.Millisecond)) {
		t.Errorf("deadline %v", q.Deadline)
	}
}

func TestDecodeRequestDefaults(t *testing.T) {
	t.Parallel()
	r, err := DecodeRequest([]byte(`{"messages":[{"role":"user","content":"hi"}],"stop":"x","temperature":null}`), testNow)
	if err != nil {
		t.Fatal(err)
	}
	q := r.Question
	if q.ID == "" || r.Stream || !q.Deadline.IsZero() || q.Privacy != router.Public || q.Options.Temperature != nil || q.Options.Stop[0] != "x" {
		t.Errorf("request %+v", r)
	}
}

// with puts one more member beside a valid message.
func with(member string) string {
	return `{"messages":[{"role":"user","content":"hi"}],` + member + `}`
}

func TestDecodeRequestRefusesBadInputNamingTheField(t *testing.T) {
	t.Parallel()
	message := func(m string) string { return `{"messages":[{"role":"user","content":"hi"},` + m + `]}` }
	for name, c := range map[string]struct{ body, param, says string }{
		"empty body":         {``, "", "malformed JSON"},
		"cut off":            {`{"messages":[`, "", "malformed JSON at line 1"},
		"position":           {"{\n  \"model\": nope}", "", "line 2, column 13"},
		"trailing data":      {with(`"n":1`) + `{}`, "", "malformed JSON"},
		"array":              {`[]`, "", "JSON object"},
		"null":               {`null`, "", "JSON object"},
		"invalid utf-8":      {"{\"model\":\"\xff\"}", "", "offset 10"},
		"NaN":                {with(`"temperature":NaN`), "", "malformed JSON"},
		"huge number":        {with(`"temperature":1e999`), "temperature", "number"},
		"huge integer":       {with(`"max_tokens":99999999999999999999`), "max_tokens", "integer"},
		"fraction":           {with(`"max_tokens":1.5`), "max_tokens", "integer"},
		"deep nesting":       {with(`"x":` + strings.Repeat("[", 9999) + strings.Repeat("]", 9999)), "", "nests deeper"},
		"no messages":        {`{}`, "messages", "empty"},
		"empty messages":     {`{"messages":[]}`, "messages", "empty"},
		"messages no array":  {`{"messages":"hi"}`, "messages", "an array"},
		"unknown role":       {message(`{"role":"robot","content":"x"}`), "messages[1].role", `"robot"`},
		"role number":        {message(`{"role":1,"content":"x"}`), "messages.role", "a string"},
		"content number":     {message(`{"role":"user","content":1}`), "messages[1].content", "string or an array"},
		"content missing":    {message(`{"role":"user"}`), "messages[1].content", "missing"},
		"image part":         {message(`{"role":"user","content":[{"type":"image_url"}]}`), "messages[1].content[0]", "image_url"},
		"tool calls only":    {message(`{"role":"assistant","tool_calls":[{}]}`), "messages[1].tool_calls", "content"},
		"stream string":      {with(`"stream":"yes"`), "stream", "true or false"},
		"temperature string": {with(`"temperature":"hot"`), "temperature", "a number"},
		"temperature high":   {with(`"temperature":2.5`), "temperature", "between 0 and 2"},
		"top_p low":          {with(`"top_p":-1`), "top_p", "between 0 and 1"},
		"max_tokens zero":    {with(`"max_tokens":0`), "max_tokens", "between 1"},
		"completion huge":    {with(`"max_completion_tokens":9999999`), "max_completion_tokens", "between 1"},
		"n":                  {with(`"n":2`), "n", "only 1"},
		"stop number":        {with(`"stop":1`), "stop", "string or an array"},
		"stop empty":         {with(`"stop":[""]`), "stop", "stop[0]"},
		"stop many":          {with(`"stop":[` + strings.Repeat(`"a",`, 99) + `"a"]`), "stop", "100 strings"},
		"tools object":       {with(`"tools":{}`), "tools", "array"},
		"privacy":            {with(`"cusp":{"privacy":"secret"}`), "cusp.privacy", `"secret"`},
		"privacy misspelt":   {with(`"cusp":{"privcy":"private"}`), "cusp", "privcy"},
		"privacy number":     {with(`"cusp":{"privacy":1}`), "cusp.privacy", "a JSON number"},
		"id wildcard":        {with(`"cusp":{"id":"a/#"}`), "cusp.id", "letters"},
		"id long":            {with(`"cusp":{"id":"` + strings.Repeat("a", 129) + `"}`), "cusp.id", "129 bytes"},
		"deadline":           {with(`"cusp":{"deadline_ms":0}`), "cusp.deadline_ms", "between"},
		"cusp string":        {with(`"cusp":"x"`), "cusp", "an object"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := DecodeRequest([]byte(c.body), testNow)
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("error %v; want an *Error", err)
			}
			if e.Status != 400 || e.Param != c.param || !strings.Contains(e.Message, c.says) || e.Type != typeInvalid {
				t.Errorf("status %d, param %q, message %q; want 400, %q, and a message with %q", e.Status, e.Param, e.Message, c.param, c.says)
			}
		})
	}
}

func FuzzDecodeRequest(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, `[]`, `null`, `{"messages":[{"role":"user","content":"hi"}]}`,
		with(`"stop":"x"`), with(`"stop":["x"]`), with(`"n":2`), with(`"temperature":1e999`),
		with(`"cusp":{"id":"a","privacy":"private","deadline_ms":10}`),
		`{"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}]}`,
		`{"messages":[{"role":"assistant","content":null,"tool_calls":[{}]}]}`,
		"{\"model\":\"\xff\"}", `{"messages":[{"role":"user","content":"\ud800"}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := DecodeRequest(body, testNow)
		var e *Error
		if err != nil {
			if !errors.As(err, &e) || e.Message == "" || e.Status != 400 {
				t.Fatalf("error %v is no complete *Error", err)
			}
			return
		}
		q := r.Question
		if len(q.Messages) == 0 || router.CheckID(q.ID) != nil || q.ID == "" {
			t.Fatalf("accepted %q as %+v", body, q)
		}
	})
}
