package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/a472be26/cusp/daemon"
	"github.com/a472be26/cusp/daemon/api"
	"github.com/a472be26/cusp/router"
)

// socketFlag chooses the daemon's socket.
type socketFlag struct {
	Socket string `help:"Unix socket of the daemon (default: where this user's daemon listens)." env:"CUSP_SOCKET" placeholder:"PATH"`
}

func (f socketFlag) client() *api.Client {
	if f.Socket == "" {
		f.Socket = daemon.DefaultConfig().API.Socket
	}
	return api.NewClient(f.Socket)
}

type askCmd struct {
	socketFlag
	Text      []string      `arg:"" help:"The question."`
	Private   bool          `help:"Never send this question to the cloud, and never learn from it."`
	Deadline  time.Duration `help:"Take the best local answer if the cloud has not answered by then, e.g. 2s."`
	MaxTokens int           `help:"Longest answer, in tokens."`
	JSON      bool          `help:"Print text and receipt as one JSON object."`
	Quiet     bool          `short:"q" help:"Print the answer only, no receipt on standard error."`
	samplingFlags
}

// samplingFlags say how tokens are chosen; the API takes more.
type samplingFlags struct {
	Temperature *float64 `help:"How much chance there is in the answer; 0, the default, takes the likeliest token." placeholder:"0-2"`
	TopP        *float64 `help:"Choose among the likeliest tokens that reach this probability together." placeholder:"0-1"`
	TopK        int      `help:"Choose among so many of the likeliest tokens." placeholder:"N"`
	MinP        float64  `help:"Choose among tokens with at least this share of the likeliest one's probability." placeholder:"0-1"`
	Frequency   float64  `name:"frequency-penalty" help:"Make tokens less likely each time that they come." placeholder:"-2-2"`
	Presence    float64  `name:"presence-penalty" help:"Make tokens less likely that came." placeholder:"-2-2"`
	Repetition  float64  `name:"repetition-penalty" help:"Make recent tokens less likely, e.g. 1.1." placeholder:"0.1-10"`
	Seed        *int64   `help:"The same answer for the same seed." placeholder:"N"`
	Stop        []string `help:"Text that ends the answer; may be given several times." placeholder:"TEXT" sep:"none"`
}

func (f samplingFlags) options() router.Options {
	return router.Options{
		Temperature: f.Temperature, TopP: f.TopP, TopK: f.TopK, MinP: f.MinP,
		Frequency: f.Frequency, Presence: f.Presence, Repetition: f.Repetition, Seed: f.Seed, Stop: f.Stop,
	}
}

// Validate makes values that no daemon would take wrong usage.
func (c askCmd) Validate() error {
	switch {
	case c.Deadline < 0:
		return fmt.Errorf("--deadline=%v is in the past; write a duration such as 2s", c.Deadline)
	case c.MaxTokens < 0:
		return fmt.Errorf("--max-tokens=%d is negative", c.MaxTokens)
	}
	return nil
}

func (c askCmd) Run(ctx context.Context, s streams) error {
	client := c.client()
	defer client.Close()
	end := func() {}
	if !c.Quiet {
		end = spin(s.err, "waiting for the answer")
	}
	defer end()
	onText := func(delta string) error {
		end()
		_, err := io.WriteString(s.out, delta)
		return err
	}
	if c.JSON {
		onText = nil
	}
	a, err := client.Ask(ctx, c.question(), onText)
	end()
	if err != nil {
		return err
	}
	if c.JSON {
		return writeJSON(s.out, map[string]any{"text": a.Text, "finish": a.Finish, "cusp": a.Receipt})
	}
	fmt.Fprintln(s.out)
	if !c.Quiet {
		fmt.Fprintln(s.err, a.Receipt.Line())
	}
	return nil
}

func (c askCmd) question() router.Question {
	q := router.Question{
		Messages: []router.Message{{Role: "user", Content: strings.Join(c.Text, " ")}},
		Options:  c.options(),
	}
	q.Options.MaxTokens = c.MaxTokens
	if c.Private {
		q.Privacy = router.Private
	}
	if c.Deadline > 0 {
		q.Deadline = time.Now().Add(c.Deadline)
	}
	return q
}

type whyCmd struct {
	socketFlag
	ID   string `arg:"" help:"Id of the answer, from its receipt."`
	JSON bool   `help:"Print JSON."`
}

func (c whyCmd) Run(ctx context.Context, s streams) error {
	client := c.client()
	defer client.Close()
	e, err := client.Why(ctx, c.ID)
	if err != nil {
		return err
	}
	if c.JSON {
		return writeJSON(s.out, e)
	}
	for _, m := range e.Question.Messages {
		fmt.Fprintf(s.out, "%-10s %s\n", m.Role, m.Content)
	}
	fmt.Fprintf(s.out, "%-10s %s\n\n%s", "answer", e.Text, e.Receipt.Explain())
	return nil
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
