package main

import (
	"context"
	"log/slog"

	"github.com/a472be26/cusp/daemon"
	"github.com/a472be26/cusp/daemon/demo"
	"github.com/a472be26/cusp/router/cloud"
)

type demoCmd struct {
	Stay       bool   `help:"Keep everything running after the tour, and print what to try."`
	CloudURL   string `help:"OpenAI-compatible server in the place of the built-in teacher, e.g. http://127.0.0.1:8000/v1." placeholder:"URL"`
	CloudModel string `help:"Model to ask that server for." placeholder:"M"`
	Verbose    bool   `short:"v" help:"Log what the parts do, on standard error."`
	KeyEnv     string `default:"OPENAI_API_KEY" help:"Environment variable with the server's API key ($$${default})." placeholder:"NAME"`
}

func (c demoCmd) Run(ctx context.Context, s streams) error {
	provider, model, done, err := openProvider(c.CloudURL, c.CloudModel, c.KeyEnv)
	if err != nil {
		return err
	}
	defer done()
	o := demo.Options{Out: s.out, Version: version, Provider: provider, Model: model, Stay: c.Stay}
	if c.CloudURL == "" {
		o.Remark = ", which knows device commands only (--cloud-url puts a general model there)"
	}
	if c.Verbose {
		o.Log = slog.New(slog.NewTextHandler(s.err, nil))
	}
	return demo.Run(ctx, o)
}

// openProvider is the server at url, or the built-in teacher.
func openProvider(url, model, keyEnv string) (_ cloud.Provider, name string, done func() error, err error) {
	if url != "" {
		p, err := cloud.NewOpenAI(cloud.Endpoint{URL: url, Model: model, Key: cloud.Secret{Env: keyEnv}})
		return p, model + " (remote)", func() error { return nil }, err
	}
	t, err := daemon.OpenTeacher("")
	if err != nil {
		return nil, "", nil, err
	}
	return cloud.Local{Model: t.Name(), Generator: t}, t.Name(), t.Close, nil
}
