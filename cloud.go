package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/a472be26/cusp/daemon"
	"github.com/a472be26/cusp/daemon/worker"
)

type cloudCmd struct {
	Config      string `type:"existingfile" help:"Configuration file, in the place of all flags but --metrics and --log-level; see --print-config." placeholder:"FILE"`
	PrintConfig bool   `help:"Print the documented configuration file and exit."`
	cloudLink
	URL         string        `help:"OpenAI-compatible server that answers, e.g. https://api.openai.com/v1; without it a model of our own does." placeholder:"URL"`
	ModelName   string        `name:"model" help:"Model to ask that server for." placeholder:"NAME"`
	KeyEnv      string        `default:"OPENAI_API_KEY" help:"Environment variable with the server's API key ($${default})." placeholder:"NAME"`
	File        string        `type:"existingfile" help:"GGUF file that answers in place of the built-in teacher."`
	Group       string        `default:"cusp-workers" help:"Workers of one group share the questions (${default})."`
	Concurrency int           `default:"4" help:"Questions answered at the same time (${default})."`
	Timeout     time.Duration `default:"5m" help:"Longest time for one answer (${default})."`
	Metrics     string        `help:"Address for Prometheus's metrics, e.g. 127.0.0.1:9091." placeholder:"HOST:PORT"`
	LogLevel    string        `default:"info" enum:"debug,info,warn,error" help:"debug, info, warn or error (${default})."`
}

// Validate makes flags that cannot work, or would be ignored, wrong usage.
func (c cloudCmd) Validate() error {
	switch {
	case c.PrintConfig:
		return nil
	case c.Config != "":
		if len(c.Broker) > 0 || c.URL != "" || c.ModelName != "" || c.File != "" || c.Username != "" || c.PasswordFile != "" || c.State != "" || len(c.Key) > 0 {
			return errors.New("--config and the flags that say the same exclude each other: set broker, provider, state and keys in the file")
		}
		return nil
	case len(c.Broker) == 0:
		return errors.New("missing --broker=URL, or a --config=FILE that names one")
	case c.Concurrency < 1:
		return fmt.Errorf("--concurrency=%d: at least 1 question must be answered at a time", c.Concurrency)
	case c.Timeout <= 0:
		return fmt.Errorf("--timeout=%v leaves no time for an answer; write a duration such as 5m", c.Timeout)
	case c.URL != "" && c.File != "":
		return errors.New("--url and --file exclude each other: either that server answers, or that model")
	case c.URL == "" && c.ModelName != "":
		return errors.New("--model names a model of the server at --url, which is missing; a model of our own is chosen with --file")
	}
	return c.validate()
}

func (c cloudCmd) Run(ctx context.Context, s streams) error {
	if c.PrintConfig {
		_, err := s.out.Write(worker.SampleConfig())
		return err
	}
	cfg, err := c.load()
	if err != nil {
		return err
	}
	log, _, err := daemon.NewLog(cfg.Log.Level)
	if err != nil {
		return err
	}
	return worker.Run(ctx, cfg, log, version)
}

// load is the configuration of the file, or of the flags.
func (c cloudCmd) load() (worker.Config, error) {
	cfg := c.fromFlags()
	if c.Config != "" {
		var err error
		if cfg, err = worker.LoadConfig(c.Config); err != nil {
			return cfg, fmt.Errorf("configuration is not usable:\n%w", err)
		}
	}
	if c.LogLevel != "info" {
		cfg.Log.Level = c.LogLevel
	}
	if c.Metrics != "" {
		cfg.Metrics.Listen = c.Metrics
	}
	return cfg, nil
}

func (c cloudCmd) fromFlags() worker.Config {
	cfg := worker.FromFlags(c.URL, c.ModelName, c.KeyEnv, c.File)
	cfg.Worker.Concurrency, cfg.Worker.Timeout, cfg.MQTT.Group = c.Concurrency, c.Timeout, c.Group
	c.fill(&cfg)
	return cfg
}
