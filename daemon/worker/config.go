// Package worker sets a cloud worker up from its configuration: the intake, the
// providers in their order of preference, limits, prices, metrics.
package worker

import (
	_ "embed"
	"errors"
	"reflect"
	"slices"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/a472be26/cusp/daemon/tomlfile"
	"github.com/a472be26/cusp/router/cloud"
)

//go:embed cloud.toml
var sampleFile []byte

// SampleConfig returns the documented configuration file, in which every key is
// commented out.
func SampleConfig() []byte { return slices.Clone(sampleFile) }

// Config is everything that can be set; cloud.toml beside this file documents each
// key. Start from [DefaultConfig].
type Config struct {
	Worker   WorkerConfig                      `toml:"worker"`
	MQTT     MQTTConfig                        `toml:"mqtt"`
	NATS     NATSConfig                        `toml:"nats"`
	Seal     SealConfig                        `toml:"seal"`
	Provider map[string]ProviderConfig         `toml:"provider"` // by name
	Price    map[string]map[string]cloud.Price `toml:"price"`    // by provider's name and model
	Quota    cloud.Quota                       `toml:"quota"`
	Metrics  MetricsConfig                     `toml:"metrics"`
	Log      LogConfig                         `toml:"log"`
}

// WorkerConfig is how much the worker does, and in which order it asks providers.
type WorkerConfig struct {
	Intake      string        `toml:"intake"`    // "mqtt" or "nats"
	Providers   []string      `toml:"providers"` // names in order of preference
	Concurrency int           `toml:"concurrency"`
	Queue       int           `toml:"queue"`
	Timeout     time.Duration `toml:"timeout"`
	Drain       time.Duration `toml:"drain"`
	State       string        `toml:"state"`
}

// MQTTConfig reaches the brokers: for questions and answers, or with NATS for
// answers only.
type MQTTConfig struct {
	Broker             string   `toml:"broker"`
	Brokers            []string `toml:"brokers"` // more of them
	Username           string   `toml:"username"`
	PasswordFile       string   `toml:"password_file"`
	PasswordCredential string   `toml:"password_credential"`
	CAFile             string   `toml:"ca_file"`
	CertFile           string   `toml:"cert_file"`
	KeyFile            string   `toml:"key_file"`
	KeyCredential      string   `toml:"key_credential"`
	Group              string   `toml:"group"`
}

// NATSConfig reaches the cluster with the work queue.
type NATSConfig struct {
	URL                string        `toml:"url"`
	Username           string        `toml:"username"`
	PasswordFile       string        `toml:"password_file"`
	PasswordCredential string        `toml:"password_credential"`
	CredentialsFile    string        `toml:"credentials_file"`
	CAFile             string        `toml:"ca_file"`
	CertFile           string        `toml:"cert_file"`
	KeyFile            string        `toml:"key_file"`
	Stream             string        `toml:"stream"`
	Group              string        `toml:"group"`
	Replicas           int           `toml:"replicas"`
	MaxAge             time.Duration `toml:"max_age"`
	MaxBytes           int64         `toml:"max_bytes"`
	AckWait            time.Duration `toml:"ack_wait"`
	MaxDeliver         int           `toml:"max_deliver"`
}

// SealConfig is what opens sealed questions.
type SealConfig struct {
	Keys        []string `toml:"keys"`
	Credentials []string `toml:"credentials"` // more keys
	Devices     string   `toml:"devices"`
	Only        bool     `toml:"only"`
}

// ProviderConfig is one provider and how it is treated.
type ProviderConfig struct {
	Kind          string `toml:"kind"`
	URL           string `toml:"url"`
	Model         string `toml:"model"`
	KeyEnv        string `toml:"key_env"`
	KeyFile       string `toml:"key_file"`
	KeyCredential string `toml:"key_credential"`

	MaxTokens    int      `toml:"max_tokens"`    // anthropic
	Backend      string   `toml:"backend"`       // triton
	ChatTemplate string   `toml:"chat_template"` // triton
	File         string   `toml:"file"`          // local
	Ignore       []string `toml:"ignore"`

	Concurrency int           `toml:"concurrency"`
	Retries     int           `toml:"retries"`
	MaxBackoff  time.Duration `toml:"max_backoff"`
	Idle        time.Duration `toml:"idle"`
	Failures    int           `toml:"failures"`
	Cooldown    time.Duration `toml:"cooldown"`
}

