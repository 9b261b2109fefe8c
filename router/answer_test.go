package router

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/a472be26/cusp/router/calibrate"
)

// sureCalibration gives every answer the confidence y.
func sureCalibration(y float64) *calibrate.Calibration {
	n := len(calibrate.FeatureNames)
	return &calibrate.Calibration{
		Version: 2, Threshold: 0.9, Declines: []string{"not mine"},
		Rule:     calibrate.Rule{Features: calibrate.FeatureNames, Mean: make([]float64, n), Scale: ones(n), Weights: make([]float64, n)},
		Isotonic: calibrate.Isotonic{X: []float64{0}, Y: []float64{y}},
	}
}

func ones(n int) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = 1
	}
	return v
}

// fakeLocal says a fixed text, word by word.
type fakeLocal struct {
	text, finish string
	confidence   float64
	err          error
}

func (f fakeLocal) Answer(ctx context.Context, q Question, emit func(Delta) error) (LocalAnswer, error) {
	if f.err != nil {
		return LocalAnswer{}, f.err
	}
	for _, piece := range strings.SplitAfter(f.text, " ") {
		if err := emit(Delta{Text: piece}); err != nil {
			return LocalAnswer{}, err
		}
	}
	return LocalAnswer{
		Text: f.text, Finish: f.finish, Tokens: []calibrate.Token{{LogProb: -0.1, Margin: 3}}, PromptTokens: 4,
		Model: Model{Name: "student", Version: "1.0.0", Bundle: "abc"}, Calibration: sureCalibration(f.confidence),
	}, nil
}

// fakeCloud says its pieces, or fails, or stays silent until ctx ends.
type fakeCloud struct {
	pieces []string
	err    error
	silent bool
	asked  *int
}

func (f fakeCloud) Up() bool { return f.err == nil }

func (f fakeCloud) Ask(ctx context.Context, q Question, emit func(string) error) (CloudAnswer, error) {
	*f.asked++
	for _, p := range f.pieces {
		if err := emit(p); err != nil {
			return CloudAnswer{}, err
		}
	}
	if f.silent {
		<-ctx.Done()
		return CloudAnswer{}, ctx.Err()
	}
	return CloudAnswer{Text: strings.Join(f.pieces, ""), Finish: "stop", Model: "teacher"}, f.err
}

func TestAnswer(t *testing.T) {
	t.Parallel()
	sure := fakeLocal{text: "a b", finish: "stop", confidence: 0.99}
	unsure := fakeLocal{text: "a b", finish: "stop", confidence: 0.2}
	for _, c := range []struct {
		name   string
		local  Local
		cloud  *fakeCloud
		q      Question
		text   string
		route  Route
		reason Reason
		asked  int
		err    error
	}{
		{"confident", sure, &fakeCloud{}, Question{}, "a b", RouteLocal, ReasonConfident, 0, nil},
		{"escalated", unsure, &fakeCloud{pieces: []string{"x", "y"}}, Question{}, "xy", RouteCloud, ReasonBelowThreshold, 1, nil},
		{"declined", fakeLocal{text: "not mine", confidence: 0.99}, &fakeCloud{pieces: []string{"x"}}, Question{}, "x", RouteCloud, ReasonDeclined, 1, nil},
		{"with a temperature", sure, &fakeCloud{pieces: []string{"x"}}, Question{Options: Options{Temperature: new(0.7)}}, "x", RouteCloud, ReasonSampled, 1, nil},
		{"no cloud", unsure, nil, Question{}, "a b", RouteProvisional, ReasonNoCloud, 0, nil},
		{"private stays", unsure, &fakeCloud{pieces: []string{"x"}}, Question{Privacy: Private}, "a b", RouteProvisional, ReasonPrivate, 0, nil},
		{"deadline", unsure, &fakeCloud{silent: true}, Question{Deadline: time.Now().Add(20 * time.Millisecond)}, "a b", RouteProvisional, ReasonDeadline, 1, nil},
		{"cloud fails", unsure, &fakeCloud{err: ErrRefused}, Question{}, "a b", RouteProvisional, ReasonCloudFailed, 1, nil},
		{"cloud fails in mid-stream", unsure, &fakeCloud{pieces: []string{"x"}, err: ErrRefused}, Question{}, "", "", "", 1, ErrRefused},
		{"local model fails", fakeLocal{err: errors.New("no weights")}, &fakeCloud{pieces: []string{"x"}}, Question{}, "x", RouteCloud, ReasonNoLocalModel, 1, nil},
		{"no local model", nil, &fakeCloud{pieces: []string{"x"}}, Question{}, "x", RouteCloud, ReasonNoLocalModel, 1, nil},
		{"everything fails", fakeLocal{err: errors.New("no weights")}, nil, Question{}, "", "", "", 0, ErrUnanswerable},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var asked, recorded int
			r := &Router{Local: c.local, Record: func(Question, string, Answer) { recorded++ }}
			if c.cloud != nil {
				c.cloud.asked = &asked
				r.Cloud = c.cloud
			}
			var streamed strings.Builder
			a, err := r.Answer(t.Context(), c.q, func(d Delta) error { streamed.WriteString(d.Text); return nil })
			if !errors.Is(err, c.err) {
				t.Fatalf("error %v, want %v", err, c.err)
			}
			if asked != c.asked {
				t.Errorf("cloud asked %d times, want %d", asked, c.asked)
			}
			if err != nil {
				return
			}
			if a.Text != c.text || streamed.String() != c.text {
				t.Errorf("text %q, streamed %q, want %q", a.Text, streamed.String(), c.text)
			}
			if a.Receipt.Route != c.route || a.Receipt.Reason != c.reason || a.Receipt.ID == "" {
				t.Errorf("receipt %+v, want route %s, reason %s and an id", a.Receipt, c.route, c.reason)
			}
			if recorded != 1 {
				t.Errorf("recorded %d times, want once", recorded)
			}
		})
	}
}

