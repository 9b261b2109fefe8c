package main

import (
	"fmt"

	"github.com/a472be26/cusp/daemon"
	"github.com/a472be26/cusp/deploy"
	"github.com/a472be26/cusp/packaging/bundle"
)

// deviceFlags say which models directory is meant, and what may run there.
type deviceFlags struct {
	Dir           string   `help:"Models directory (default: this user's daemon's)." type:"path" placeholder:"DIR"`
	Trust         []string `type:"existingfile" help:"Minisign public key files to trust beside the project's own."`
	AllowUnsigned bool     `help:"Accept a bundle without a trusted signature; its hashes must hold all the same."`
}

func (f deviceFlags) device() (deploy.Device, error) {
	trust, err := trustedKeys(f.Trust)
	if err != nil {
		return deploy.Device{}, err
	}
	if f.Dir == "" {
		f.Dir = daemon.DefaultConfig().Model.Dir
	}
	return deploy.Device{Models: f.Dir, Policy: bundle.Policy{Trust: trust, AllowUnsigned: f.AllowUnsigned}}, nil
}

type installCmd struct {
	deviceFlags
	Bundle string `arg:"" type:"existingdir" help:"Directory of the bundle."`
}

func (c installCmd) Run(s streams) error {
	d, err := c.device()
	if err != nil {
		return err
	}
	policy, end := hashing(s.err, d.Policy, c.Bundle, 3) // as it came, the copy, and before the switch
	defer end()
	d.Policy = policy
	b, err := d.Stage(c.Bundle)
	if err != nil {
		return err
	}
	e, err := d.Activate(b.Manifest.Name, b.Manifest.Version)
	end()
	return printEvent(s, e, err)
}

type rollbackCmd struct {
	deviceFlags
	Name string `arg:"" optional:"" help:"Name of the model (default: the built-in student's)."`
}

func (c rollbackCmd) Run(s streams) error {
	d, err := c.device()
	if err != nil {
		return err
	}
	if c.Name == "" {
		c.Name = daemon.DefaultModel
	}
	end := spin(s.err, "verifying the version before")
	e, err := d.Rollback(c.Name)
	end()
	return printEvent(s, e, err)
}

func printEvent(s streams, e deploy.Event, err error) error {
	if err != nil {
		return err
	}
	from := e.From
	if from == "" {
		from = "none"
	}
	_, err = fmt.Fprintf(s.out, "%s: %s -> %s\n", e.Model, from, e.To)
	return err
}
