package main

import (
	"fmt"
	"path/filepath"

	"github.com/a472be26/cusp/daemon"
	"github.com/a472be26/cusp/router/record"
)

type recordsCmd struct {
	Export exportCmd `cmd:"" help:"Print the questions that the cloud answered, as chat-format JSONL; private ones are not recorded and never among them."`
}

type exportCmd struct {
	State string `type:"path" help:"State directory of the daemon, which may be running (default: this user's)." placeholder:"DIR"`
}

func (c exportCmd) Run(s streams) error {
	if c.State == "" {
		c.State = daemon.DefaultConfig().State.Dir
	}
	log, err := record.Open(filepath.Join(c.State, "records"), record.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	defer log.Close()
	end := func() {}
	if !isTerminal(s.out) { // there, what is printed shows how it gets on
		end = spin(s.err, "reading records")
	}
	n, err := log.ExportHard(s.out)
	end()
	if err != nil {
		return err
	}
	fmt.Fprintf(s.err, "%d questions\n", n)
	return nil
}