// A calibration promises nothing of other than the likeliest tokens; and what
// means nothing to another model does not go to it.
func TestSampledQuestions(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		o       Options
		sampled bool
	}{
		"none":              {Options{}, false},
		"temperature 0":     {Options{Temperature: new(0.), TopK: 4, TopP: new(0.5), TypicalP: 0.5, MinP: 0.1, Seed: new(int64(1)), LogProbs: true}, false},
		"temperature":       {Options{Temperature: new(0.1)}, true},
		"repetition":        {Options{Repetition: 1.1}, true},
		"repetition of 1":   {Options{Repetition: 1}, false},
		"frequency":         {Options{Frequency: 0.1}, true},
		"presence":          {Options{Presence: -0.1}, true},
		"DRY":               {Options{DRY: &DRY{Multiplier: 1}}, true},
		"mirostat":          {Options{Mirostat: &Mirostat{Tau: 5}}, true},
		"bias":              {Options{LogitBias: map[int32]float64{3: 1}}, true},
		"no bias of tokens": {Options{LogitBias: map[int32]float64{}}, false},
	} {
		var got Options
		r := &Router{Local: fakeLocal{text: "a", finish: "stop", confidence: 0.99}, Cloud: questions(func(q Question) { got = q.Options })}
		a, err := r.Answer(t.Context(), Question{Options: c.o}, nil)
		if err != nil || (a.Receipt.Reason == ReasonSampled) != c.sampled || (a.Receipt.Route == RouteCloud) != c.sampled {
			t.Errorf("%s: receipt %+v, error %v", name, a.Receipt, err)
		}
		if got.LogitBias != nil || got.LogProbs || got.TopLogProbs != 0 || c.sampled && (got.Frequency != c.o.Frequency || got.Presence != c.o.Presence) {
			t.Errorf("%s: the cloud was asked with %+v", name, got)
		}
	}
}

// questions is a Cloud that notes what it was asked.
type questions func(Question)

var _ Cloud = questions(nil)

func (questions) Up() bool { return true }
func (f questions) Ask(_ context.Context, q Question, _ func(string) error) (CloudAnswer, error) {
	f(q)
	return CloudAnswer{Text: "x", Finish: "stop"}, nil
}

// Log-probabilities are those of the text that is given: the cloud's has none.
func TestLogProbsAreOfTheAnswer(t *testing.T) {
	t.Parallel()
	local := localFunc(func() LocalAnswer {
		return LocalAnswer{Text: "a", Finish: "stop", LogProbs: []LogProb{{Text: "a", LogProb: -1}}}
	})
	for _, c := range []struct {
		cloud Cloud
		want  int
	}{{nil, 1}, {questions(func(Question) {}), 0}} {
		r := &Router{Local: local, Cloud: c.cloud}
		if a, err := r.Answer(t.Context(), Question{Options: Options{LogProbs: true}}, nil); err != nil || len(a.LogProbs) != c.want {
			t.Errorf("route %s: %+v, error %v", a.Receipt.Route, a.LogProbs, err)
		}
	}
}

