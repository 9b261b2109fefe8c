package border

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/uplink"
)

// patience is for what should happen soon, on a busy machine.
const patience = 20 * time.Second

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// carrier is a cloud in the hands of the test: it tells of each question, and
// what is put into its channels happens.
type carrier struct {
	asked  chan string
	deltas chan string
	ends   chan outcome
	result chan error // what take returned, or why it was not called
}

type outcome struct {
	answer router.CloudAnswer
	err    error
}

func newCarrier() *carrier {
	return &carrier{asked: make(chan string, 10), deltas: make(chan string), ends: make(chan outcome), result: make(chan error, 10)}
}

func (c *carrier) Hand(ctx context.Context, q router.Question, accepted func() error, emit func(string) error, take func(router.CloudAnswer, error) error) (err error) {
	defer func() { c.result <- err }()
	c.asked <- q.ID
	if err := accepted(); err != nil {
		return err
	}
	for {
		select {
		case d := <-c.deltas:
			if err := emit(d); err != nil {
				return err
			}
		case o := <-c.ends:
			return take(o.answer, o.err)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (c *carrier) end(text string) {
	c.ends <- outcome{answer: router.CloudAnswer{Text: text, Finish: "stop"}}
}

// socketPath is short enough for a socket.
func socketPath(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "border")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}

// startLink listens on a path until the test ends or stop is called.
func startLink(t *testing.T, path string, c Carrier, change func(*LinkOptions)) (l *Link, stop func()) {
	t.Helper()
	o := LinkOptions{Report: func() any { return map[string]bool{"up": true} }, Log: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&o)
	}
	listener, err := net.Listen("unix", path)
	must(t, err)
	l = NewLink(o)
	served := make(chan error, 1)
	go func() { served <- l.Serve(listener, c) }()
	stop = sync.OnceFunc(func() {
		_ = l.Close()
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	t.Cleanup(stop)
	return l, stop
}

func newTestCloud(path string) *Cloud { return NewCloud(path, nil, slog.New(slog.DiscardHandler)) }

func question(id string) router.Question {
	return router.Question{ID: id, Messages: []router.Message{{Role: "user", Content: "why " + id}}}
}

// asked is an Ask under way.
type asked struct {
	answer router.CloudAnswer
	err    error
	pieces chan string
	done   chan struct{}
}

func ask(ctx context.Context, c router.Cloud, q router.Question) *asked {
	a := &asked{pieces: make(chan string, 100), done: make(chan struct{})}
	go func() {
		defer close(a.done)
		a.answer, a.err = c.Ask(ctx, q, func(text string) error { a.pieces <- text; return nil })
	}()
	return a
}

// get waits for what a channel brings.
func get[T any](t *testing.T, what string, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(patience):
		t.Fatalf("%s did not come", what)
	}
	return v
}

func (a *asked) want(t *testing.T, text string) {
	t.Helper()
	get(t, "the answer", a.done)
	if a.err != nil || a.answer.Text != text {
		t.Errorf("answer %q, %v; want %q", a.answer.Text, a.err, text)
	}
}

func TestEachPieceArrivesBeforeTheNextIsMade(t *testing.T) {
	t.Parallel()
	k, path := newCarrier(), socketPath(t)
	startLink(t, path, k, nil)
	a := ask(t.Context(), newTestCloud(path), question("q"))
	for _, piece := range []string{"a", "bc", "d\n"} {
		k.deltas <- piece
		if got := get(t, "a piece", a.pieces); got != piece {
			t.Errorf("piece %q, want %q", got, piece)
		}
	}
	k.end("abcd\ne")
	a.want(t, "abcd\ne")
	if err := get(t, "the result", k.result); err != nil {
		t.Errorf("the answer counts as not delivered: %v", err)
	}
}

func TestFinalErrorsCross(t *testing.T) {
	t.Parallel()
	for _, want := range []error{router.ErrRefused, router.ErrExpired, uplink.ErrConflict, errors.New("else")} {
		k, path := newCarrier(), socketPath(t)
		startLink(t, path, k, nil)
		a := ask(t.Context(), newTestCloud(path), question("q"))
		k.ends <- outcome{err: want}
		get(t, "the end", a.done)
		if a.err == nil || a.err.Error() != want.Error() || failed(want).Code != codeFailed && !errors.Is(a.err, want) {
			t.Errorf("error %v, want %v", a.err, want)
		}
		if err := get(t, "the result", k.result); err != nil {
			t.Errorf("%v counts as not delivered: %v", want, err)
		}
	}
}

func TestCancellingPassesThrough(t *testing.T) {
	t.Parallel()
	k, path := newCarrier(), socketPath(t)
	startLink(t, path, k, nil)
	ctx, cancel := context.WithCancel(t.Context())
	a := ask(ctx, newTestCloud(path), question("q"))
	get(t, "the question", k.asked)
	cancel()
	get(t, "the end", a.done)
	if !errors.Is(a.err, context.Canceled) {
		t.Errorf("error %v", a.err)
	}
	if err := get(t, "the end in the link", k.result); err == nil {
		t.Error("the question counts as answered")
	}
}

func TestALinkThatIsNotThereIsAnErrorAtOnce(t *testing.T) {
	t.Parallel()
	c := newTestCloud(socketPath(t))
	if _, err := c.Ask(t.Context(), question("q"), nil); !errors.Is(err, errBroken) {
		t.Errorf("error %v", err)
	}
	if c.Up() {
		t.Error("it counts as up")
	}
}

func TestALinkThatDoesNotAcceptIsGivenUp(t *testing.T) {
	t.Parallel()
	path := socketPath(t)
	l, err := net.Listen("unix", path) // and nobody accepts
	must(t, err)
	defer l.Close()
	c := newTestCloud(path)
	c.patience = 10 * time.Millisecond
	if _, err := c.Ask(t.Context(), question("q"), nil); !errors.Is(err, errNotAccepted) {
		t.Errorf("error %v", err)
	}
}

// A link that dies with an accepted question is waited for and asked again; the
// asker sees one text.
func TestALinkThatDiesIsAskedAgain(t *testing.T) {
	t.Parallel()
	k, path := newCarrier(), socketPath(t)
	_, stop := startLink(t, path, k, nil)
	a := ask(t.Context(), newTestCloud(path), question("q"))
	k.deltas <- "hel"
	get(t, "a piece", a.pieces)
	stop()
	startLink(t, path, k, nil)
	get(t, "the question", k.asked)
	get(t, "the question again", k.asked)
	k.deltas <- "hello"
	if got := get(t, "the rest", a.pieces); got != "lo" {
		t.Errorf("piece %q", got)
	}
	k.end("hello")
	a.want(t, "hello")
}

// So is one that is killed, and one that then takes its time to come back.
func TestALinkThatIsKilledIsAskedAgain(t *testing.T) {
	t.Parallel()
	k, path := newCarrier(), socketPath(t)
	l, err := net.Listen("unix", path)
	must(t, err)
	a := ask(t.Context(), newTestCloud(path), question("q"))
	n, err := l.Accept()
	must(t, err)
	_, err = n.Write([]byte(`{"kind":"accepted"}` + "\n" + `{"kind":"delta","delta":{"Text":"hel"}}` + "\n" + `{"kind":"del`))
	must(t, err)
	get(t, "a piece", a.pieces)
	must(t, l.Close())
	must(t, n.Close())
	time.Sleep(100 * time.Millisecond) // nobody listens
	startLink(t, path, k, nil)
	k.end("hello")
	a.want(t, "hello")
}

func TestOtherWordsAfterARestartComeAnotherWay(t *testing.T) {
	t.Parallel()
	k, path := newCarrier(), socketPath(t)
	_, stop := startLink(t, path, k, nil)
	a := ask(t.Context(), newTestCloud(path), question("q"))
	k.deltas <- "one way"
	get(t, "a piece", a.pieces)
	stop()
	get(t, "the first end", k.result)
	startLink(t, path, k, nil)
	k.end("another way")
	get(t, "the end", a.done)
	if !errors.Is(a.err, uplink.ErrDiverged) {
		t.Errorf("error %v", a.err)
	}
	if err := get(t, "the result", k.result); err == nil {
		t.Error("the other answer counts as delivered")
	}
}

// The link keeps an answer until the engine has it for good.
func TestHanding(t *testing.T) {
	t.Parallel()
	for _, arrived := range []bool{true, false} {
		k, path := newCarrier(), socketPath(t)
		startLink(t, path, k, nil)
		ctx, open := WithHanding(t.Context())
		asking, cancel := context.WithCancel(ctx)
		a := ask(asking, newTestCloud(path), question("q"))
		k.end("text")
		a.want(t, "text")
		cancel() // as the router does once it has the answer
		select {
		case err := <-k.result:
			t.Errorf("delivered before it was recorded: %v", err)
		case <-time.After(20 * time.Millisecond): // it cannot be seen not to happen
		}
		open.Close(arrived)
		if err := get(t, "the result", k.result); (err == nil) != arrived {
			t.Errorf("arrived %v: %v", arrived, err)
		}
	}
}

func TestPrivateQuestionsStay(t *testing.T) {
	t.Parallel()
	path := socketPath(t)
	l, err := net.Listen("unix", path)
	must(t, err)
	q := question("q")
	q.Privacy = router.Private
	if _, err := newTestCloud(path).Ask(t.Context(), q, nil); !errors.Is(err, router.ErrRefused) {
		t.Errorf("error %v", err)
	}
	must(t, l.(*net.UnixListener).SetDeadline(time.Now().Add(-time.Second)))
	if _, err := l.Accept(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the engine's end connected: %v", err)
	}
	must(t, l.Close())

	// An engine's end that lets it through is stopped at the link.
	k := newCarrier()
	startLink(t, path, k, nil)
	con, err := dial(t.Context(), path, nil)
	must(t, err)
	defer con.close()
	must(t, con.send(frame{Kind: kindAsk, Question: &q}))
	f, err := con.want(t.Context(), kindOutcome)
	if err != nil || !errors.Is(f.Failure.error(), router.ErrRefused) || len(k.asked) > 0 {
		t.Errorf("frame %+v, %v, asked %d", f, err, len(k.asked))
	}
}

func TestALinkWithoutACloudRefuses(t *testing.T) {
	t.Parallel()
	path := socketPath(t)
	startLink(t, path, nil, nil)
	if _, err := newTestCloud(path).Ask(t.Context(), question("q"), nil); !errors.Is(err, router.ErrRefused) || !strings.Contains(err.Error(), "no cloud") {
		t.Errorf("error %v", err)
	}
}

func TestReportAndAnnounce(t *testing.T) {
	t.Parallel()
	path, announced := socketPath(t), make(chan struct{}, 1)
	startLink(t, path, nil, func(o *LinkOptions) { o.Announce = func() { announced <- struct{}{} } })
	c := newTestCloud(path)
	if !c.Up() {
		t.Error("not up")
	}
	must(t, c.Announce(t.Context()))
	get(t, "the announcement", announced)
}

func TestNonsenseEndsAConnectionAndNoMore(t *testing.T) {
	t.Parallel()
	path := socketPath(t)
	startLink(t, path, nil, nil)
	for _, text := range []string{"GET / HTTP/1.1\r\n\r\n", "{}\n", `{"kind":"taken"}` + "\n", "\x00"} {
		n, err := net.Dial("unix", path)
		must(t, err)
		_, err = n.Write([]byte(text))
		must(t, err)
		must(t, n.(*net.UnixConn).CloseWrite())
		must(t, n.SetReadDeadline(time.Now().Add(patience)))
		if got, err := n.Read(make([]byte, 10)); got > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%q was answered with %d bytes, %v", text, got, err)
		}
		must(t, n.Close())
	}
	if !newTestCloud(path).Up() {
		t.Error("the link is down")
	}
}
