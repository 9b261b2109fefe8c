package api

import (
	"encoding/json"
	"errors"
	"reflect"
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

// Whatever the client of this package can ask is what arrives.
func TestSamplingSettingsArrive(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]router.Options{
		"none": {},
		"OpenAI's": {
			MaxTokens: 9, Temperature: new(0.), TopP: new(0.), Seed: new(int64(-1)), Stop: []string{"x"}, Frequency: -2, Presence: 0.5,
			LogitBias: map[int32]float64{0: -100, 7: 0.25}, LogProbs: true, TopLogProbs: 20,
		},
		"others": {
			TopK: 3, MinP: 0.1, TypicalP: 0.9, Repetition: 1.1, IgnoreEOS: true, Mirostat: &router.Mirostat{Tau: 4, Eta: 0.2},
			DRY: &router.DRY{Multiplier: 1, Base: 2, AllowedLength: 3, Range: 4, Breakers: []string{"a"}},
		},
		"without breakers": {DRY: &router.DRY{Multiplier: 1, Breakers: []string{}}, Mirostat: &router.Mirostat{Tau: 4}},
	} {
		q := router.Question{ID: "q", Messages: []router.Message{{Role: "user", Content: "hi"}}, Options: o}
		body, err := json.Marshal(clientRequest(q))
		if err != nil {
			t.Fatal(err)
		}
		r, err := DecodeRequest(body, testNow)
		if err != nil || !reflect.DeepEqual(r.Question.Options, o) {
			t.Errorf("%s: %+v, error %v, want %+v", name, r.Question.Options, err, o)
		}
	}
}

// What llama.cpp's server takes means the same here.
func TestSettingsOfLlamaCpp(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]router.Options{
		`"mirostat":2`:                                  {Mirostat: &router.Mirostat{Tau: 5}},
		`"mirostat":0,"mirostat_tau":3`:                 {},
		`"dry_multiplier":0.8`:                          {DRY: &router.DRY{Multiplier: 0.8}},
		`"dry_multiplier":0.8,"dry_penalty_last_n":0`:   {},
		`"dry_multiplier":0.8,"dry_penalty_last_n":-1`:  {DRY: &router.DRY{Multiplier: 0.8, Range: 32768}},
		`"dry_base":1.5,"dry_sequence_breakers":["\n"]`: {},
	} {
		r, err := DecodeRequest([]byte(with(body)), testNow)
		if err != nil || !reflect.DeepEqual(r.Question.Options, want) {
			t.Errorf("%s: %+v, error %v, want %+v", body, r.Question.Options, err, want)
		}
	}
}

func TestDecodeRequestDefaults(t *testing.T) {
	t.Parallel()
	r, err := DecodeRequest([]byte(`{"messages":[{"role":"user","content":"hi"}],"stop":"x","temperature":null}`), testNow)
	if err != nil {
		t.Fatal(err)
	}
	q := r.Question
	if q.ID == "" || r.N != 1 || r.Stream || !q.Deadline.IsZero() || q.Privacy != router.Public || q.Options.Temperature != nil || q.Options.Stop[0] != "x" {
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
		"n zero":             {with(`"n":0`), "n", "between 1 and 16"},
		"n large":            {with(`"n":17`), "n", "n is 17"},
		"n and a long id":    {with(`"n":11,"cusp":{"id":"` + strings.Repeat("a", 126) + `"}`), "cusp.id", "with n of 11 it can have 125"},
		"min_p":              {with(`"min_p":1.5`), "min_p", "between 0 and 1"},
		"typical_p":          {with(`"typical_p":-1`), "typical_p", "between 0 and 1"},
		"top_k":              {with(`"top_k":-1`), "top_k", "between 0 and"},
		"repetition":         {with(`"repetition_penalty":0`), "repetition_penalty", "between 0.1 and 10"},
		"frequency":          {with(`"frequency_penalty":2.1`), "frequency_penalty", "between -2 and 2"},
		"presence":           {with(`"presence_penalty":-2.1`), "presence_penalty", "between -2 and 2"},
		"presence string":    {with(`"presence_penalty":"x"`), "presence_penalty", "a number"},
		"bias list":          {with(`"logit_bias":[1]`), "logit_bias", "an object"},
		"bias of text":       {with(`"logit_bias":{"hello":1}`), "logit_bias", `"hello"`},
		"bias twice":         {with(`"logit_bias":{"01":1}`), "logit_bias", `"01"`},
		"bias negative":      {with(`"logit_bias":{"-1":1}`), "logit_bias", `"-1"`},
		"bias large":         {with(`"logit_bias":{"1":101}`), "logit_bias", "between -100 and 100"},
		"logprobs number":    {with(`"logprobs":5`), "logprobs", "true or false"},
		"top_logprobs":       {with(`"logprobs":true,"top_logprobs":21`), "top_logprobs", "between 0 and 20"},
		"top_logprobs alone": {with(`"top_logprobs":2`), "top_logprobs", "logprobs is not true"},
		"dry_multiplier":     {with(`"dry_multiplier":-1`), "dry_multiplier", "between 0 and 100"},
		"dry_base":           {with(`"dry_base":0.5`), "dry_base", "between 1 and 100"},
		"dry_allowed_length": {with(`"dry_allowed_length":0`), "dry_allowed_length", "between 1"},
		"dry_penalty_last_n": {with(`"dry_penalty_last_n":-2`), "dry_penalty_last_n", "between -1"},
		"breaker empty":      {with(`"dry_sequence_breakers":[""]`), "dry_sequence_breakers", "dry_sequence_breakers[0]"},
		"breakers many":      {with(`"dry_sequence_breakers":[` + strings.Repeat(`"a",`, 16) + `"a"]`), "dry_sequence_breakers", "17 strings"},
		"mirostat 1":         {with(`"mirostat":1`), "mirostat", "0 (off) or 2"},
		"mirostat_tau":       {with(`"mirostat":2,"mirostat_tau":0`), "mirostat_tau", "between 0.01"},
		"mirostat_eta":       {with(`"mirostat_eta":2`), "mirostat_eta", "and 1"},
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
		with(`"logit_bias":{"7":-100,"8":1.5},"logprobs":true,"top_logprobs":3,"frequency_penalty":1,"presence_penalty":-1`),
		with(`"dry_multiplier":1,"dry_base":2,"dry_penalty_last_n":-1,"dry_sequence_breakers":["a"],"mirostat":2,"typical_p":0.5`),
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
		if len(q.Messages) == 0 || q.ID == "" || r.N < 1 || r.N > maxChoices || router.CheckID(q.Nth(r.N-1).ID) != nil {
			t.Fatalf("accepted %q as %+v", body, q)
		}
	})
}