// localFunc is a Local.
type localFunc func() LocalAnswer

var _ Local = localFunc(nil)

func (f localFunc) Answer(context.Context, Question, func(Delta) error) (LocalAnswer, error) {
	return f(), nil
}

// When nothing can answer, the asker learns what kept each of the two.
func TestUnanswerableNamesBothFailures(t *testing.T) {
	t.Parallel()
	asked, broken := 0, errors.New("prompt is too long")
	r := &Router{Local: fakeLocal{err: broken}, Cloud: fakeCloud{err: ErrRefused, asked: &asked}}
	if _, err := r.Answer(t.Context(), Question{}, nil); !errors.Is(err, ErrUnanswerable) || !errors.Is(err, ErrRefused) || !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}

// An answer that has begun to arrive is not cut off by the deadline.
func TestDeadlineSparesAStreamThatBegan(t *testing.T) {
	t.Parallel()
	r := &Router{Local: fakeLocal{text: "a", confidence: 0.1}, Cloud: slowCloud{}}
	a, err := r.Answer(t.Context(), Question{Deadline: time.Now().Add(30 * time.Millisecond)}, nil)
	if err != nil || a.Text != "xy" || a.Receipt.Route != RouteCloud {
		t.Errorf("answer %+v, error %v", a, err)
	}
}

// cloudFunc is a Cloud.
type cloudFunc func(ctx context.Context, emit func(string) error) (CloudAnswer, error)

var _ Cloud = cloudFunc(nil)

func (cloudFunc) Up() bool { return true }
func (f cloudFunc) Ask(ctx context.Context, _ Question, emit func(string) error) (CloudAnswer, error) {
	return f(ctx, emit)
}

// Text that comes in the same moment as the deadline must not be shown, since
// the provisional answer follows.
func TestNothingBeginsAfterTheDeadline(t *testing.T) {
	t.Parallel()
	r := &Router{Local: fakeLocal{text: "a", confidence: 0.1}, Cloud: cloudFunc(func(ctx context.Context, emit func(string) error) (CloudAnswer, error) {
		<-ctx.Done()
		return CloudAnswer{}, errors.Join(emit("x"), ctx.Err())
	})}
	shown := ""
	a, err := r.Answer(t.Context(), Question{Deadline: time.Now().Add(time.Millisecond)}, func(d Delta) error { shown += d.Text; return nil })
	if err != nil || a.Receipt.Reason != ReasonDeadline || shown != "a" {
		t.Errorf("answer %+v, shown %q, error %v", a, shown, err)
	}
}

// A worker that dies in the middle of its answer does not hold its asker for
// as long as the question is of use.
func TestPauseInAnAnswerIsBounded(t *testing.T) {
	t.Parallel()
	stuck := cloudFunc(func(ctx context.Context, emit func(string) error) (CloudAnswer, error) {
		if err := emit("x"); err != nil {
			return CloudAnswer{}, err
		}
		<-ctx.Done()
		return CloudAnswer{}, ctx.Err()
	})
	r := &Router{Local: fakeLocal{text: "a", confidence: 0.1}, Cloud: stuck, Wait: 20 * time.Millisecond}
	if _, err := r.Answer(t.Context(), Question{}, func(Delta) error { return nil }); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("streamed: error %v", err)
	}
	a, err := r.Answer(t.Context(), Question{}, nil)
	if err != nil || a.Text != "a" || a.Receipt.Route != RouteProvisional || a.Receipt.Reason != ReasonDeadline {
		t.Errorf("not streamed: answer %+v, error %v", a, err)
	}
}

// slowCloud begins at once and ends well after the deadline.
type slowCloud struct{}

func (slowCloud) Up() bool { return true }

func (slowCloud) Ask(ctx context.Context, q Question, emit func(string) error) (CloudAnswer, error) {
	if err := emit("x"); err != nil {
		return CloudAnswer{}, err
	}
	select {
	case <-time.After(60 * time.Millisecond):
	case <-ctx.Done():
		return CloudAnswer{}, ctx.Err()
	}
	return CloudAnswer{Text: "xy", Finish: "stop"}, emit("y")
}

