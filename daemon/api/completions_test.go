package api

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/a472be26/cusp/router"
)

func TestDecodeCompletion(t *testing.T) {
	t.Parallel()
	r, err := DecodeCompletion([]byte(`{"model":"m","prompt":["a",[1,2]],"n":2,"best_of":2,"max_tokens":3,"logprobs":1,"seed":5,"stop":"x","stream":true,
		"stream_options":{"include_usage":true},"temperature":0.5,"echo":false,"suffix":null,"cusp":{"id":"q","privacy":"private"}}`), testNow)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Prompts) != 4 || r.N != 4 || !r.Stream || !r.IncludeUsage || *r.LogProbs != 1 {
		t.Fatalf("%+v", r)
	}
	for i, q := range r.Prompts {
		second := i >= 2
		if (q.Prompt == "a") == second || (len(q.PromptTokens) == 2) != second || q.Privacy != router.Private || q.Options.MaxTokens != 3 || !q.Options.LogProbs || q.Options.TopLogProbs != 1 {
			t.Errorf("question %d: %+v", i, q)
		}
	}
	if r.Prompts[0].ID != "q" || r.Prompts[3].ID != "q:3" || *r.Prompts[0].Options.Seed == *r.Prompts[1].Options.Seed {
		t.Errorf("%+v", r.Prompts)
	}
	if r, err := DecodeCompletion([]byte(`{"prompt":"a"}`), testNow); err != nil || r.Prompts[0].Options.MaxTokens != 16 || r.Prompts[0].Options.LogProbs {
		t.Errorf("defaults: %+v, error %v", r, err)
	}
}

func TestDecodeCompletionRefusals(t *testing.T) {
	t.Parallel()
	for body, c := range map[string]struct{ param, says string }{
		`{}`:                                     {"prompt", "missing"},
		`{"prompt":null}`:                        {"prompt", "missing"},
		`{"prompt":""}`:                          {"prompt", "empty"},
		`{"prompt":[]}`:                          {"prompt", "empty"},
		`{"prompt":["a",""]}`:                    {"prompt", "text 1 is empty"},
		`{"prompt":[[]]}`:                        {"prompt", "text 0 is empty"},
		`{"prompt":5}`:                           {"prompt", "a string"},
		`{"prompt":[1.5]}`:                       {"prompt", "prompt[0]"},
		`{"prompt":[99999999999]}`:               {"prompt", "prompt[0]"},
		`{"prompt":["a",{}]}`:                    {"prompt", "prompt[1]"},
		`{"prompt":["a","b","c"],"n":6}`:         {"prompt", "3 texts; at most 2"},
		`{"prompt":"a","echo":true}`:             {"echo", "not supported"},
		`{"prompt":"a","suffix":"b"}`:            {"suffix", "not supported"},
		`{"prompt":"a","best_of":2}`:             {"best_of", "best_of is 2"},
		`{"prompt":"a","logprobs":6}`:            {"logprobs", "between 0 and 5"},
		`{"prompt":"a","logprobs":true}`:         {"logprobs", "an integer"},
		`{"prompt":"a","max_tokens":0}`:          {"max_tokens", "between 1"},
		`{"prompt":"a","temperature":9}`:         {"temperature", "between 0 and 2"},
		`{"prompt":"a","temperature":"x"}`:       {"temperature", "a number"},
		`{"prompt":"a","cusp":{"privacy":"so"}}`: {"cusp.privacy", "so"},
		`[]`:                                     {"", "object"},
	} {
		_, err := DecodeCompletion([]byte(body), testNow)
		var e *Error
		if !errors.As(err, &e) || e.Status != 400 || e.Param != c.param || !strings.Contains(e.Message, c.says) {
			t.Errorf("%s: %+v, want %s and %q", body, err, c.param, c.says)
		}
	}
}

