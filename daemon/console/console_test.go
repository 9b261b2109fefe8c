package console

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/a472be26/cusp/daemon/api"
	"github.com/a472be26/cusp/router"
)

// fake answers with "ANSWER N to TEXT" and remembers what it was asked.
type fake struct {
	mu        sync.Mutex
	asked     []router.Question
	answer    func(q router.Question, onText func(string) error) (router.Answer, error) // nil: the above
	late      map[string]api.Entry
	afterLook int // calls of Why before it knows anything
}

func (f *fake) Ask(_ context.Context, q router.Question, onText func(string) error) (router.Answer, error) {
	f.mu.Lock()
	f.asked = append(f.asked, q)
	n := len(f.asked)
	f.mu.Unlock()
	if f.answer != nil {
		return f.answer(q, onText)
	}
	text := fmt.Sprintf("ANSWER %d to %s", n, q.Messages[len(q.Messages)-1].Content)
	confidence, threshold := 0.981, 0.93
	return router.Answer{Text: text, Receipt: router.Receipt{ID: fmt.Sprint("id", n), Route: router.RouteLocal, Reason: router.ReasonConfident,
		Confidence: &confidence, Threshold: &threshold}}, onText(text)
}

func (f *fake) Why(_ context.Context, id string) (api.Entry, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.afterLook--
	if e, ok := f.late[id]; ok && f.afterLook < 0 {
		return e, nil
	}
	return api.Entry{}, api.ErrNotFound
}

// talk runs a conversation over pipes.
func talk(t *testing.T, f *fake, o Options, lines ...string) (out, errOut string, err error) {
	t.Helper()
	var outBuffer, errBuffer bytes.Buffer
	o.In, o.Out, o.Err = strings.NewReader(strings.Join(lines, "\n")), &outBuffer, &errBuffer
	err = Run(t.Context(), f, o)
	return outBuffer.String(), errBuffer.String(), err
}

func contents(q router.Question) string {
	var all []string
	for _, m := range q.Messages {
		all = append(all, m.Role+"="+m.Content)
	}
	return strings.Join(all, "|")
}

// A script gets one line for each turn, nothing else on the output, and the
// conversation goes on from turn to turn.
func TestPipe(t *testing.T) {
	t.Parallel()
	f := &fake{}
	out, errOut, err := talk(t, f, Options{System: "be brief", Privacy: router.Private, Deadline: time.Hour}, "one", "", "  two  ", "//three", "/quit", "four")
	if err != nil || out != "ANSWER 1 to one\nANSWER 2 to two\nANSWER 3 to /three\n" {
		t.Errorf("%v, output %q", err, out)
	}
	if errOut != strings.Repeat("[local 0.981 >= 0.930]\n", 3) {
		t.Errorf("marks %q", errOut)
	}
	if got := contents(f.asked[1]); got != "system=be brief|user=one|assistant=ANSWER 1 to one|user=two" {
		t.Errorf("second question: %s", got)
	}
	if f.asked[0].Privacy != router.Private || time.Until(f.asked[0].Deadline) < time.Minute {
		t.Errorf("question %+v", f.asked[0])
	}
}

func TestCommands(t *testing.T) {
	t.Parallel()
	f := &fake{}
	_, errOut, err := talk(t, f, Options{}, "/why", "/system you are a lamp", "/system", "one", "/why", "/new", "/why", "two", "/nonsense", "/help")
	if err != nil {
		t.Fatal(err)
	}
	if got := contents(f.asked[1]); got != "system=you are a lamp|user=two" {
		t.Errorf("after /new: %s", got)
	}
	for _, want := range []string{"nothing was answered yet\n\"you are a lamp\"\n", "reason     confident", "[a new conversation]\ncusp: nothing was answered yet", "/nonsense is unknown", "/new           begin"} {
		if !strings.Contains(errOut, want) {
			t.Errorf("no %q in\n%s", want, errOut)
		}
	}
}

// A script must see that a turn failed; what failed is no part of the history.
func TestPipeEndsAtTheFirstFailure(t *testing.T) {
	t.Parallel()
	f := &fake{answer: func(router.Question, func(string) error) (router.Answer, error) {
		return router.Answer{}, &api.Error{Status: 400, Code: "context_length_exceeded", Param: "messages", Message: "too long"}
	}}
	out, errOut, err := talk(t, f, Options{}, "one", "two")
	if err == nil || len(f.asked) != 1 || out != "" || errOut != "" || !strings.Contains(err.Error(), "too long\n      The conversation has become too long: /new begins another one") {
		t.Errorf("%v after %d questions, %q, %q", err, len(f.asked), out, errOut)
	}
}

// The cloud's answer takes the place of the provisional one, on the screen and in
// what the next question builds on.
func TestCorrection(t *testing.T) {
	t.Parallel()
	f := &fake{late: map[string]api.Entry{"p": {Text: "the better one", Receipt: router.Receipt{ID: "p", Route: router.RouteCloud, Reason: router.ReasonDeadline, Model: "big"}}}, afterLook: 1}
	f.answer = func(q router.Question, onText func(string) error) (router.Answer, error) {
		return router.Answer{Text: "a guess", Receipt: router.Receipt{ID: "p", Route: router.RouteProvisional, Reason: router.ReasonDeadline}}, onText("a guess")
	}
	out, errOut, err := talk(t, f, Options{}, "one", "two", "three")
	if err != nil {
		t.Fatal(err)
	}
	if out != "a guess\na guess\nthe better one\na guess\nthe better one\n" {
		t.Errorf("output %q", out)
	}
	if !strings.Contains(errOut, "[provisional: deadline]\n") || !strings.Contains(errOut, "[the cloud's answer to \"two\" came]\n[cloud: deadline, big]\n") {
		t.Errorf("marks %q", errOut)
	}
	if got := contents(f.asked[2]); !strings.Contains(got, "assistant=the better one|user=three") {
		t.Errorf("third question: %s", got)
	}
}

func TestEndOfTheContextEndsAPipe(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	in, _ := io.Pipe() // nothing ever comes
	time.AfterFunc(20*time.Millisecond, cancel)
	if err := Run(ctx, &fake{}, Options{In: in, Out: io.Discard, Err: io.Discard}); err != nil {
		t.Errorf("%v", err)
	}
}

func TestNoControlCharacterReachesATerminal(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	text := "a\x1b[2Jb\r\n\tc\x07\u0090é灯"
	n, err := printable{&b}.Write([]byte(text))
	if err != nil || n != len(text) || b.String() != "a[2Jb\n\tcé灯" {
		t.Errorf("%d, %v, %q", n, err, b.String())
	}
	if _, err := (printable{broken{}}).Write([]byte("a")); err == nil {
		t.Error("an error was lost")
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("gone") }