func TestAskerGone(t *testing.T) {
	t.Parallel()
	gone := errors.New("client gone")
	asked := 0
	r := &Router{Local: fakeLocal{text: "a b", confidence: 0.1}, Cloud: fakeCloud{pieces: []string{"x"}, asked: &asked}}
	if _, err := r.Answer(t.Context(), Question{}, func(Delta) error { return gone }); !errors.Is(err, gone) {
		t.Errorf("error %v, want %v", err, gone)
	}
}

// toolCloud answers with reasoning and a call beside its text.
type toolCloud struct{ text string }

func (toolCloud) Up() bool { return true }

func (f toolCloud) Ask(_ context.Context, _ Question, emit func(string) error) (CloudAnswer, error) {
	a := CloudAnswer{Text: f.text, Reasoning: "hm", ToolCalls: []ToolCall{{"c1", "f", "{}"}}, Finish: "tool_calls", Model: "big"}
	if f.text == "" {
		return a, nil
	}
	return a, emit(f.text)
}

// Tool calls and reasoning of either model reach the asker once, streamed or not.
func TestToolCallsReachTheAsker(t *testing.T) {
	t.Parallel()
	call := []ToolCall{{"c0", "g", `{"a":1}`}}
	local := localFunc(func() LocalAnswer {
		return LocalAnswer{Text: "I look.", ToolCalls: call, Finish: "tool_calls", Notes: []string{"no tool call: x"}}
	})
	for name, c := range map[string]struct {
		r     Router
		q     Question
		calls string
		text  string
	}{
		"cloud with text":    {Router{Local: local, Cloud: toolCloud{"so"}}, Question{}, "c1 f {}", "so"},
		"cloud without text": {Router{Local: local, Cloud: toolCloud{}}, Question{}, "c1 f {}", ""},
		"local":              {Router{Local: local}, Question{}, `c0 g {"a":1}`, "I look."},
		"only here":          {Router{Local: local, Cloud: toolCloud{"so"}}, Question{Prompt: "x"}, `c0 g {"a":1}`, "I look."},
		"a grammar":          {Router{Local: local, Cloud: toolCloud{"so"}}, Question{Options: Options{Grammar: "root ::= x"}}, `c0 g {"a":1}`, "I look."},
	} {
		var calls, text string
		a, err := c.r.Answer(t.Context(), c.q, func(d Delta) error {
			text += d.Text
			if d.Call != nil {
				calls += d.Call.ID + " " + d.Call.Name + " " + d.Call.Arguments
			}
			return nil
		})
		if err != nil || calls != c.calls || text != c.text || len(a.ToolCalls) != 1 || a.Finish != "tool_calls" || a.Text != c.text {
			t.Errorf("%s: calls %q, text %q, answer %+v, error %v", name, calls, text, a, err)
		}
		if noted := strings.Contains(a.Receipt.Detail, "no tool call"); noted != (a.Receipt.Route != RouteCloud) {
			t.Errorf("%s: detail %q", name, a.Receipt.Detail)
		}
	}
}

// The promise is on greedy answers without constraints.
func TestConstrainedAnswersAreSampled(t *testing.T) {
	t.Parallel()
	for _, o := range []Options{{Grammar: "x"}, {ToolChoice: ChoiceRequired}, {ToolChoice: ChoiceFunction}, {ResponseFormat: []byte(`{"type":"json_object"}`)}} {
		if o.Greedy() {
			t.Errorf("%+v counts as greedy", o)
		}
	}
	if !(Options{Tools: []byte(`[]`), ToolChoice: ChoiceAuto}).Greedy() {
		t.Error("tools alone count as sampling")
	}
}

func TestMessagesInJSON(t *testing.T) {
	t.Parallel()
	m := Message{Role: "assistant", ToolCalls: []ToolCall{{"c", "f", `{"a":1}`}}}
	text, err := json.Marshal(m)
	want := `{"role":"assistant","content":"","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]}`
	if err != nil || string(text) != want {
		t.Errorf("%s, error %v", text, err)
	}
	var back Message
	if err := json.Unmarshal(text, &back); err != nil || !reflect.DeepEqual(back, m) {
		t.Errorf("%+v, error %v", back, err)
	}
}
