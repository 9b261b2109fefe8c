package worker

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"

	"github.com/a472be26/cusp/daemon"
	"github.com/a472be26/cusp/daemon/metrics"
	"github.com/a472be26/cusp/infer/chat"
	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/cloud"
	"github.com/a472be26/cusp/router/envelope"
	"github.com/a472be26/cusp/router/uplink"
)

// Run runs a worker until ctx ends, then lets it finish what it has begun.
func Run(ctx context.Context, c Config, log *slog.Logger, version string) error {
	// 1. Metrics first: everything counts with them.
	var m *cloud.Metrics
	if c.Metrics.Listen != "" {
		m = cloud.NewMetrics(version)
		l, err := net.Listen("tcp", c.Metrics.Listen)
		if err != nil {
			return fmt.Errorf("listen for scrapes: %w", err)
		}
		s := metrics.Serve(l, m.Handler(log), log)
		defer s.Close()
		log.Info("metrics", "address", s.Address())
	}

	// 2. The providers, each with its limits, in order of preference.
	provider, done, err := c.providers(m, log)
	if err != nil {
		return err
	}
	defer done()

	// 3. The worker at its intake.
	o, err := c.options(m, log)
	if err != nil {
		return err
	}
	w, err := cloud.Start(o, provider)
	if err != nil {
		return err
	}
	log.Info("worker runs", "intake", c.Worker.Intake, "at", c.where(), "providers", c.Worker.Providers)

	// 4. The end.
	<-ctx.Done()
	last, cancel := context.WithTimeout(context.Background(), c.Worker.Drain)
	defer cancel()
	return w.Close(last)
}

// where is the intake's address without passwords.
func (c Config) where() string {
	if c.Worker.Intake == IntakeNATS {
		return cloud.NATSOptions{URL: c.NATS.URL}.String()
	}
	return c.MQTT.broker().String()
}

// providers opens all that are in the order of preference.
func (c Config) providers(m *cloud.Metrics, log *slog.Logger) (cloud.Provider, func(), error) {
	var chain cloud.Chain
	var closers []func() error
	done := func() {
		for _, f := range closers {
			_ = f()
		}
	}
	for _, name := range c.Worker.Providers {
		p := c.Provider[name]
		opened, model, err := p.open(&closers)
		if err != nil {
			done()
			return nil, nil, fmt.Errorf("provider %s: %w", name, err)
		}
		chain = append(chain, cloud.NewBackend(cloud.BackendOptions{
			Name: name, Provider: opened, Model: model, Limits: p.limits(), Prices: c.Price[name], Ignore: p.ignored(), Metrics: m, Log: log,
		}))
	}
	return chain, done, nil
}

func (p ProviderConfig) limits() cloud.Limits {
	l := cloud.Limits{Concurrency: p.Concurrency, Retries: p.Retries, MaxBackoff: p.MaxBackoff, Failures: p.Failures, Cooldown: p.Cooldown}
	if l.Retries == 0 {
		l.Retries = -1 // none, not the default
	}
	return l
}

func (p ProviderConfig) ignored() (all []cloud.Feature) {
	for _, f := range p.Ignore {
		all = append(all, cloud.Feature(f))
	}
	return all
}

// open makes the provider; what has to be closed is added to closers.
func (p ProviderConfig) open(closers *[]func() error) (_ cloud.Provider, model string, err error) {
	e := cloud.Endpoint{URL: p.URL, Model: p.Model, Idle: p.Idle, Key: cloud.Secret{Env: p.KeyEnv, File: p.KeyFile, Credential: p.KeyCredential}}
	if err := e.Key.Check(); err != nil {
		return nil, "", err
	}
	switch p.Kind {
	case cloud.KindOpenAI:
		opened, err := cloud.NewOpenAI(e)
		return opened, p.Model, err
	case cloud.KindAnthropic:
		opened, err := cloud.NewAnthropic(e, p.MaxTokens)
		return opened, p.Model, err
	case cloud.KindGemini:
		opened, err := cloud.NewGemini(e)
		return opened, p.Model, err
	case cloud.KindTriton:
		render, err := renderer(p.ChatTemplate)
		if err != nil {
			return nil, "", err
		}
		opened, err := cloud.NewTriton(e, p.Backend, render)
		return opened, p.Model, err
	}
	t, err := daemon.OpenTeacher(p.File)
	if err != nil {
		return nil, "", err
	}
	*closers = append(*closers, t.Close)
	return cloud.Local{Model: t.Name(), Generator: t}, t.Name(), nil
}

