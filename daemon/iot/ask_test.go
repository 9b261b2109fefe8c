package iot

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/a472be26/cusp/router"
)

func TestDecodeAsk(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	a, err := DecodeAsk([]byte(`{"id":"a:1","prompt":"light on","deadline_ms":250,"privacy":"private","stream":true,"max_tokens":9,"tools":[{}]}`))
	if err != nil {
		t.Fatal(err)
	}
	q := a.Question(now)
	if q.ID != "a:1" || q.Asker != "iot" || q.Privacy != router.Private || q.Options.MaxTokens != 9 || string(q.Options.Tools) != "[{}]" {
		t.Errorf("question %+v", q)
	}
	if !reflect.DeepEqual(q.Messages[0], router.Message{Role: "user", Content: "light on"}) || q.Deadline != now.Add(250*time.Millisecond) || !a.Stream {
		t.Errorf("question %+v", q)
	}
	a, err = DecodeAsk([]byte(`{"id":"b","messages":[{"role":"system","content":"x"},{"role":"user","content":"y"}]}`))
	if err != nil || len(a.Question(now).Messages) != 2 {
		t.Errorf("messages: %+v, %v", a, err)
	}
}

func TestDecodeAskRefusesAndSavesTheID(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ payload, id, says string }{
		"empty":           {``, "", "EOF"},
		"cut off":         {`{"id":"a"`, "", "EOF"},
		"not an object":   {`"a"`, "", "string"},
		"invalid utf-8":   {"{\"id\":\"\xff\"}", "", "UTF-8"},
		"huge":            {strings.Repeat(" ", MaxAskBytes+1), "", "at most"},
		"no id":           {`{"prompt":"x"}`, "", "id has 0 bytes"},
		"id with slash":   {`{"id":"a/b","prompt":"x"}`, "", "characters"},
		"id with hash":    {`{"id":"#","prompt":"x"}`, "", "characters"},
		"trailing":        {`{"id":"a","prompt":"x"}{}`, "a", "more data"},
		"misspelt member": {`{"id":"a","prompt":"x","privcy":"private"}`, "a", "privcy"},
		"wrong type":      {`{"id":"a","prompt":1}`, "a", "prompt"},
		"huge number":     {`{"id":"a","prompt":"x","max_tokens":1e99}`, "a", "max_tokens"},
		"nothing asked":   {`{"id":"a"}`, "a", "exactly one"},
		"asked twice":     {`{"id":"a","prompt":"x","messages":[{"role":"user","content":"y"}]}`, "a", "exactly one"},
		"role":            {`{"id":"a","messages":[{"role":"robot","content":"y"}]}`, "a", `"robot"`},
		"privacy":         {`{"id":"a","prompt":"x","privacy":"Private!"}`, "a", "Private!"},
		"deadline":        {`{"id":"a","prompt":"x","deadline_ms":-5}`, "a", "-5"},
		"max_tokens":      {`{"id":"a","prompt":"x","max_tokens":-1}`, "a", "-1"},
		"tools":           {`{"id":"a","prompt":"x","tools":{}}`, "a", "array"},
	} {
		a, err := DecodeAsk([]byte(c.payload))
		if err == nil || !strings.Contains(err.Error(), c.says) || a.ID != c.id {
			t.Errorf("%s: id %q, error %v; want id %q and %q", name, a.ID, err, c.id, c.says)
		}
	}
}

func FuzzDecodeAsk(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, `{"id":"a","prompt":"x"}`, `{"id":"a/b"}`, `{"id":"a","privcy":"x"}`, `[`, "\xff",
		`{"id":"a","messages":[{"role":"user","content":"y"}],"deadline_ms":1,"tools":[{}],"stream":true}`,
		`{"id":"a","prompt":"x"}{}`, `{"id":"a","prompt":"x","max_tokens":1e99}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		a, err := DecodeAsk(payload)
		if a.ID != "" && router.CheckID(a.ID) != nil {
			t.Fatalf("%q gave the id %q, unfit for a topic", payload, a.ID)
		}
		if err == nil && len(a.Question(time.Now()).Messages) == 0 {
			t.Fatalf("%q was accepted without anything asked", payload)
		}
	})
}
