package uplink

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/a472be26/cusp/router"
)

func TestDecodeAsk(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, payload string
		id            string // of what was decoded, also beside an error
		err           string // part of it; empty means none
	}{
		{"plain", `{"id":"q.1:A_b-c","messages":[{"role":"user","content":"hi"}],"ttl_ms":1}`, "q.1:A_b-c", ""},
		{"unknown members are ignored", `{"id":"q","messages":[{"role":"user","content":"","x":1}],"later":{}}`, "q", ""},
		{"not JSON", `<html>`, "", "not a JSON object"},
		{"null", `null`, "", "not a JSON object"},
		{"cut off", `{"id":"q","messages":[`, "", "unexpected EOF"},
		{"more behind", `{"id":"q","messages":[{"role":"user","content":""}]} x`, "", "more data"},
		{"wrong type keeps the id", `{"id":"q","messages":"hi"}`, "q", "cannot unmarshal"},
		{"no id", `{"messages":[{"role":"user","content":""}]}`, "", "question id has 0 bytes"},
		{"wildcard in the id", `{"id":"a/+","messages":[{"role":"user","content":""}]}`, "", `other than letters`},
		{"long id", `{"id":"` + strings.Repeat("a", 129) + `"}`, "", "129 bytes"},
		{"no messages", `{"id":"q"}`, "q", "0 messages"},
		{"unknown role", `{"id":"q","messages":[{"role":"root","content":""}]}`, "q", `messages[0].role "root"`},
		{"negative max_tokens", `{"id":"q","messages":[{"role":"user","content":""}],"options":{"max_tokens":-1}}`, "q", "max_tokens -1"},
		{"centuries", `{"id":"q","messages":[{"role":"user","content":""}],"ttl_ms":9000000000000000000}`, "q", "more than a year"},
		{"not UTF-8", "{\"id\":\"q\xff\"}", "", "UTF-8"},
		{"too large", strings.Repeat(" ", MaxAskBytes+1), "", "at most 1048576"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a, err := DecodeAsk([]byte(c.payload))
			checkError(t, err, c.err)
			if a.ID != c.id {
				t.Errorf("id %q, want %q", a.ID, c.id)
			}
		})
	}
}

func checkError(t *testing.T, err error, part string) {
	t.Helper()
	switch {
	case part == "" && err != nil:
		t.Errorf("error %v, want none", err)
	case part != "" && (err == nil || !strings.Contains(err.Error(), part)):
		t.Errorf("error %v, want one with %q", err, part)
	}
}

func TestDecodeAnswer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, payload, err string }{
		{"delta", `{"id":"q","run":"r","seq":7,"delta":"灯"}`, ""},
		{"done", `{"id":"q","seq":0,"done":true,"usage":{"prompt_tokens":1,"completion_tokens":0}}`, ""},
		{"error", `{"id":"q","seq":0,"done":true,"error":{"code":"x"}}`, ""},
		{"seq is text", `{"id":"q","seq":"1"}`, "cannot unmarshal"},
		{"seq below 0", `{"id":"q","seq":-1}`, "seq -1"},
		{"seq is a fraction", `{"id":"q","seq":1.5}`, "cannot unmarshal"},
		{"seq beyond bounds", `{"id":"q","seq":1048577}`, "seq 1048577"},
		{"error in the middle", `{"id":"q","seq":0,"error":{"code":"x"}}`, "error without done"},
		{"error without a code", `{"id":"q","seq":0,"done":true,"error":{}}`, "error.code is empty"},
		{"negative usage", `{"id":"q","usage":{"prompt_tokens":-1}}`, "negative"},
		{"long run", `{"id":"q","run":"` + strings.Repeat("r", 200) + `"}`, "run has 200"},
		{"empty", ``, "not a JSON object"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := DecodeAnswer([]byte(c.payload))
			checkError(t, err, c.err)
		})
	}
}

func TestDeviceOf(t *testing.T) {
	t.Parallel()
	if d, err := DeviceOf(AskTopic("kitchen-1")); d != "kitchen-1" || err != nil {
		t.Errorf("DeviceOf = %q, %v", d, err)
	}
	for _, topic := range []string{"cusp/cloud/ask/", "cusp/cloud/ask/a/b", "cusp/cloud/answer/a", "", "cusp/cloud/ask/+"} {
		if _, err := DeviceOf(topic); err == nil {
			t.Errorf("DeviceOf(%q) has no error", topic)
		}
	}
}

func FuzzDecodeAsk(f *testing.F) {
	f.Fuzz(func(t *testing.T, payload []byte) {
		a, err := DecodeAsk(payload)
		if a.ID != "" && CheckID("question", a.ID) != nil {
			t.Fatalf("id %q got through", a.ID)
		}
		if err != nil {
			return
		}
		again, err := json.Marshal(a)
		if err != nil {
			t.Fatalf("decoded question cannot be encoded: %v", err)
		}
		if len(again) > MaxAskBytes {
			return // escaping made it longer
		}
		if _, err := DecodeAsk(again); err != nil {
			t.Fatalf("encoded question cannot be decoded: %v", err)
		}
	})
}

func FuzzDecodeAnswer(f *testing.F) {
	f.Fuzz(func(t *testing.T, payload []byte) {
		a, err := DecodeAnswer(payload)
		if err != nil {
			return
		}
		again, err := json.Marshal(a)
		if err != nil {
			t.Fatalf("decoded answer cannot be encoded: %v", err)
		}
		if len(again) > MaxAnswerBytes {
			return // escaping made it longer
		}
		b, err := DecodeAnswer(again)
		if err != nil || !reflect.DeepEqual(a, b) {
			t.Fatalf("%+v came back as %+v, %v", a, b, err)
		}
	})
}

func TestEncodedQuestionIsWhatWorkersAccept(t *testing.T) {
	t.Parallel()
	zero, seed := 0.0, int64(7)
	q := router.Question{
		ID: "q", Messages: []router.Message{{Role: "user", Content: "<灯>"}}, Asker: "api",
		Options: router.Options{MaxTokens: 3, Temperature: &zero, Seed: &seed, Stop: []string{"x"}, Tools: json.RawMessage(`[{"a":1}]`)},
	}
	payload, err := encodeAsk(q, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	a, err := DecodeAsk(payload)
	if err != nil || !reflect.DeepEqual(a.Options, q.Options) || !reflect.DeepEqual(a.Messages, q.Messages) || *a.TTLMS != 1 {
		t.Errorf("%s came back as %+v, %v", payload, a, err)
	}
}
