package border

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/a472be26/cusp/router"
)

func TestFramesComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	q := &router.Question{ID: "q", Messages: []router.Message{{Role: "user", Content: "a\nb <c>"}}}
	for _, f := range []frame{
		{Kind: kindAsk, Question: q, Stream: true},
		{Kind: kindLate, Question: q, Cloud: &router.CloudAnswer{Text: "x", ToolCalls: []router.ToolCall{{ID: "1", Name: "f", Arguments: "{}"}}}},
		{Kind: kindLate, Question: q, Failure: &failure{"expired", "too old"}},
		{Kind: kindAccepted}, {Kind: kindTaken}, {Kind: kindServe}, {Kind: kindStatus}, {Kind: kindAnnounce},
		{Kind: kindDelta, Delta: &router.Delta{Text: "line\n\u2028"}},
		{Kind: kindOutcome, Failure: &failure{"refused", "no"}},
		{Kind: kindAnswer, Answer: &router.Answer{Text: "x", Finish: "stop", Receipt: router.Receipt{ID: "q", Route: router.RouteLocal}}},
		{Kind: kindReport, Report: []byte(`{"up":true}`)},
	} {
		line, err := encodeFrame(f)
		if err != nil || bytes.Count(line, []byte("\n")) != 1 {
			t.Errorf("%s: %q, %v", f.Kind, line, err)
		}
		back, err := readFrame(bufio.NewReader(bytes.NewReader(line)))
		if err != nil || !reflect.DeepEqual(back, f) {
			t.Errorf("%s: %+v became %+v, %v", f.Kind, f, back, err)
		}
	}
}

func TestFramesAreChecked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ line, says string }{
		"no object":           {"[]", "array"},
		"no kind":             {"{}", "not known"},
		"unknown kind":        {`{"kind":"sing"}`, "not known"},
		"no question":         {`{"kind":"ask"}`, "no question"},
		"an id for no topic":  {`{"kind":"ask","question":{"id":"a/b"}}`, "characters"},
		"late without an end": {`{"kind":"late","question":{"id":"a"}}`, "either cloud or failure"},
		"two ends":            {`{"kind":"outcome","cloud":{},"failure":{}}`, "either cloud or failure"},
		"no end":              {`{"kind":"answer"}`, "either answer or failure"},
		"no delta":            {`{"kind":"delta"}`, "no delta"},
		"no report":           {`{"kind":"report"}`, "no report"},
		"wrong type":          {`{"kind":"delta","delta":{"Text":1}}`, "Text"},
		"two objects":         {`{"kind":"taken"}{"kind":"taken"}`, "after top-level"},
	} {
		_, err := decodeFrame([]byte(c.line))
		if !errors.Is(err, errProtocol) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: error %v, want %q", name, err, c.says)
		}
	}
}

// endless is a peer that never ends its line.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	e.read += len(p)
	return len(p), nil
}

func TestALineIsBounded(t *testing.T) {
	t.Parallel()
	e := &endless{}
	_, err := readFrame(bufio.NewReader(e))
	if !errors.Is(err, errTooLong) || e.read > maxLine+8192 {
		t.Errorf("after %d bytes: %v", e.read, err)
	}
	if _, err := encodeFrame(frame{Kind: kindDelta, Delta: &router.Delta{Text: strings.Repeat("x", maxLine)}}); !errors.Is(err, errTooLong) {
		t.Errorf("encoded: %v", err)
	}
}

func TestACutLineIsNoEnd(t *testing.T) {
	t.Parallel()
	if _, err := readFrame(bufio.NewReader(strings.NewReader(`{"kind":"taken"}`))); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error %v", err)
	}
	if _, err := readFrame(bufio.NewReader(strings.NewReader(""))); err != io.EOF {
		t.Errorf("error %v", err)
	}
}

func FuzzReadFrame(f *testing.F) {
	for _, seed := range []string{
		"", "\n", "{}\n", `{"kind":"taken"}` + "\n", `{"kind":"ask","question":{"id":"a","messages":[{"role":"user","content":"x"}]}}` + "\n",
		`{"kind":"late","question":{"id":"a"},"failure":{"code":"expired","message":"m"}}` + "\n",
		`{"kind":"outcome","cloud":{"text":"x","tool_calls":[{"id":"1","function":{"name":"f"}}]}}` + "\n",
		`{"kind":"answer","answer":{"Receipt":{"confidence":1e400}}}` + "\n", `{"kind":"report","report":null}` + "\n", "\xff\xfe\n",
		`{"kind":"delta","delta":{"Text":"\ud800"}}` + "\n" + `{"kind":"taken"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		r := bufio.NewReader(bytes.NewReader(wire))
		for {
			got, err := readFrame(r)
			if err != nil {
				return
			}
			if got.Question != nil && (got.Kind == kindAsk || got.Kind == kindLate) && router.CheckID(got.Question.ID) != nil {
				t.Fatalf("%q gave the id %q", wire, got.Question.ID)
			}
			line, err := encodeFrame(got)
			if err != nil {
				t.Fatalf("%q was read and cannot be written: %v", wire, err)
			}
			if _, err := decodeFrame(line); err != nil {
				t.Fatalf("%q became %q, which cannot be read: %v", wire, line, err)
			}
		}
	})
}
