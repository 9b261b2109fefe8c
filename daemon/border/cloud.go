package border

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/uplink"
)

// acceptTimeout is how long the link may take to make a question durable.
const acceptTimeout = 10 * time.Second

// reportTimeout is how long the other process may take to say how it is.
const reportTimeout = 2 * time.Second

// upTimeout is how long it may take while somebody waits for more than that.
const upTimeout = 250 * time.Millisecond

// Pauses between two attempts to reach the other process.
const (
	minPause = 50 * time.Millisecond
	maxPause = 2 * time.Second
)

// Cloud is the engine's end: a [router.Cloud] behind the link process.
type Cloud struct {
	socket   string
	peers    Peers
	patience time.Duration // for a question to be accepted
	log      *slog.Logger
}

var _ router.Cloud = (*Cloud)(nil)

// NewCloud returns the engine's end of the socket; nothing is opened yet.
func NewCloud(socket string, peers Peers, log *slog.Logger) *Cloud {
	return &Cloud{socket: socket, peers: peers, patience: acceptTimeout, log: log}
}

// Up implements [router.Cloud].
func (c *Cloud) Up() bool {
	ctx, cancel := context.WithTimeout(context.Background(), upTimeout)
	defer cancel()
	var s struct {
		Up bool `json:"up"`
	}
	return c.Report(ctx, &s) == nil && s.Up
}

// Report decodes what the link says of itself into v.
func (c *Cloud) Report(ctx context.Context, v any) error {
	f, err := c.request(ctx, kindStatus)
	if err != nil {
		return fmt.Errorf("the link process cannot be asked (is `cusp link` running?): %w", err)
	}
	if err := json.Unmarshal(f.Report, v); err != nil {
		return fmt.Errorf("report of the link process: %w", err)
	}
	return nil
}

// Announce lets the link publish the device's status, for which it will ask.
func (c *Cloud) Announce(ctx context.Context) error {
	_, err := c.request(ctx, kindAnnounce)
	return err
}

// request asks what is answered with a report.
func (c *Cloud) request(ctx context.Context, k kind) (frame, error) {
	ctx, cancel := context.WithTimeout(ctx, reportTimeout)
	defer cancel()
	con, err := dial(ctx, c.socket, c.peers)
	if err != nil {
		return frame{}, err
	}
	defer con.close()
	if err := con.send(frame{Kind: k}); err != nil {
		return frame{}, err
	}
	return con.want(ctx, kindReport)
}

// Ask implements [router.Cloud]. Where the link cannot be reached, or does not
// accept the question, that is an error at once. Once it is accepted, a link that
// goes away is waited for until ctx ends, and asked again.
func (c *Cloud) Ask(ctx context.Context, q router.Question, emit func(delta string) error) (router.CloudAnswer, error) {
	// 1. What is private does not leave this process.
	if q.Privacy != router.Public {
		return router.CloudAnswer{}, fmt.Errorf("%w: its privacy is %q: it must not leave the device", router.ErrRefused, q.Privacy)
	}
	a := &asking{question: q, stream: stream{emit: emit}}
	for pause := minPause; ; pause = min(2*pause, maxPause) {
		// 2. Ask, and be asked back whether the answer has arrived.
		answer, err := c.ask(ctx, a)
		if !a.accepted || !errors.Is(err, errBroken) && !errors.Is(err, uplink.ErrClosed) {
			return answer, err
		}
		// 3. The link went away with an accepted question: it knows it when it is back.
		c.log.Info("the link process went away, asking it again", "id", q.ID, "error", err)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return router.CloudAnswer{}, fmt.Errorf("question %s: %w", q.ID, context.Cause(ctx))
		}
	}
}

// asking is one call of Ask.
type asking struct {
	question router.Question
	stream   stream
	accepted bool
}

// ask makes one attempt.
func (c *Cloud) ask(ctx context.Context, a *asking) (router.CloudAnswer, error) {
	begin := ctx
	if ctx.Err() != nil { // it is only to be handed over
		begin = context.WithoutCancel(ctx)
	}
	con, err := dial(begin, c.socket, c.peers)
	if err != nil {
		return router.CloudAnswer{}, fmt.Errorf("the link process cannot be asked: %w", err)
	}
	cloud, err := a.converse(ctx, begin, con, c.patience)
	if err != nil {
		con.close() // not taken: what may come goes another way
		return router.CloudAnswer{}, err
	}
	handingOf(ctx).add(con)
	return cloud, nil
}

// converse sends the question, which is accepted as long as begin holds, and reads to
// the end of its answer.
func (a *asking) converse(ctx, begin context.Context, con *conn, accept time.Duration) (router.CloudAnswer, error) {
	if err := con.send(frame{Kind: kindAsk, Question: &a.question}); err != nil {
		return router.CloudAnswer{}, err
	}
	a.stream.begin()
	patience, cancel := context.WithTimeoutCause(begin, accept, errNotAccepted)
	defer cancel()
	wait := patience
	for {
		f, err := con.receive(wait)
		if err != nil {
			return router.CloudAnswer{}, err
		}
		switch f.Kind {
		case kindAccepted:
			a.accepted, wait = true, ctx
		case kindDelta:
			if err := a.stream.add(f.Delta.Text); err != nil {
				return router.CloudAnswer{}, err
			}
		case kindOutcome:
			return a.end(con, f)
		default:
			return router.CloudAnswer{}, unexpected(f, kindOutcome)
		}
	}
}

var errNotAccepted = errors.New("the link process did not accept the question in time")

// end is the outcome as Ask returns it. A final error has arrived with that.
func (a *asking) end(con *conn, f frame) (router.CloudAnswer, error) {
	if f.Failure != nil {
		_ = con.send(frame{Kind: kindTaken}) // else it is told again
		return router.CloudAnswer{}, f.Failure.error()
	}
	fits, err := a.stream.finish(f.Cloud.Text)
	if err == nil && !fits {
		err = uplink.ErrDiverged
	}
	if err != nil {
		return router.CloudAnswer{}, err
	}
	return *f.Cloud, nil
}

// serveFor offers the link a connection to ask on, until it asks or ctx ends.
func (c *Cloud) serveFor(ctx context.Context) (*conn, frame, error) {
	con, err := dial(ctx, c.socket, c.peers)
	if err != nil {
		return nil, frame{}, err
	}
	err = con.send(frame{Kind: kindServe})
	var f frame
	if err == nil {
		f, err = con.receive(ctx)
	}
	if err != nil {
		con.close()
		return nil, frame{}, err
	}
	return con, f, nil
}
