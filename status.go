package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/a472be26/cusp/daemon"
	"github.com/a472be26/cusp/daemon/api"
)

type statusCmd struct {
	socketFlag
	JSON  bool          `help:"Print JSON; with --watch, one object a line."`
	Wait  time.Duration `help:"Wait so long for a daemon that is starting, e.g. 10s."`
	Watch bool          `short:"w" help:"Show it again and again, until Ctrl-C."`
	Every time.Duration `default:"1s" help:"How often --watch shows it (${default})."`
}

// Validate keeps --watch from asking without a pause.
func (c statusCmd) Validate() error {
	if c.Every < 100*time.Millisecond {
		return fmt.Errorf("--every=%v is too often; write at least 100ms", c.Every)
	}
	return nil
}

func (c statusCmd) Run(ctx context.Context, s streams) error {
	client := c.client()
	defer client.Close()
	if c.Wait > 0 {
		end := spin(s.err, "waiting for the daemon")
		err := waitHealthy(ctx, client, c.Wait)
		end()
		if err != nil {
			return err
		}
	}
	if c.Watch {
		return c.watch(ctx, client, s.out)
	}
	text, err := c.text(ctx, client, coloured(s.out))
	if err != nil {
		return err
	}
	_, err = s.out.Write(text)
	return err
}

// text is the status as it is printed.
func (c statusCmd) text(ctx context.Context, client *api.Client, coloured bool) ([]byte, error) {
	if !c.JSON {
		var st daemon.Status
		err := client.Status(ctx, &st)
		if coloured {
			return []byte(st.Coloured()), err
		}
		return []byte(st.Text()), err
	}
	var raw json.RawMessage
	if err := client.Status(ctx, &raw); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if c.Watch {
		err := json.Compact(&out, raw)
		return append(out.Bytes(), '\n'), err
	}
	err := writeJSON(&out, raw)
	return out.Bytes(), err
}

// absent is what watch shows when the daemon does not answer.
func (c statusCmd) absent(err error) []byte {
	if !c.JSON {
		return fmt.Appendf(nil, "%v\n", err)
	}
	text, _ := json.Marshal(map[string]any{"online": false, "error": err.Error()}) // of such types it cannot fail
	return append(text, '\n')
}

// home moves a terminal's cursor to the top and clears what is below.
const home = "\x1b[H\x1b[J"

// watch shows the status until ctx ends. A daemon that is not there, since it is
// being started again perhaps, is waited for.
func (c statusCmd) watch(ctx context.Context, client *api.Client, out io.Writer) error {
	begin := ""
	if isTerminal(out) && !c.JSON {
		begin = home
	}
	for {
		text, err := c.text(ctx, client, coloured(out))
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			text = c.absent(err)
		}
		if begin == "" && !c.JSON {
			text = append(text, '\n')
		}
		if _, werr := out.Write(append([]byte(begin), text...)); werr != nil {
			return errors.Join(err, werr)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(c.Every):
		}
	}
}

// waitHealthy returns when the daemon can answer, or with its last error when
// the wait is over.
func waitHealthy(ctx context.Context, client *api.Client, wait time.Duration) error {
	const pause = 20 * time.Millisecond
	for deadline := time.Now().Add(wait); ; time.Sleep(pause) {
		err := client.Health(ctx)
		if err == nil || ctx.Err() != nil || time.Now().After(deadline) {
			return err
		}
	}
}