func FuzzDecodeCompletion(f *testing.F) {
	for _, seed := range []string{`{}`, `{"prompt":"a","n":3}`, `{"prompt":[1,2]}`, `{"prompt":[[1],"b"],"logprobs":2,"stop":["x"]}`, `{"prompt":"a","cusp":{"id":"x"}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := DecodeCompletion(body, testNow)
		var e *Error
		if err != nil {
			if !errors.As(err, &e) || e.Message == "" || e.Status != 400 {
				t.Fatalf("error %v is no complete *Error", err)
			}
			return
		}
		for _, q := range r.Prompts {
			if q.Prompt == "" && len(q.PromptTokens) == 0 || router.CheckID(q.ID) != nil {
				t.Fatalf("accepted %q as %+v", body, q)
			}
		}
	})
}

func TestCompletionOfTexts(t *testing.T) {
	t.Parallel()
	s := &several{}
	resp := post(s, "POST", "/v1/completions", `{"prompt":["a","b"],"n":2,"logprobs":1,"cusp":{"id":"q"}}`)
	m := decode(t, resp.Body)
	all := m["choices"].([]any)
	if resp.StatusCode != 200 || len(all) != 4 || m["object"] != "text_completion" || m["id"] != "q" {
		t.Fatalf("%s: %v", resp.Status, m)
	}
	for i, c := range all {
		c := c.(map[string]any)
		id := "q"
		if i > 0 {
			id = fmt.Sprint("q:", i)
		}
		if c["text"] != "I am "+id || c["index"] != float64(i) || c["finish_reason"] != "stop" {
			t.Errorf("choice %d: %v", i, c)
		}
		l := c["logprobs"].(map[string]any)
		if offsets := l["text_offset"].([]any); len(offsets) != 2 || offsets[1] != 5. || l["tokens"].([]any)[0] != "I am " || l["token_logprobs"].([]any)[1] != -9999. {
			t.Errorf("choice %d: log-probabilities %v", i, l)
		}
	}
	if u := m["usage"].(map[string]any); u["prompt_tokens"] != 8. || u["completion_tokens"] != 8. { // each prompt once
		t.Errorf("usage %v", u)
	}
	texts, last := map[float64]string{}, map[string]any{}
	for _, c := range chunks(t, post(s, "POST", "/v1/completions", `{"prompt":["a","b"],"stream":true,"stream_options":{"include_usage":true},"cusp":{"id":"q"}}`).Body) {
		for _, choice := range c["choices"].([]any) {
			choice := choice.(map[string]any)
			texts[choice["index"].(float64)] += choice["text"].(string)
		}
		last = c
	}
	if texts[0] != "I am q" || texts[1] != "I am q:1" || last["usage"] == nil || last["cusp"] == nil {
		t.Errorf("texts %v, last %v", texts, last)
	}
	if resp := post(&script{err: errors.New("engine broke")}, "POST", "/v1/completions", `{"prompt":"a","stream":true}`); resp.StatusCode != 500 {
		t.Errorf("early failure: %s", resp.Status)
	}
}

// Tokens that are a part of a character have names of their own, and offsets count
// characters.
func TestTextLogProbsOfParts(t *testing.T) {
	t.Parallel()
	part := func(b byte) router.LogProb { return router.LogProb{Text: "\ufffd", Bytes: []byte{b}, LogProb: -1} }
	all := []router.LogProb{{Text: "é", Bytes: []byte("é")}, part(0xc3), part(0xa9), {Text: "x", Bytes: []byte("x")}}
	all[1].Top = []router.LogProb{part(0xc3), part(0xc4)}
	got := new(textLog).next(all, new(2))
	if want := []string{"é", `bytes:\xc3`, `bytes:\xa9`, "x"}; !slices.Equal(got.Tokens, want) || len(got.Top[1]) != 2 {
		t.Errorf("tokens %q, likeliest %v", got.Tokens, got.Top[1])
	}
	if want := []int{0, 1, 1, 2}; !slices.Equal(got.Offset, want) {
		t.Errorf("offsets %v, want %v", got.Offset, want)
	}
}
