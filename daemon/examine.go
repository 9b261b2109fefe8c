package daemon

import (
	"os"
	"path/filepath"

	"github.com/a472be26/cusp/infer/assistant"
	"github.com/a472be26/cusp/infer/builtin"
	"github.com/a472be26/cusp/packaging/bundle"
	"github.com/a472be26/cusp/router/uplink"
)

// What is here lets others see what the daemon would do with a configuration,
// without doing it: `cusp doctor` asks.

// SystemConfigPath is the configuration of the packaged service, whoever asks.
func SystemConfigPath() string { return defaultPaths(true, os.Getenv).config }

// LoadSystemConfig reads the packaged service's configuration over the service's
// defaults, whoever asks; see [LoadConfig].
func LoadSystemConfig() (Config, error) { return loadConfig(SystemConfigPath(), defaultConfig(true)) }

// NamedBroker is a broker of the configuration, by the name of its table.
type NamedBroker struct {
	Table string // "cloud" or "iot"
	uplink.Broker
	Filter string // topics that the daemon subscribes to there
	Config BrokerConfig
}

// Brokers are those that the daemon would connect to. Two tables with one broker
// are two connections.
func (c Config) Brokers() (all []NamedBroker) {
	if c.Cloud.Broker != "" {
		all = append(all, NamedBroker{"cloud", c.Cloud.uplink(), uplink.AnswerTopic(c.Device.ID, "+"), c.Cloud.BrokerConfig})
	}
	if b := c.iotBroker(); c.IoT.Enable && b.Broker != "" {
		all = append(all, NamedBroker{"iot", b.uplink(), "cusp/" + c.Device.ID + "/ask", b})
	}
	return all
}

// SocketMode is the file mode that the socket would get.
func (c APIConfig) SocketMode() (os.FileMode, error) { return c.mode() }

// Candidates are the models that may serve, the one that would be tried first
// coming first; the last is the built-in one. With an error there are still those
// that could be found.
func (c ModelConfig) Candidates() ([]Candidate, error) { return candidates(c) }

// Trusted are the keys whose signatures count.
func (c ModelConfig) Trusted() ([]bundle.PublicKey, error) {
	p, err := bundleLoader{cfg: c}.policy()
	return p.Trust, err
}

// Examined is a model that may be loaded, as far as its files tell.
type Examined struct {
	ModelInfo
	Weights string // path of what holds them; empty for the built-in model
}

// Examine verifies a model as a load would, without loading it.
func (c ModelConfig) Examine(m Candidate) (Examined, error) {
	l := bundleLoader{cfg: c}
	switch {
	case m.BuiltIn():
		_, b, calibration, err := checkBuiltIn("student", builtin.Student)
		if err != nil {
			return Examined{}, err
		}
		return Examined{infoOf(b, "built-in", calibration), ""}, nil
	case m.Plain:
		return Examined{ModelInfo{Name: filepath.Base(m.Path), File: m.Path}, m.Path}, nil
	}
	b, calibration, err := l.checkBundle(m.Path)
	if err != nil {
		return Examined{}, err
	}
	return Examined{infoOf(b, b.Dir, calibration), b.Path(bundle.ModelFile)}, nil
}

// Engine is how the engine of a model is sized.
func (c ModelConfig) Engine() assistant.Config { return bundleLoader{cfg: c}.engine() }