// MetricsConfig is where scrapes are answered.
type MetricsConfig struct {
	Listen string `toml:"listen"` // HOST:PORT; empty: nowhere
}

// LogConfig sets how much is logged.
type LogConfig struct {
	Level string `toml:"level"`
}

// Intakes.
const (
	IntakeMQTT = "mqtt"
	IntakeNATS = "nats"
)

// DefaultConfig is the configuration without a file.
func DefaultConfig() Config {
	return Config{
		Worker: WorkerConfig{Intake: IntakeMQTT, Concurrency: 4, Queue: 64, Timeout: 5 * time.Minute, Drain: 30 * time.Second},
		MQTT:   MQTTConfig{Group: "cusp-workers"},
		NATS: NATSConfig{
			Stream: "CUSP_ASK", Group: "cusp-workers", MaxAge: 24 * time.Hour, MaxBytes: 1 << 30, AckWait: 30 * time.Second, MaxDeliver: 5,
		},
		Log: LogConfig{Level: "info"},
	}
}

// DefaultProvider is a provider of a kind before its keys are read.
func DefaultProvider(kind string) ProviderConfig {
	p := ProviderConfig{
		Kind: kind, Retries: 2, MaxBackoff: 15 * time.Second, Idle: time.Minute, Failures: 5, Cooldown: 30 * time.Second,
	}
	switch kind {
	case cloud.KindOpenAI:
		p.KeyEnv = "OPENAI_API_KEY"
	case cloud.KindAnthropic:
		p.URL, p.KeyEnv, p.MaxTokens = "https://api.anthropic.com", "ANTHROPIC_API_KEY", 4096
	case cloud.KindGemini:
		p.URL, p.KeyEnv = "https://generativelanguage.googleapis.com", "GEMINI_API_KEY"
	case cloud.KindTriton:
		p.Backend = cloud.BackendVLLM
	}
	return p
}

// LoadConfig reads the file over the defaults and checks the result. Every error
// names file, line, key and remedy; all of them are reported at once.
func LoadConfig(path string) (Config, error) {
	cfg := DefaultConfig()
	at, meta, err := tomlfile.Decode(path, &cfg)
	if err != nil {
		return cfg, err
	}
	if err := cfg.withDefaults(at.Text); err != nil {
		return cfg, err
	}
	if len(cfg.Worker.Providers) == 0 {
		cfg.Worker.Providers = inOrder(meta)
	}
	return cfg, errors.Join(at.Unknown(meta, reflect.TypeFor[Config]()), cfg.check(at))
}

// withDefaults reads the providers once more, over the defaults of their kind.
func (c *Config) withDefaults(text string) error {
	full := struct {
		Provider map[string]toml.Primitive `toml:"provider"`
	}{}
	meta, err := toml.Decode(text, &full)
	if err != nil {
		return err
	}
	for name, raw := range full.Provider {
		p := DefaultProvider(c.Provider[name].Kind)
		if err := meta.PrimitiveDecode(raw, &p); err != nil {
			return err
		}
		if p.KeyFile != "" || p.KeyCredential != "" {
			if c.Provider[name].KeyEnv == "" {
				p.KeyEnv = "" // the default one gives way
			}
		}
		c.Provider[name] = p
	}
	return nil
}

// inOrder are the names of the providers as they stand in the file.
func inOrder(meta toml.MetaData) (names []string) {
	for _, key := range meta.Keys() {
		if len(key) >= 2 && key[0] == "provider" && !slices.Contains(names, key[1]) {
			names = append(names, key[1])
		}
	}
	return names
}