// control is what looks like the control tokens by which templates tell turns apart.
var control = regexp.MustCompile(`<\|[^|<>]*\|>|</?s>|\[/?INST\]|<(?:start|end)_of_turn>|<｜[^｜<>]*｜>`)

// renderer makes prompts by a chat template; without a file, there is none. The
// prompt goes to the server as one text, in which control tokens of a message would
// count as the template's: such messages are refused.
func renderer(path string) (cloud.Render, error) {
	if path == "" {
		return nil, nil
	}
	template, err := chat.ParseFile(path)
	if err != nil {
		return nil, err
	}
	return func(messages []router.Message) (string, error) {
		turns := make([]chat.Message, len(messages))
		for i, m := range messages {
			if token := control.FindString(m.Content); token != "" {
				return "", fmt.Errorf("messages[%d] has the control token %q in its text", i, token)
			}
			turns[i] = chat.Message{Role: m.Role, Content: m.Content, Name: m.Name}
		}
		text, err := template.Render(chat.Conversation{Messages: turns})
		if err != nil {
			return "", err
		}
		return text.String(), nil
	}, nil
}

// options are those of the worker.
func (c Config) options(m *cloud.Metrics, log *slog.Logger) (cloud.Options, error) {
	w := c.Worker
	o := cloud.Options{
		Broker: c.MQTT.broker(), Group: c.MQTT.Group, Concurrency: w.Concurrency, Queue: w.Queue, Timeout: w.Timeout, State: w.State,
		Quota: c.Quota, Metrics: m, Log: log,
	}
	if w.Queue == 0 {
		o.Queue = -1 // none, not the default
	}
	if c.Seal.Devices != "" {
		keys := append([]string{}, c.Seal.Keys...)
		for _, name := range c.Seal.Credentials {
			keys = append(keys, credential(name))
		}
		o.Seal, o.SealedOnly = &envelope.Worker{KeyFiles: keys, Devices: c.Seal.Devices}, c.Seal.Only
	}
	if w.Intake != IntakeNATS {
		return o, nil
	}
	n := c.NATS
	var err error
	o.Intake, err = cloud.NewNATS(cloud.NATSOptions{
		URL: n.URL, Username: n.Username, PasswordFile: either(n.PasswordFile, n.PasswordCredential), Credentials: n.CredentialsFile,
		CAFile: n.CAFile, CertFile: n.CertFile, KeyFile: n.KeyFile, Broker: c.MQTT.broker(),
		Stream: n.Stream, Group: n.Group, Replicas: n.Replicas, MaxAge: n.MaxAge, MaxBytes: n.MaxBytes, AckWait: n.AckWait, MaxDeliver: n.MaxDeliver,
		Pulls: w.Concurrency + w.Queue, Log: log,
	})
	if err != nil {
		return o, fmt.Errorf("worker.intake = \"nats\": %w", err)
	}
	return o, nil
}

func (m MQTTConfig) broker() uplink.Broker {
	return uplink.Broker{
		URL: m.Broker, Others: m.Brokers, Username: m.Username, PasswordFile: either(m.PasswordFile, m.PasswordCredential),
		CAFile: m.CAFile, CertFile: m.CertFile, KeyFile: either(m.KeyFile, m.KeyCredential),
	}
}

// either is a file, or the one of a credential that the service manager passed.
func either(file, name string) string {
	if name == "" {
		return file
	}
	return credential(name)
}

func credential(name string) string { return filepath.Join(os.Getenv("CREDENTIALS_DIRECTORY"), name) }

// FromFlags is the configuration of a worker with one provider: an OpenAI-compatible
// server at url, or a model of our own, in file or built in.
func FromFlags(url, model, keyEnv, file string) Config {
	c := DefaultConfig()
	name, p := "local", DefaultProvider(cloud.KindLocal)
	p.File = file
	if url != "" {
		name, p = "openai", DefaultProvider(cloud.KindOpenAI)
		p.URL, p.Model, p.KeyEnv = url, model, keyEnv
	}
	c.Provider = map[string]ProviderConfig{name: p}
	c.Worker.Providers = []string{name}
	return c
}
