package main

import (
	"context"
	"io"

	"github.com/a472be26/cusp/daemon"
)

type linkCmd struct {
	Config string   `type:"path" help:"Configuration file, the same as that of cusp serve (default: the usual place, if there is one there)." placeholder:"FILE"`
	Socket string   `type:"path" help:"Unix socket on which cusp serve finds this process; overrides link.socket." placeholder:"PATH"`
	Needs  bool     `hidden:"" help:"Print the files and credentials that this process needs, and exit: kind, tab, name."`
	Peer   []string `help:"User, by name or number, as whom cusp serve runs, if not root or the same one; overrides link.peers." placeholder:"USER"`
}

// Help is the long form of `cusp link --help`.
func (linkCmd) Help() string {
	return `This process has the brokers of [cloud] and [iot] and their credentials, and the outbox; it loads no model and ` +
		`reads no records. "cusp serve" with the same socket has the models and records and needs no network:

  cusp link --config cusp.toml --socket /tmp/cusp-link.sock &
  cusp serve --config cusp.toml --link /tmp/cusp-link.sock

Either may be started first, stopped and killed: the other one waits for it, and nothing that was accepted is lost. ` +
		`"cusp serve" without a link does all of it in one process.`
}

func (c linkCmd) Run(ctx context.Context, s streams) error {
	cfg, err := serveCmd{Config: c.Config, Link: c.Socket, LinkPeer: c.Peer}.load()
	if err != nil {
		return err
	}
	if c.Needs {
		_, err := io.WriteString(s.out, cfg.LinkNeeds())
		return err
	}
	log, _, err := daemon.NewLog(cfg.Log.Level)
	if err != nil {
		return err
	}
	return daemon.ServeLink(ctx, cfg, daemon.LinkOptions{Log: log})
}
