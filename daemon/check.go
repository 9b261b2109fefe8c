package daemon

import (
	"errors"
	"io/fs"
	"log/slog"
	"math"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/a472be26/cusp/daemon/sensor"
	"github.com/a472be26/cusp/infer"
	"github.com/a472be26/cusp/infer/prefix"
	"github.com/a472be26/cusp/packaging/bundle"
	"github.com/a472be26/cusp/router/uplink"
)

// check tells everything that is wrong, not only the first.
func (c Config) check(at source) error {
	return errors.Join(
		c.checkDevice(at), c.API.check(at), c.Model.check(at), c.Embeddings.check(at), c.Router.check(at), c.Privacy.check(at),
		c.Cloud.check(at), c.checkIoT(at), c.Link.check(at), c.State.check(at), c.Sensor.check(at), c.Governor.check(at), c.Metrics.check(at), c.Log.check(at), c.Service.check(at),
		c.checkRules(at), c.Budget.check(at), c.Early.check(at),
	)
}

func (c Config) checkDevice(at source) error {
	if err := uplink.CheckID("device", c.Device.ID); err != nil {
		return at.errorf("device.id", "%v", err)
	}
	return nil
}

func (c APIConfig) check(at source) error {
	var errs []error
	if !filepath.IsAbs(c.Socket) {
		errs = append(errs, at.errorf("api.socket", "%q is not an absolute path; write for example /run/cusp/cusp.sock", c.Socket))
	}
	if _, err := c.mode(); err != nil {
		errs = append(errs, at.errorf("api.mode", "%q is not an octal file mode; write for example \"0660\"", c.Mode))
	}
	return errors.Join(append(errs,
		within(at, "api.max_body", c.MaxBody, 1024, 1<<30),
		within(at, "api.max_connections", int64(c.MaxConnections), 8, 1<<20),
		c.checkTCP(at))...)
}

// checkTCP wants all that a network needs before it is let in; files are left for
// the start, since they may be rotated.
func (c APIConfig) checkTCP(at source) error {
	if c.Listen == "" {
		return nil
	}
	var errs []error
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		errs = append(errs, at.errorf("api.listen", "%v; write for example \"127.0.0.1:8443\"", err))
	}
	if c.CertFile == "" {
		errs = append(errs, at.errorf("api.cert_file", "api.listen needs TLS: name a certificate in PEM"))
	}
	if (c.KeyFile == "") == (c.KeyCredential == "") {
		errs = append(errs, at.errorf("api.key_file", "api.listen needs TLS: name the certificate's key as key_file or as key_credential"))
	}
	if (c.TokensFile == "") == (c.TokensCredential == "") {
		errs = append(errs, at.errorf("api.tokens_file", "api.listen needs bearer tokens: name a file of them as tokens_file or as tokens_credential"))
	}
	return errors.Join(append(errs,
		credentialName(at, "api.key_credential", c.KeyCredential), credentialName(at, "api.tokens_credential", c.TokensCredential))...)
}

func (c EmbeddingsConfig) check(at source) error {
	if c.Model != "" && !filepath.IsAbs(c.Model) {
		return at.errorf("embeddings.model", "%q is not an absolute path; write for example /var/lib/cusp/embeddings/model.gguf", c.Model)
	}
	return nil
}

func (c APIConfig) mode() (fs.FileMode, error) {
	m, err := strconv.ParseUint(c.Mode, 8, 32)
	if err == nil && m > 0o777 {
		err = strconv.ErrRange
	}
	return fs.FileMode(m), err
}

func (c ModelConfig) check(at source) error {
	var errs []error
	if !filepath.IsAbs(c.Dir) {
		errs = append(errs, at.errorf("model.dir", "%q is not an absolute path; write for example /var/lib/cusp/models", c.Dir))
	}
	if err := bundle.CheckName(c.Name); err != nil {
		errs = append(errs, at.errorf("model.name", "%v", err))
	}
	if c.Device != deviceAuto && c.Device != deviceCPU && c.Device != deviceCUDA {
		errs = append(errs, at.errorf("model.device", "%q is no device; write \"auto\", \"cpu\" or \"cuda\"", c.Device))
	}
	if !slices.Contains(infer.KVTypes, c.KV) {
		errs = append(errs, at.errorf("model.kv", "%q is no type of keys and values; write one of %q", c.KV, infer.KVTypes))
	}
	errs = append(errs, c.checkBeginnings(at))
	if !(c.MinSpeed >= 0) || math.IsInf(c.MinSpeed, 0) {
		errs = append(errs, at.errorf("model.min_speed", "%g is not a speed; write tokens per second, or 0 for no floor", c.MinSpeed))
	}
	return errors.Join(append(errs, c.Canary.check(at),
		within(at, "model.gpu_layers", int64(c.GPULayers), 0, 1<<16),
		within(at, "model.threads", int64(c.Threads), 0, 1024),
		within(at, "model.context", int64(c.Context), 0, 1<<22),
		within(at, "model.sequences", int64(c.Sequences), 1, 64),
		c.checkBatch(at),
		within(at, "model.kv_memory", c.KVMemory, 0, 1<<44),
		within(at, "model.prefix_cache", c.PrefixCache, 0, 1<<40))...)
}

