package worker

import (
	"errors"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/a472be26/cusp/daemon/tomlfile"
	"github.com/a472be26/cusp/router/cloud"
	"github.com/a472be26/cusp/router/uplink"
)

// Check tells everything that is wrong with a configuration that did not come from
// a file.
func (c Config) Check() error { return c.check(tomlfile.Source{Path: "config"}) }

func (c Config) check(at tomlfile.Source) error {
	errs := []error{
		c.checkWorker(at), c.checkMQTT(at), c.checkNATS(at), c.checkSeal(at), c.checkPrices(at),
		at.Within("quota.requests_per_minute", c.Quota.RequestsPerMinute, 0, 1e9), at.Within("quota.requests_per_day", c.Quota.RequestsPerDay, 0, 1e12),
		at.Within("quota.tokens_per_minute", c.Quota.TokensPerMinute, 0, 1e12), at.Within("quota.tokens_per_day", c.Quota.TokensPerDay, 0, 1e15),
	}
	for _, name := range slices.Sorted(maps.Keys(c.Provider)) {
		errs = append(errs, c.Provider[name].check(at, "provider."+name))
	}
	if _, _, err := net.SplitHostPort(c.Metrics.Listen); c.Metrics.Listen != "" && err != nil {
		errs = append(errs, at.Errorf("metrics.listen", "%v; write for example \"127.0.0.1:9091\"", err))
	}
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, c.Log.Level) {
		errs = append(errs, at.Errorf("log.level", "%q is no level; write debug, info, warn or error", c.Log.Level))
	}
	return errors.Join(errs...)
}

func (c Config) checkWorker(at tomlfile.Source) error {
	w := c.Worker
	var errs []error
	if w.Intake != IntakeMQTT && w.Intake != IntakeNATS {
		errs = append(errs, at.Errorf("worker.intake", "%q is no intake; write \"mqtt\" or \"nats\"", w.Intake))
	}
	if len(w.Providers) == 0 {
		errs = append(errs, at.Errorf("worker.providers", "there is no provider; add a table such as [provider.openai] with kind = \"openai\""))
	}
	for i, name := range w.Providers {
		if _, ok := c.Provider[name]; !ok {
			errs = append(errs, at.Errorf("worker.providers", "there is no table [provider.%s]", name))
		}
		if slices.Contains(w.Providers[:i], name) {
			errs = append(errs, at.Errorf("worker.providers", "%q is named twice", name))
		}
	}
	return errors.Join(append(errs,
		at.Within("worker.concurrency", int64(w.Concurrency), 1, 1<<16), at.Within("worker.queue", int64(w.Queue), 0, 1<<20),
		at.Duration("worker.timeout", w.Timeout, time.Second, 24*time.Hour), at.Duration("worker.drain", w.Drain, 0, time.Hour))...)
}

func (c Config) checkMQTT(at tomlfile.Source) error {
	m := c.MQTT
	if m.Broker == "" {
		return at.Errorf("mqtt.broker", "no broker is named; answers go back over MQTT: write for example \"ssl://broker.example.com:8883\"")
	}
	var errs []error
	if _, err := (uplink.Broker{URL: m.Broker, Others: m.Brokers}).ClientOptions(); err != nil {
		errs = append(errs, at.Errorf("mqtt.broker", "%v", err))
	}
	if m.PasswordFile != "" && m.PasswordCredential != "" {
		errs = append(errs, at.Errorf("mqtt.password_credential", "a password file is named as well; leave one out"))
	}
	if (m.CertFile == "") != (m.KeyFile == "" && m.KeyCredential == "") || m.KeyFile != "" && m.KeyCredential != "" {
		errs = append(errs, at.Errorf("mqtt.cert_file", "a certificate belongs with one key, as key_file or key_credential"))
	}
	return errors.Join(append(errs, oneLevel(at, "mqtt.group", m.Group))...)
}

// oneLevel wants a name that can be a level of a topic or a token of a subject.
func oneLevel(at tomlfile.Source, key, name string) error {
	if name == "" || strings.ContainsAny(name, "/+#.*> \t") {
		return at.Errorf(key, "%q is no name; write letters, digits, - and _", name)
	}
	return nil
}

