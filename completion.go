package main

import (
	"io"

	"github.com/alecthomas/kong"

	"github.com/a472be26/cusp/packaging/manual"
)

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

func (c completionCmd) Run(k *kong.Kong, s streams) error {
	script, _ := manual.Completion(manual.Of(k.Model), c.Shell) // the parser knows the shells
	_, err := io.WriteString(s.out, script)
	return err
}