// checkBeginnings checks what is kept ready of conversations.
func (c ModelConfig) checkBeginnings(at source) error {
	errs := []error{
		absolute(at, "model.system_prompts", c.SystemPrompts, "/etc/cusp/prompts/lights.txt"),
		absolute(at, "model.tool_lists", c.ToolLists, "/etc/cusp/prompts/lights.json"),
	}
	if n := (1 + len(c.SystemPrompts)) * (1 + len(c.ToolLists)); n > prefix.MaxFiles {
		errs = append(errs, at.errorf("model.tool_lists", "%d system prompts and none, with %d tool lists and none, make %d beginnings of conversations, more than the %d that are kept; list fewer",
			len(c.SystemPrompts), len(c.ToolLists), n, prefix.MaxFiles))
	}
	return errors.Join(errs...)
}

func absolute(at source, key string, paths []string, example string) error {
	var errs []error
	for _, path := range paths {
		if !filepath.IsAbs(path) {
			errs = append(errs, at.errorf(key, "%q is not an absolute path; write for example %s", path, example))
		}
	}
	return errors.Join(errs...)
}

// checkBatch checks what is in a forward pass and who waits for one.
func (c ModelConfig) checkBatch(at source) error {
	errs := []error{
		within(at, "model.queue", int64(c.Queue), 0, 1<<16),
		within(at, "model.batch_tokens", int64(c.BatchTokens), 0, 4096),
		within(at, "model.prefill_chunk", int64(c.PrefillChunk), 0, 4096),
	}
	if c.BatchTokens > 0 && c.BatchTokens < c.Sequences {
		errs = append(errs, at.errorf("model.batch_tokens", "%d tokens of a pass are fewer than model.sequences, of which each takes one; write %d or more, or 0", c.BatchTokens, c.Sequences))
	}
	if c.BatchTokens > 0 && c.BatchTokens < c.PrefillChunk {
		errs = append(errs, at.errorf("model.prefill_chunk", "%d tokens are more than the %d of model.batch_tokens, of which they are a part", c.PrefillChunk, c.BatchTokens))
	}
	return errors.Join(errs...)
}

func (c CanaryConfig) check(at source) error {
	return errors.Join(
		fraction(at, "model.canary.share", c.Share),
		fraction(at, "model.canary.agreement", c.Agreement),
		fraction(at, "model.canary.speed", c.Speed),
		within(at, "model.canary.questions", int64(c.Questions), 1, 1e6),
		duration(at, "model.canary.time", c.Time, time.Second, 365*24*time.Hour))
}

func (c RouterConfig) check(at source) error {
	return errors.Join(
		duration(at, "router.wait", c.Wait, 10*time.Millisecond, 24*time.Hour),
		within(at, "router.record_size", c.RecordSize, 1<<20, 1<<40),
		fraction(at, "router.audit_share", c.AuditShare),
		fraction(at, "router.audit_agreement", c.AuditAgreement))
}

func (c CloudConfig) check(at source) error {
	return errors.Join(c.BrokerConfig.check(at, "cloud"),
		duration(at, "cloud.expiry", c.Expiry, time.Second, 365*24*time.Hour),
		duration(at, "cloud.timeout", c.Timeout, 10*time.Millisecond, time.Hour),
		within(at, "cloud.outbox_questions", int64(c.OutboxQuestions), 1, 1e6),
		within(at, "cloud.outbox_bytes", c.OutboxBytes, 1<<20, 256<<20),
		c.checkPayload(at))
}

func (c Config) checkIoT(at source) error {
	errs := []error{c.IoT.BrokerConfig.check(at, "iot"), within(at, "iot.parallel", int64(c.IoT.Parallel), 1, 1024)}
	if c.IoT.Enable && c.iotBroker().Broker == "" {
		errs = append(errs, at.errorf("iot.broker", "the front door is enabled without a broker; set iot.broker or cloud.broker"))
	}
	return errors.Join(errs...)
}

// iotBroker is the front door's own broker, or the cloud's.
func (c Config) iotBroker() BrokerConfig {
	if c.IoT.Broker == "" {
		return c.Cloud.BrokerConfig
	}
	return c.IoT.BrokerConfig
}

