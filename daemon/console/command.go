package console

import (
	"context"
	"fmt"

	"github.com/a472be26/cusp/router"
)

const help = `/new           begin another conversation
/system TEXT   put TEXT before the conversation, in the place of what was there
/system        show it
/why           say which way the last answer took, and why
/help          show this
/quit          end (Ctrl-D does too)
//TEXT         say a TEXT that begins with a slash
Ctrl-C stops an answer. A pasted text of several lines is one turn.
`

// command does what a line with a slash asks for.
func (c *conversation) command(ctx context.Context, name, argument string) {
	switch name {
	case "/help":
		fmt.Fprint(c.err, help)
	case "/new":
		c.forget()
		fmt.Fprintln(c.err, c.style.dim("[a new conversation]"))
	case "/system":
		c.instruct(argument)
	case "/why":
		c.why(ctx)
	default:
		fmt.Fprintf(c.err, "cusp: %s is unknown; /help lists what there is\n", name)
	}
}

// forget begins anew, behind the same system message.
func (c *conversation) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.history, c.pending, c.last = nil, nil, router.Receipt{}
}

func (c *conversation) instruct(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if text == "" {
		fmt.Fprintf(c.err, "%q\n", c.system)
		return
	}
	c.system = text
}

// why asks the daemon, which knows more than the receipt at hand once the cloud
// has answered late.
func (c *conversation) why(ctx context.Context) {
	c.mu.Lock()
	receipt := c.last
	c.mu.Unlock()
	if receipt.ID == "" {
		fmt.Fprintln(c.err, "cusp: nothing was answered yet")
		return
	}
	if e, err := c.daemon.Why(ctx, receipt.ID); err == nil {
		receipt = e.Receipt
	}
	fmt.Fprint(c.err, receipt.Explain())
}
