package main

import (
	"context"
	"fmt"
	"time"

	"github.com/a472be26/cusp/daemon/console"
	"github.com/a472be26/cusp/router"
)

type chatCmd struct {
	socketFlag
	System    string        `help:"Message that tells the model how to behave." placeholder:"TEXT"`
	Private   bool          `help:"Send nothing of this conversation to the cloud, and never learn from it."`
	Deadline  time.Duration `help:"Take the best local answer if the cloud has not answered by then, e.g. 5s; its answer is shown when it comes." placeholder:"DURATION"`
	MaxTokens int           `help:"Longest answer, in tokens." placeholder:"N"`
	samplingFlags
}

// Validate makes values that no daemon would take wrong usage.
func (c chatCmd) Validate() error {
	switch {
	case c.Deadline < 0:
		return fmt.Errorf("--deadline=%v is in the past; write a duration such as 5s", c.Deadline)
	case c.MaxTokens < 0:
		return fmt.Errorf("--max-tokens=%d is negative", c.MaxTokens)
	}
	return nil
}

// Help is shown by `cusp chat --help`.
func (c chatCmd) Help() string {
	return `From a pipe every line is a turn of one conversation; answers go to standard output, marks to
standard error. In a terminal, /help lists the commands.

  cusp chat --system "Answer in one sentence."
  printf 'hello\nand again\n' | cusp chat`
}

func (c chatCmd) Run(ctx context.Context, s streams) error {
	client := c.client()
	defer client.Close()
	o := console.Options{In: s.in, Out: s.out, Err: s.err, System: c.System, Deadline: c.Deadline, Settings: c.options()}
	o.Settings.MaxTokens = c.MaxTokens
	if c.Private {
		o.Privacy = router.Private
	}
	return console.Run(ctx, client, o)
}
