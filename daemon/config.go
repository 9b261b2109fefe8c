package daemon

import (
	"errors"
	"reflect"
	"time"

	"github.com/a472be26/cusp/daemon/tomlfile"
	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/policy"
	"github.com/a472be26/cusp/router/privacy"
)

// Config is everything that can be set; cusp.toml beside this file documents
// each key. The zero value is of no use: start from [DefaultConfig].
type Config struct {
	Device     DeviceConfig     `toml:"device"`
	API        APIConfig        `toml:"api"`
	Model      ModelConfig      `toml:"model"`
	Embeddings EmbeddingsConfig `toml:"embeddings"`
	Router     RouterConfig     `toml:"router"`
	Privacy    PrivacyConfig    `toml:"privacy"`
	Cloud      CloudConfig      `toml:"cloud"`
	IoT        IoTConfig        `toml:"iot"`
	Link       LinkConfig       `toml:"link"`
	State      StateConfig      `toml:"state"`
	Sensor     SensorConfig     `toml:"sensor"`
	Governor   GovernorConfig   `toml:"governor"`
	Metrics    MetricsConfig    `toml:"metrics"`
	Service    ServiceConfig    `toml:"service"`
	Log        LogConfig        `toml:"log"`
	Rules      []policy.Rule    `toml:"rule"` // what is wanted of some questions; the first that matches counts
	Budget     BudgetConfig     `toml:"budget"`
	Early      EarlyConfig      `toml:"early"`
}

// DeviceConfig names this device, in topics among others.
type DeviceConfig struct {
	ID string `toml:"id"`
}

// APIConfig is the unix socket, and TCP where that is wanted.
type APIConfig struct {
	Socket         string `toml:"socket"`
	Mode           string `toml:"mode"`        // octal
	Group          string `toml:"group"`       // name or number; empty: the process's own
	AdminGroup     string `toml:"admin_group"` // name or number, of those who may see others' answers
	MaxBody        int64  `toml:"max_body"`
	MaxConnections int    `toml:"max_connections"`

	Listen           string `toml:"listen"` // host:port, with TLS; empty: no TCP
	CertFile         string `toml:"cert_file"`
	KeyFile          string `toml:"key_file"`
	KeyCredential    string `toml:"key_credential"` // instead of a file
	TokensFile       string `toml:"tokens_file"`
	TokensCredential string `toml:"tokens_credential"` // instead of a file
}

// EmbeddingsConfig is a second model, which makes vectors of texts.
type EmbeddingsConfig struct {
	Model string `toml:"model"` // a bundle's directory, or a plain model; empty: none
}

// ModelConfig says which models may run here and how.
type ModelConfig struct {
	Dir           string   `toml:"dir"`
	Name          string   `toml:"name"`
	AllowUnsigned bool     `toml:"allow_unsigned"`
	Trust         []string `toml:"trust"`      // files or directories of minisign public keys
	Device        string   `toml:"device"`     // where it computes: "auto", "cpu" or "cuda"
	GPULayers     int      `toml:"gpu_layers"` // on the GPU, the others on the CPU; 0: all, or what is fastest
	Threads       int      `toml:"threads"`
	Context       int      `toml:"context"`
	Sequences     int      `toml:"sequences"`
	Queue         int      `toml:"queue"`          // questions that wait beyond those; 0: the engine's default, as below
	BatchTokens   int      `toml:"batch_tokens"`   // of one forward pass
	PrefillChunk  int      `toml:"prefill_chunk"`  // tokens of prompts in one, while answers come
	KV            string   `toml:"kv"`             // type of keys and values
	KVMemory      int64    `toml:"kv_memory"`      // bytes for them; 0: derived
	SystemPrompts []string `toml:"system_prompts"` // files whose texts are kept ready
	ToolLists     []string `toml:"tool_lists"`     // files of tools, likewise
	PrefixCache   int64    `toml:"prefix_cache"`   // bytes on disk that they take; 0: none
	MinSpeed      float64  `toml:"min_speed"`      // tokens per second of the self-test

	Canary CanaryConfig `toml:"canary"`
}

// CanaryConfig is how a new model is tried beside the one that serves, before it
// takes over.
type CanaryConfig struct {
	Share     float64       `toml:"share"`     // of the questions that it answers too, unseen; 0: no trial
	Questions int           `toml:"questions"` // that decide
	Agreement float64       `toml:"agreement"` // least mean agreement with the serving model
	Speed     float64       `toml:"speed"`     // least share of the serving model's speed
	Time      time.Duration `toml:"time"`      // after which what was seen decides
}

// RouterConfig is what the router may be told; what it decides is not
// configured but calibrated.
type RouterConfig struct {
	Wait       time.Duration `toml:"wait"`
	RecordSize int64         `toml:"record_size"`

	AuditShare     float64 `toml:"audit_share"`     // of the local answers that the cloud is asked for as well
	AuditAgreement float64 `toml:"audit_agreement"` // from which on two texts count as one answer
}

// BrokerConfig reaches an MQTT broker.
type BrokerConfig struct {
	Broker       string   `toml:"broker"`
	Brokers      []string `toml:"brokers"` // more of them, to fail over to
	Username     string   `toml:"username"`
	PasswordFile string   `toml:"password_file"`
	CAFile       string   `toml:"ca_file"`
	CertFile     string   `toml:"cert_file"` // of this client, for brokers that ask
	KeyFile      string   `toml:"key_file"`

	// Names of credentials that the service manager passed, instead of files.
	PasswordCredential string `toml:"password_credential"`
	KeyCredential      string `toml:"key_credential"`
}