func (c Config) checkNATS(at tomlfile.Source) error {
	n := c.NATS
	if c.Worker.Intake != IntakeNATS {
		return nil
	}
	var errs []error
	if n.URL == "" {
		errs = append(errs, at.Errorf("nats.url", "worker.intake is \"nats\"; write for example \"nats://nats-1:4222,nats://nats-2:4222\""))
	}
	if n.PasswordFile != "" && n.PasswordCredential != "" {
		errs = append(errs, at.Errorf("nats.password_credential", "a password file is named as well; leave one out"))
	}
	if (n.CertFile == "") != (n.KeyFile == "") {
		errs = append(errs, at.Errorf("nats.cert_file", "a certificate belongs with its key_file"))
	}
	return errors.Join(append(errs, oneLevel(at, "nats.stream", n.Stream), oneLevel(at, "nats.group", n.Group),
		at.Within("nats.replicas", int64(n.Replicas), 0, 5), at.Within("nats.max_bytes", n.MaxBytes, 1<<20, 1<<50), at.Within("nats.max_deliver", int64(n.MaxDeliver), 1, 1000),
		at.Duration("nats.max_age", n.MaxAge, time.Minute, 366*24*time.Hour), at.Duration("nats.ack_wait", n.AckWait, time.Second, time.Hour))...)
}

func (c Config) checkSeal(at tomlfile.Source) error {
	s := c.Seal
	keys := len(s.Keys)+len(s.Credentials) > 0
	switch {
	case keys != (s.Devices != ""):
		return at.Errorf("seal.devices", "keys and devices belong together: the worker opens with one and knows who asks by the other")
	case s.Only && !keys:
		return at.Errorf("seal.only", "there are no keys to open questions with")
	}
	return nil
}

func (c Config) checkPrices(at tomlfile.Source) error {
	var errs []error
	for _, provider := range slices.Sorted(maps.Keys(c.Price)) {
		if _, ok := c.Provider[provider]; !ok {
			errs = append(errs, at.Errorf("price."+provider, "there is no table [provider.%s]", provider))
		}
		for _, model := range slices.Sorted(maps.Keys(c.Price[provider])) {
			if p := c.Price[provider][model]; !(p.Input >= 0) || !(p.Output >= 0) || p.Input > 1e6 || p.Output > 1e6 {
				errs = append(errs, at.Errorf("price."+provider+"."+model, "want US dollars for a million tokens, from 0 to a million"))
			}
		}
	}
	return errors.Join(errs...)
}

func (p ProviderConfig) check(at tomlfile.Source, key string) error {
	var errs []error
	fail := func(member, format string, args ...any) {
		errs = append(errs, at.Errorf(key+"."+member, format, args...))
	}
	remote := p.Kind != cloud.KindLocal
	switch {
	case !slices.Contains(kinds, p.Kind):
		fail("kind", "%q is no kind of provider; write one of %s", p.Kind, strings.Join(kinds, ", "))
		return errors.Join(errs...)
	case remote && p.URL == "":
		fail("url", "where is it? Write for example \"https://api.openai.com/v1\"")
	case !remote && (p.URL != "" || p.Model != ""):
		fail("kind", "a local provider has a file, and neither url nor model")
	}
	if remote && p.Model == "" && p.Kind != cloud.KindOpenAI {
		fail("model", "name the model to ask for")
	}
	if p.KeyFile != "" && p.KeyCredential != "" || p.KeyEnv != "" && (p.KeyFile != "" || p.KeyCredential != "") {
		fail("key_file", "the key is named in several ways; leave one")
	}
	if p.Kind == cloud.KindTriton && p.Backend != cloud.BackendVLLM && p.Backend != cloud.BackendTensorRTLLM {
		fail("backend", "%q is no backend; write \"vllm\" or \"tensorrtllm\"", p.Backend)
	}
	for _, f := range p.Ignore {
		if !slices.Contains(cloud.Ignorable, cloud.Feature(f)) {
			fail("ignore", "%q cannot be left out of a request", f)
		}
	}
	return errors.Join(append(errs,
		at.Within(key+".max_tokens", int64(p.MaxTokens), 0, 1<<24), at.Within(key+".concurrency", int64(p.Concurrency), 0, 1<<16),
		at.Within(key+".retries", int64(p.Retries), 0, 100), at.Within(key+".failures", int64(p.Failures), 1, 1<<20),
		at.Duration(key+".max_backoff", p.MaxBackoff, time.Millisecond, time.Hour), at.Duration(key+".idle", p.Idle, time.Second, time.Hour),
		at.Duration(key+".cooldown", p.Cooldown, time.Millisecond, 24*time.Hour))...)
}

var kinds = []string{cloud.KindOpenAI, cloud.KindAnthropic, cloud.KindGemini, cloud.KindTriton, cloud.KindLocal}