// check asks the uplink, which knows what it can reach, about the URL; files
// are left for the start, since they may be rotated.
func (c BrokerConfig) check(at source, table string) error {
	if c.Broker == "" {
		return nil
	}
	var errs []error
	if _, err := (uplink.Broker{URL: c.Broker, Others: c.Brokers}).ClientOptions(); err != nil {
		errs = append(errs, at.errorf(table+".broker", "%v", err))
	}
	if c.PasswordFile != "" && c.PasswordCredential != "" {
		errs = append(errs, at.errorf(table+".password_credential", "there is a password_file too; keep one of them"))
	}
	if c.KeyFile != "" && c.KeyCredential != "" {
		errs = append(errs, at.errorf(table+".key_credential", "there is a key_file too; keep one of them"))
	}
	if (c.CertFile == "") != (c.KeyFile+c.KeyCredential == "") {
		errs = append(errs, at.errorf(table+".cert_file", "a certificate needs its key and a key its certificate; set cert_file and one of key_file, key_credential"))
	}
	return errors.Join(append(errs,
		credentialName(at, table+".password_credential", c.PasswordCredential),
		credentialName(at, table+".key_credential", c.KeyCredential))...)
}

// uplink is the broker with the secrets where the service manager put them.
func (c BrokerConfig) uplink() uplink.Broker {
	return uplink.Broker{
		URL: c.Broker, Others: c.Brokers, Username: c.Username, CAFile: c.CAFile, CertFile: c.CertFile,
		PasswordFile: credentialOr(c.PasswordCredential, c.PasswordFile),
		KeyFile:      credentialOr(c.KeyCredential, c.KeyFile),
	}
}

func (c LinkConfig) check(at source) error {
	var errs []error
	if c.Socket != "" && !filepath.IsAbs(c.Socket) {
		errs = append(errs, at.errorf("link.socket", "%q is not an absolute path; write for example /run/cusp-link/link.sock", c.Socket))
	}
	if !filepath.IsAbs(c.State) {
		errs = append(errs, at.errorf("link.state", "%q is not an absolute path; write for example /var/lib/cusp-link", c.State))
	}
	return errors.Join(errs...)
}

func (c StateConfig) check(at source) error {
	var errs []error
	if !filepath.IsAbs(c.Dir) {
		errs = append(errs, at.errorf("state.dir", "%q is not an absolute path; write for example /var/lib/cusp", c.Dir))
	}
	switch c.Records {
	case recordAll, recordMetadata, recordOff:
	default:
		errs = append(errs, at.errorf("state.records", "%q is no choice; write \"all\", \"metadata\" or \"off\"", c.Records))
	}
	return errors.Join(errs...)
}

func (c SensorConfig) check(at source) error {
	var errs []error
	for name, part := range c.parts() {
		if c.Bus == "" {
			errs = append(errs, at.errorf("sensor.bus", "sensor.%s needs a bus; write for example /dev/i2c-1", name))
		}
		if err := part.sensor().Check(partKinds[name]); err != nil {
			errs = append(errs, at.errorf("sensor."+name, "%v", err))
		}
	}
	if !filepath.IsAbs(c.Sysfs) {
		errs = append(errs, at.errorf("sensor.sysfs", "%q is not an absolute path; write /sys, where the kernel shows its sensors", c.Sysfs))
	}
	return errors.Join(append(errs, duration(at, "sensor.interval", c.Interval, 100*time.Millisecond, 30*time.Second))...)
}

// partKinds are what the sensors tell of that the configuration names.
var partKinds = map[string]sensor.Kind{"temperature": sensor.Heat, "power": sensor.Draw}

// parts are the sensors that are configured.
func (c SensorConfig) parts() map[string]*PartConfig {
	parts := map[string]*PartConfig{}
	if c.Temperature != nil {
		parts["temperature"] = c.Temperature
	}
	if c.Power != nil {
		parts["power"] = c.Power
	}
	return parts
}

func (p PartConfig) sensor() sensor.Config {
	return sensor.Config{Driver: p.Driver, Address: p.Address, ShuntOhms: p.ShuntOhms, MaxAmps: p.MaxAmps}
}

func (c MetricsConfig) check(at source) error {
	if c.Listen == "" {
		return nil
	}
	_, port, err := net.SplitHostPort(c.Listen)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return at.errorf("metrics.listen", "%q is no address and port; write for example \"127.0.0.1:9090\"", c.Listen)
	}
	return nil
}

func (c LogConfig) check(at source) error {
	if new(slog.Level).UnmarshalText([]byte(c.Level)) != nil {
		return at.errorf("log.level", "%q is no level; write debug, info, warn or error", c.Level)
	}
	return nil
}

func (c ServiceConfig) check(at source) error {
	return errors.Join(duration(at, "service.drain", c.Drain, 0, time.Hour), within(at, "service.memory_reserve", c.MemoryReserve, 0, 1<<40))
}

func fraction(at source, key string, v float64) error {
	if !(v >= 0 && v <= 1) {
		return at.errorf(key, "%g is no share; write a number from 0 to 1", v)
	}
	return nil
}

func within(at source, key string, v, low, high int64) error { return at.Within(key, v, low, high) }

func duration(at source, key string, v, low, high time.Duration) error {
	return at.Duration(key, v, low, high)
}
