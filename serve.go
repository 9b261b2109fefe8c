package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/a472be26/cusp/daemon"
)

type serveCmd struct {
	Config      string   `type:"path" help:"Configuration file (default: the usual place, if there is one there; see --print-config)." placeholder:"FILE"`
	Socket      string   `type:"path" help:"Unix socket to answer on; overrides the configuration and $CUSP_SOCKET." placeholder:"PATH"`
	Link        string   `type:"path" env:"CUSP_LINK" help:"Unix socket of a cusp link process, which then has the brokers; overrides link.socket." placeholder:"PATH"`
	LinkPeer    []string `env:"CUSP_LINK_PEER" help:"User as whom cusp link runs, if not root or the same one; overrides link.peers." placeholder:"USER"`
	SocketUnits string   `type:"path" hidden:"" help:"Write units for the TCP sockets of the configuration into a systemd generator's directory, and exit." placeholder:"DIR"`
	PrintConfig bool     `help:"Print the documented configuration file and exit."`
}

func (c serveCmd) Run(ctx context.Context, s streams) error {
	if c.PrintConfig {
		_, err := s.out.Write(daemon.SampleConfig())
		return err
	}
	cfg, err := c.load()
	if err != nil {
		return err
	}
	if c.SocketUnits != "" {
		return daemon.WriteSocketUnits(cfg, c.SocketUnits)
	}
	log, level, err := daemon.NewLog(cfg.Log.Level)
	if err != nil {
		return err
	}
	return daemon.Serve(ctx, cfg, daemon.Options{Log: log, Level: level, Version: version, Reload: c.load})
}

// load reads the named file, or the one in the usual place if it is there.
func (c serveCmd) load() (daemon.Config, error) {
	path := c.Config
	if path == "" {
		path = daemon.DefaultConfigPath()
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return c.override(daemon.DefaultConfig()), nil
		}
	}
	cfg, err := daemon.LoadConfig(path)
	if err != nil {
		return cfg, fmt.Errorf("configuration is not usable:\n%w", err)
	}
	return c.override(cfg), nil
}

func (c serveCmd) override(cfg daemon.Config) daemon.Config {
	if c.Socket != "" {
		cfg.API.Socket = c.Socket
	}
	if c.Link != "" {
		cfg.Link.Socket = c.Link
	}
	if len(c.LinkPeer) > 0 {
		cfg.Link.Peers = c.LinkPeer
	}
	return cfg
}
