package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/a472be26/cusp/daemon"
	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/privacy"
	"github.com/a472be26/cusp/router/record"
)

type recordsCmd struct {
	List   listCmd   `cmd:"" help:"List recorded answers, oldest first."`
	Show   showCmd   `cmd:"" help:"Show one recorded question with its answers and receipts."`
	Export exportCmd `cmd:"" help:"Print the questions that the cloud answered, as chat-format JSONL: put the file into records/ of a data directory and distill learns from it. Private questions are not recorded and never among them."`
	Delete deleteCmd `cmd:"" help:"Delete records, by id or by age, for good; a running daemon forgets them too."`
}

// stateFlag chooses the records.
type stateFlag struct {
	State string `type:"path" help:"State directory of the daemon, which may be running (default: this user's)." placeholder:"DIR"`
}

func (f stateFlag) open(o record.Options) (*record.Log, error) {
	if f.State == "" {
		f.State = daemon.DefaultConfig().State.Dir
	}
	return record.Open(filepath.Join(f.State, "records"), o)
}

// read opens the records for looking at them.
func (f stateFlag) read() (*record.Log, error) { return f.open(record.Options{ReadOnly: true}) }

type listCmd struct {
	stateFlag
	Route router.Route  `help:"Of this route only: local, cloud or provisional." enum:",local,cloud,provisional" default:""`
	Since time.Duration `help:"Not older than that, e.g. 24h." placeholder:"DURATION"`
	JSON  bool          `help:"Print one JSON object a line."`
}

func (c listCmd) Run(s streams) error {
	log, err := c.read()
	if err != nil {
		return err
	}
	defer log.Close()
	return log.Each(func(e record.Entry) error {
		if c.Route != "" && e.Receipt.Route != c.Route || c.Since > 0 && time.Since(e.Receipt.Time) > c.Since {
			return nil
		}
		if c.JSON {
			return json.NewEncoder(s.out).Encode(e)
		}
		r := e.Receipt
		_, err := fmt.Fprintf(s.out, "%s  %-32s  %-11s  %-15s  %s\n", r.Time.Format("2006-01-02 15:04:05"), r.ID, r.Route, r.Reason, preview(e, 48))
		return err
	})
}

// preview is the beginning of the last question, on one line.
func preview(e record.Entry, most int) string {
	if e.Question.Privacy != router.Public {
		return "(private)"
	}
	if len(e.Question.Messages) == 0 {
		return "(no text is kept)"
	}
	text := strings.Join(strings.Fields(e.Question.Messages[len(e.Question.Messages)-1].Content), " ")
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most-1]) + "…"
}

type showCmd struct {
	stateFlag
	ID   string `arg:"" help:"Id of the answer; its receipt has it."`
	JSON bool   `help:"Print one JSON object a line."`
}

func (c showCmd) Run(s streams) error {
	log, err := c.read()
	if err != nil {
		return err
	}
	defer log.Close()
	found := false
	err = log.Each(func(e record.Entry) error {
		if e.Receipt.ID != c.ID {
			return nil
		}
		found = true
		if c.JSON {
			return json.NewEncoder(s.out).Encode(e)
		}
		return showEntry(s.out, e)
	})
	if err == nil && !found {
		err = fmt.Errorf("no record has the id %s", c.ID)
	}
	return err
}

func showEntry(out io.Writer, e record.Entry) error {
	fmt.Fprint(out, e.Receipt.Explain())
	for _, m := range append(e.Question.Messages, router.Message{Role: "answer", Content: e.Answer, ToolCalls: e.ToolCalls}) {
		fmt.Fprintf(out, "\n%s: %s\n", m.Role, m.Content)
		for _, call := range m.ToolCalls {
			fmt.Fprintf(out, "  calls %s(%s)\n", call.Name, call.Arguments)
		}
	}
	if e.LocalAnswer != "" {
		fmt.Fprintf(out, "\nlocal answer: %s\n", e.LocalAnswer)
	}
	_, err := fmt.Fprintln(out)
	return err
}

type exportCmd struct {
	stateFlag
	Route []router.Route `help:"Routes of the answers: cloud (the default), local, provisional." enum:"local,cloud,provisional"`
	AsIs  bool           `name:"as-is" help:"Leave in what was recorded in clear, because its category is allowed or redaction came later. Otherwise placeholders stand for all personal data that is found."`
}

func (c exportCmd) Run(s streams) error {
	log, err := c.read()
	if err != nil {
		return err
	}
	defer log.Close()
	o := record.ExportOptions{Routes: c.Route}
	if !c.AsIs {
		guard, err := privacy.New(privacy.Options{})
		if err != nil {
			return err
		}
		o.Change = func(e record.Entry) record.Entry { return daemon.Hidden(guard, e) }
	}
	end := func() {}
	if !isTerminal(s.out) { // there, what is printed shows how it gets on
		end = spin(s.err, "reading records")
	}
	n, err := log.Export(s.out, o)
	end()
	if err != nil {
		return err
	}
	fmt.Fprintf(s.err, "%d questions\n", n)
	return nil
}

type deleteCmd struct {
	stateFlag
	socketFlag
	IDs    []string `arg:"" optional:"" name:"id" help:"Ids of the answers."`
	Before string   `help:"All that are older: a date (2026-11-29), a time (RFC 3339) or an age (720h)." placeholder:"WHEN"`
}

// Validate wants to be told what to delete.
func (c deleteCmd) Validate() error {
	if (len(c.IDs) == 0) == (c.Before == "") {
		return errors.New("name ids, or --before")
	}
	_, err := moment(c.Before, time.Now())
	return err
}

func (c deleteCmd) Run(ctx context.Context, s streams) error {
	before, err := moment(c.Before, time.Now())
	if err != nil {
		return err
	}
	n, err := c.delete(ctx, before)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.err, "%d records deleted\n", n)
	return nil
}

// delete asks the daemon if it runs, for only it can write then.
func (c deleteCmd) delete(ctx context.Context, before time.Time) (int, error) {
	log, err := c.open(record.Options{})
	if errors.Is(err, record.ErrLocked) {
		client := c.client()
		defer client.Close()
		return client.Erase(ctx, c.IDs, before)
	}
	if err != nil {
		return 0, err
	}
	n, err := log.Delete(record.Which(c.IDs, before))
	return n, errors.Join(err, log.Close())
}

// moment reads a date, a time, or an age; nothing is the zero time.
func moment(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if age, err := time.ParseDuration(text); err == nil && age >= 0 {
		return now.Add(-age), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("--before=%s is no date, time or age; write for example 2026-11-29 or 720h", text)
}
