package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/a472be26/cusp/daemon/doctor"
)

type doctorCmd struct {
	Config string `type:"path" help:"Configuration file (default: the one that this user's daemon reads, else the packaged service's)." placeholder:"FILE"`
	Socket string `type:"path" help:"Unix socket to look at in place of the configured one." placeholder:"PATH"`
	JSON   bool   `help:"Print JSON."`
}

func (c doctorCmd) Run(ctx context.Context, s streams) error {
	o := doctor.Options{Config: c.Config, Socket: c.Socket, Version: version, Host: doctor.ThisHost()}
	all, err := c.look(ctx, s, o)
	if err = errors.Join(err, ctx.Err()); err != nil {
		return err
	}
	if n := doctor.Count(all, doctor.Failure); n > 0 {
		return fmt.Errorf("failures: %d of %d findings", n, len(all))
	}
	return nil
}

func (c doctorCmd) look(ctx context.Context, s streams, o doctor.Options) ([]doctor.Finding, error) {
	if c.JSON {
		all := doctor.Run(ctx, o, nil)
		return all, writeJSON(s.out, map[string]any{"findings": all,
			"warnings": doctor.Count(all, doctor.Warning), "failures": doctor.Count(all, doctor.Failure)})
	}
	p := &doctor.Printer{Out: s.out, Colour: coloured(s.out)}
	if isTerminal(s.err) {
		p.Hint = s.err
	}
	all := doctor.Run(ctx, o, p)
	p.Sum(all)
	return all, nil
}

// coloured tells whether w is a terminal whose user has nothing against colours
// (no-color.org).
func coloured(w any) bool { return isTerminal(w) && os.Getenv("NO_COLOR") == "" }
