package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/a472be26/cusp/daemon"
	"github.com/a472be26/cusp/router/cloud"
)

type cloudCmd struct {
	cloudLink
	URL         string        `help:"OpenAI-compatible server that answers, e.g. https://api.openai.com/v1; without it a model of our own does." placeholder:"URL"`
	ModelName   string        `name:"model" help:"Model to ask that server for." placeholder:"NAME"`
	KeyEnv      string        `default:"OPENAI_API_KEY" help:"Environment variable with the server's API key ($${default})." placeholder:"NAME"`
	File        string        `type:"existingfile" help:"GGUF file that answers in place of the built-in teacher."`
	Group       string        `default:"cusp-workers" help:"Workers of one group share the questions (${default})."`
	Concurrency int           `default:"4" help:"Questions answered at the same time (${default})."`
	Timeout     time.Duration `default:"5m" help:"Longest time for one answer (${default})."`
	LogLevel    string        `default:"info" enum:"debug,info,warn,error" help:"debug, info, warn or error (${default})."`
}

// Validate makes flags that cannot work, or would be ignored, wrong usage.
func (c cloudCmd) Validate() error {
	switch {
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

func (c cloudCmd) Run(ctx context.Context) error {
	log, _, err := daemon.NewLog(c.LogLevel)
	if err != nil {
		return err
	}
	provider, done, err := openProvider(c.URL, c.ModelName, c.KeyEnv, c.File)
	if err != nil {
		return err
	}
	defer done()
	w, err := cloud.Start(c.options(cloud.Options{
		Group: c.Group, Concurrency: c.Concurrency, Timeout: c.Timeout, Log: log,
	}), provider)
	if err != nil {
		return err
	}
	log.Info("worker runs", "broker", c.broker().String(), "group", c.Group, "model", providerName(provider, c.ModelName))
	<-ctx.Done()
	return stopWorker(w)
}

// drain is how long a worker may finish what it has begun.
const drain = 30 * time.Second

func stopWorker(w *cloud.Worker) error {
	ctx, cancel := context.WithTimeout(context.Background(), drain)
	defer cancel()
	return w.Close(ctx)
}

// openProvider is the server at url, or a model of our own: the one in file, or
// the built-in teacher.
func openProvider(url, model, keyEnv, file string) (cloud.Provider, func() error, error) {
	if url != "" {
		p, err := cloud.NewOpenAI(cloud.OpenAIOptions{BaseURL: url, Model: model, KeyEnv: keyEnv})
		return p, func() error { return nil }, err
	}
	t, err := daemon.OpenTeacher(file)
	if err != nil {
		return nil, nil, err
	}
	return cloud.Local{Model: t.Name(), Generator: t}, t.Close, nil
}

func providerName(p cloud.Provider, model string) string {
	if local, ok := p.(cloud.Local); ok {
		return local.Model
	}
	return fmt.Sprintf("%s (remote)", model)
}