// CloudConfig is the way to the large model; without a broker there is none.
type CloudConfig struct {
	BrokerConfig
	Expiry  time.Duration `toml:"expiry"`
	Timeout time.Duration `toml:"timeout"`

	Compression     string `toml:"compression"` // "zstd" or "none"
	OutboxQuestions int    `toml:"outbox_questions"`
	OutboxBytes     int64  `toml:"outbox_bytes"`

	WorkerKeys          []string `toml:"worker_keys"` // files of public keys; empty: nothing is sealed
	DeviceKey           string   `toml:"device_key"`
	DeviceKeyCredential string   `toml:"device_key_credential"` // instead of a file
}

// IoTConfig is the MQTT front door. Without a broker of its own it uses the
// cloud's, with the cloud's credentials.
type IoTConfig struct {
	Enable bool `toml:"enable"`
	BrokerConfig
	Parallel int `toml:"parallel"`
}

// LinkConfig is the link process, which has the brokers in the place of the
// engine's process.
type LinkConfig struct {
	Socket string   `toml:"socket"` // between the two; empty: there is one process
	Peers  []string `toml:"peers"`  // users that may be at its other end
	State  string   `toml:"state"`  // where the link process keeps the outbox
}

// StateConfig is where the outbox and the records are kept.
type StateConfig struct {
	Dir     string `toml:"dir"`
	Records string `toml:"records"` // what of answered questions is kept: "all", "metadata" or "off"
}

// SensorConfig is the I2C bus and what sits on it, and the kernel's own sensors.
type SensorConfig struct {
	Bus         string      `toml:"bus"`
	Temperature *PartConfig `toml:"temperature"`
	Power       *PartConfig `toml:"power"`

	Thermal  bool          `toml:"thermal"`  // thermal zones
	Rails    bool          `toml:"rails"`    // INA3221 of a Jetson
	Powercap bool          `toml:"powercap"` // energy counters of the processor
	Battery  bool          `toml:"battery"`
	Heat     []string      `toml:"heat"`     // names of the sensors whose temperature counts; empty: automatic
	Supply   []string      `toml:"supply"`   // names of the sensors whose power is added up; empty: automatic
	Interval time.Duration `toml:"interval"` // for which a reading is good
	Sysfs    string        `toml:"sysfs"`    // where the kernel shows its sensors
}

// PartConfig is one sensor.
type PartConfig struct {
	Driver    string  `toml:"driver"`
	Address   int     `toml:"address"`
	ShuntOhms float64 `toml:"shunt_ohms"`
	MaxAmps   float64 `toml:"max_amps"`
}

// GovernorConfig is what the device does when it gets too hot, draws too much or
// its battery is low.
type GovernorConfig struct {
	Enable bool          `toml:"enable"`
	Dwell  time.Duration `toml:"dwell"`
	Wait   time.Duration `toml:"wait"` // of a question that was sent away to spare the device

	Warm   HeatConfig   `toml:"warm"`
	Hot    HeatConfig   `toml:"hot"`
	Saving SavingConfig `toml:"saving"`
}

// HeatConfig is a level of temperature, in degrees Celsius.
type HeatConfig struct {
	Enter float64 `toml:"enter"` // 0: there is no such level
	Leave float64 `toml:"leave"`
	ActConfig
}

// SavingConfig is the level of energy.
type SavingConfig struct {
	EnterWatts   float64 `toml:"enter_watts"` // 0: the power does not matter
	LeaveWatts   float64 `toml:"leave_watts"`
	EnterBattery float64 `toml:"enter_battery"` // percent; 0: the battery does not matter
	LeaveBattery float64 `toml:"leave_battery"`
	ActConfig
}

// ActConfig is what is done at a level.
type ActConfig struct {
	Threads int           `toml:"threads"`
	Prefer  router.Prefer `toml:"prefer"`
}

// MetricsConfig is where scrapes are answered beside the socket.
type MetricsConfig struct {
	Listen string `toml:"listen"` // HOST:PORT; empty: nowhere
}

// ServiceConfig is how the daemon behaves as a service.
type ServiceConfig struct {
	Drain         time.Duration `toml:"drain"`          // for running answers at a stop
	MemoryReserve int64         `toml:"memory_reserve"` // bytes; with less left, nothing is answered here
}

// LogConfig sets how much is logged.
type LogConfig struct {
	Level string `toml:"level"`
}

// LoadConfig reads the file over the defaults and checks the result. Every
// error names file, line, key and remedy; all of them are reported at once.
func LoadConfig(path string) (Config, error) { return loadConfig(path, DefaultConfig()) }

func loadConfig(path string, cfg Config) (Config, error) {
	text, meta, err := tomlfile.Decode(path, &cfg)
	if err != nil {
		return cfg, err
	}
	cfg.Cloud.first()
	cfg.IoT.first()
	at := source{text}
	return cfg, errors.Join(at.Unknown(meta, reflect.TypeFor[Config](), ruleKeys()...), cfg.check(at))
}

// ruleKeys are those of the arrays of tables.
func ruleKeys() []string {
	return append(tomlfile.Keys("rule.", reflect.TypeFor[policy.Rule]()), tomlfile.Keys("privacy.rule.", reflect.TypeFor[privacy.Rule]())...)
}

// Check tells everything that is wrong with a configuration that did not come
// from a file.
func (c Config) Check() error { return c.check(source{tomlfile.Source{Path: "config"}}) }
