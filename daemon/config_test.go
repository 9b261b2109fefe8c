package daemon

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/a472be26/cusp/daemon/tomlfile"
	"github.com/a472be26/cusp/infer/assistant"
	"github.com/a472be26/cusp/router/uplink"
)

// writeConfig puts text into a file and returns its path.
func writeConfig(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "cusp.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSampleConfigIsTheDefault(t *testing.T) {
	t.Parallel()
	cfg, err := LoadConfig(writeConfig(t, string(SampleConfig())))
	if err != nil {
		t.Fatal(err)
	}
	if want := DefaultConfig(); !reflect.DeepEqual(cfg, want) {
		t.Errorf("sample is %+v, default is %+v", cfg, want)
	}
}

// A key that the sample does not document, or documents wrongly, shows here.
func TestSampleConfigDocumentsEveryKey(t *testing.T) {
	t.Parallel()
	keys := regexp.MustCompile(`(?m)^# ([a-z_]+ = )`)
	all := keys.ReplaceAllString(string(SampleConfig()), "$1")
	if _, err := LoadConfig(writeConfig(t, all)); err != nil {
		t.Fatal(err)
	}
	at := tomlfile.Source{Text: all}
	for _, key := range tomlfile.Keys("", reflect.TypeFor[Config]()) {
		parts := strings.Split(key, ".")
		inline := parts[0] == "sensor" && len(parts) > 2
		table := key == "model.canary" || parts[0] == "governor" && slices.Contains([]string{"warm", "hot", "saving"}, parts[len(parts)-1])
		if len(parts) < 2 || inline || table {
			continue // a table, or a member of an inline table
		}
		line := strings.Split(all, "\n")[at.Line(parts)-1]
		if !strings.HasPrefix(line, parts[len(parts)-1]+" = ") {
			t.Errorf("%s is not in the sample", key)
		}
	}
}

func TestLoadConfig(t *testing.T) {
	t.Parallel()
	cfg, err := LoadConfig(writeConfig(t, `
[device]
id = "d-1"
[cloud]
broker = "tcp://127.0.0.1:1883"
expiry = "90m"
[iot]
enable = true
[sensor]
bus = "/dev/i2c-1"
temperature = { driver = "lm75", address = 0x48 }
`))
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Device.ID != "d-1" || cfg.Cloud.Expiry != 90*time.Minute || cfg.Sensor.Temperature.Address != 0x48 || cfg.Sensor.Power != nil {
		t.Errorf("config %+v", cfg)
	}
	if cfg.iotBroker().Broker != "tcp://127.0.0.1:1883" {
		t.Errorf("front door's broker %+v", cfg.iotBroker())
	}
	if cfg.Model.Sequences != DefaultConfig().Model.Sequences {
		t.Error("an unset key lost its default")
	}
}

// What [model] says of the engine arrives there; the second model, whose texts are
// not cut, has passes of its own size.
func TestEngineConfig(t *testing.T) {
	t.Parallel()
	cfg, err := LoadConfig(writeConfig(t, `[model]
threads = 3
context = 900
sequences = 5
queue = 7
batch_tokens = 80
prefill_chunk = 20
kv = "f32"
kv_memory = 12345678
`))
	want := assistant.Config{Threads: 3, Context: 900, Sequences: 5, Queue: 7, Rows: 80, Chunk: 20, KV: "f32", KVBytes: 12345678}
	if got := cfg.Model.Engine(); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("engine %+v, want %+v, error %v", got, want, err)
	}
	want = assistant.Config{Threads: 3, Sequences: 5, Queue: 7, KV: "f32"}
	if got := cfg.Model.second().Engine(); !reflect.DeepEqual(got, want) {
		t.Errorf("engine of embeddings %+v, want %+v", got, want)
	}
}

func TestConfigErrorsNameLineKeyAndRemedy(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		says []string
	}{
		"syntax":           {"[api]\nsocket = \n", []string{":2:", "api.socket"}},
		"misspelt key":     {"[api]\n\nsockt = \"/a\"\n", []string{":3: api.sockt: unknown key", "did you mean api.socket?"}},
		"misspelt table":   {"[clouds]\nbroker = \"x\"\n", []string{":1: clouds", "unknown key"}},
		"wrong table":      {"[api]\nbroker = \"x\"\n", []string{":2: api.broker: unknown key", "did you mean iot.broker?"}},
		"in inline table":  {"[sensor]\nbus=\"/dev/x\"\ntemperature = { driver = \"lm75\", adress = 1 }\n", []string{":3: sensor.temperature.adress", "did you mean sensor.temperature.address?"}},
		"wrong type":       {"[model]\nthreads = \"two\"\n", []string{"line 2", "model.threads", "integer"}},
		"device":           {"[device]\nid = \"a/b\"\n", []string{":2: device.id", "other than letters"}},
		"socket":           {"[api]\nsocket = \"cusp.sock\"\n", []string{":2: api.socket", "absolute"}},
		"privacy":          {"[privacy]\nemail = \"hide\"\n", []string{":2: privacy.email", `"redact", "private" or "allow"`}},
		"privacy rule":     {"[privacy]\n[[privacy.rule]]\nname = \"x\"\n", []string{"privacy.rule", `rule 1 ("x")`, "says nothing"}},
		"misspelt rule":    {"[privacy]\n[[privacy.rule]]\nname = \"x\"\nword = [\"a\"]\n", []string{"privacy.rule.word", "unknown key"}},
		"records":          {"[state]\nrecords = \"some\"\n", []string{":2: state.records", `"metadata"`}},
		"mode":             {"[api]\nmode = \"rw\"\n", []string{":2: api.mode", `"0660"`}},
		"threads":          {"[model]\nthreads = -1\n", []string{":2: model.threads", "from 0 to 1024"}},
		"queue":            {"[model]\nqueue = -1\n", []string{":2: model.queue", "from 0 to 65536"}},
		"batch":            {"[model]\nbatch_tokens = 5000\n", []string{":2: model.batch_tokens", "from 0 to 4096"}},
		"small batch":      {"[model]\nsequences = 8\nbatch_tokens = 7\n", []string{":3: model.batch_tokens", "write 8 or more"}},
		"large chunk":      {"[model]\nbatch_tokens = 100\nprefill_chunk = 101\n", []string{":3: model.prefill_chunk", "the 100 of model.batch_tokens"}},
		"negative chunk":   {"[model]\nprefill_chunk = -1\n", []string{":2: model.prefill_chunk", "from 0 to 4096"}},
		"prompt's path":    {"[model]\nsystem_prompts = [\"a.txt\"]\n", []string{":2: model.system_prompts", "absolute"}},
		"tools' path":      {"[model]\ntool_lists = [\"a.json\"]\n", []string{":2: model.tool_lists", "absolute"}},
		"many beginnings":  {"[model]\ntool_lists = [" + strings.Repeat("\"/a\",", 64) + "]\n", []string{":2: model.tool_lists", "make 65 beginnings", "the 64"}},
		"name":             {"[model]\nname = \"../x\"\n", []string{":2: model.name"}},
		"broker":           {"[cloud]\nbroker = \"http://x\"\n", []string{":2: cloud.broker", "ssl"}},
		"duration":         {"[router]\nwait = \"0s\"\n", []string{":2: router.wait", "for example"}},
		"iot alone":        {"[iot]\nenable = true\n", []string{":1: iot.broker", "cloud.broker"}},
		"sensor bus":       {"[sensor]\npower = { driver = \"ina219\", address = 0x40 }\n", []string{"sensor.bus", "/dev/i2c-1"}},
		"thermometer":      {"[sensor]\nbus = \"/dev/i2c-1\"\npower = { driver = \"lm75\", address = 0x48 }\n", []string{":3: sensor.power", "[ina219 ina3221]"}},
		"interval":         {"[sensor]\ninterval = \"1ms\"\n", []string{":2: sensor.interval", "100ms to 30s"}},
		"sysfs":            {"[sensor]\nsysfs = \"sys\"\n", []string{":2: sensor.sysfs", "absolute"}},
		"no gap":           {"[governor.hot]\nenter = 80.0\nleave = 80.0\n", []string{":3: governor.hot.leave", "below what enters the level, 80"}},
		"hot below warm":   {"[governor.warm]\nenter = 79.0\n", []string{"governor.hot.enter", "79"}},
		"no temperature":   {"[governor.warm]\nenter = nan\n", []string{":2: governor.warm.enter", "degrees Celsius"}},
		"preference":       {"[governor.hot]\nprefer = \"clouds\"\n", []string{":2: governor.hot.prefer", "balanced"}},
		"fewer threads":    {"[governor.saving]\nthreads = -1\n", []string{":2: governor.saving.threads", "from 0 to 1024"}},
		"battery":          {"[governor.saving]\nenter_battery = 20.0\n", []string{"governor.saving.leave_battery", "above enter_battery"}},
		"full battery":     {"[governor.saving]\nenter_battery = 100.0\n", []string{":2: governor.saving.enter_battery", "percent"}},
		"power":            {"[governor.saving]\nenter_watts = 8.0\nleave_watts = 9.0\n", []string{":3: governor.saving.leave_watts", "8 watts"}},
		"no limit":         {"[governor]\nenable = true\n[governor.warm]\nenter = 0.0\n[governor.hot]\nenter = 0.0\n", []string{":2: governor.enable", "governor.hot.enter"}},
		"driver":           {"[sensor]\nbus = \"/dev/i2c-1\"\npower = { driver = \"ina3\", address = 0x40 }\n", []string{":3: sensor.power", "ina219"}},
		"rule route":       {"[[rule]]\nname = \"a\"\n\n[[rule]]\nname = \"b\"\nroute = \"moon\"\n", []string{":6: rule 2 (\"b\"): route: \"moon\" is not allowed; write \"local\" or \"cloud\""}},
		"rule hours":       {"[[rule]]\nname = \"a\"\nhours = [\"8-9\"]\n[log]\n", []string{":3: rule 1 (\"a\"): hours: \"8-9\" is no time of day", "22:00-06:00"}},
		"nameless rule":    {"[log]\n[[rule]]\nroute = \"local\"\n", []string{":2: rule 1 (\"\"): name"}},
		"inline rule":      {"rule = [{ name = \"a\", first = \"x\" }]\n", []string{":1: rule 1 (\"a\"): first", "provisional"}},
		"misspelt in rule": {"[[rule]]\nname = \"a\"\nlongr_than = 5\n", []string{":3: rule.longr_than: unknown key", "did you mean rule.longer_than?"}},
		"rule type":        {"[[rule]]\nname = \"a\"\nearly = \"yes\"\n", []string{"3", "rule.early", "bool"}},
		"budget":           {"[budget]\nmoney_day = -1.0\n", []string{":2: budget.money_day", "no limit"}},
		"no cost":          {"[budget]\nmoney_day = 1.0\nask_cost = 0.0\n", []string{":3: budget.ask_cost", "0.01"}},
		"early":            {"[early]\ndoubt = 2.0\n", []string{":2: early.doubt", "from 0 to 1"}},
		"canary":           {"[model.canary]\nshare = 1.5\n", []string{":2: model.canary.share", "from 0 to 1"}},
		"drain":            {"[service]\ndrain = \"2h\"\n", []string{":2: service.drain", "to 1h0m0s"}},
		"two passwords":    {"[cloud]\nbroker = \"tcp://x:1\"\npassword_file = \"/p\"\npassword_credential = \"mqtt\"\n", []string{":4: cloud.password_credential", "one of them"}},
		"credential":       {"[cloud]\nbroker = \"tcp://x:1\"\npassword_credential = \"../mqtt\"\n", []string{":3: cloud.password_credential", "no name"}},
		"key alone":        {"[iot]\nbroker = \"tcp://x:1\"\nkey_file = \"/k\"\n", []string{"iot.cert_file", "needs its key"}},
		"compression":      {"[cloud]\ncompression = \"gzip\"\n", []string{":2: cloud.compression", "zstd"}},
		"outbox":           {"[cloud]\noutbox_bytes = 100\n", []string{":2: cloud.outbox_bytes", "from 1048576"}},
		"second broker":    {"[cloud]\nbrokers = [\"tcp://x:1\", \"http://y\"]\n", []string{"cloud.broker", "http://y"}},
		"sealed unsigned":  {"[cloud]\nworker_keys = [\"/w.pub\"]\n", []string{":2: cloud.worker_keys", "cusp key device"}},
		"signed unsealed":  {"[cloud]\ndevice_key = \"/d\"\n", []string{":2: cloud.device_key", "worker_keys"}},
		"two device keys":  {"[cloud]\nworker_keys = [\"/w\"]\ndevice_key = \"/d\"\ndevice_key_credential = \"d\"\n", []string{":4: cloud.device_key_credential", "one of them"}},
		"level":            {"[log]\nlevel = \"loud\"\n", []string{":2: log.level", "debug"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := LoadConfig(writeConfig(t, c.text))
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range c.says {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
		})
	}
}

func TestSeveralBrokers(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`broker = "tcp://a:1"`:                              "tcp://a:1",
		`brokers = ["tcp://a:1", "tcp://b:1"]`:              "tcp://a:1, tcp://b:1",
		"broker = \"tcp://a:1\"\nbrokers = [\"tcp://b:1\"]": "tcp://a:1, tcp://b:1",
	} {
		cfg, err := LoadConfig(writeConfig(t, "[cloud]\n"+text+"\n"))
		if got := cfg.Cloud.options(uplink.Options{}).Broker.String(); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: brokers %s, %v; want %s", text, got, err, want)
		}
	}
}

func TestAllConfigErrorsAreReportedAtOnce(t *testing.T) {
	t.Parallel()
	_, err := LoadConfig(writeConfig(t, "[api]\nmode = \"rw\"\n[log]\nlevel = \"loud\"\nlevl = 1\n"))
	for _, want := range []string{"api.mode", "log.level", "log.levl"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %s", err, want)
		}
	}
}

func TestDefaultPaths(t *testing.T) {
	t.Parallel()
	env := func(m map[string]string) func(string) string { return func(k string) string { return m[k] } }
	for name, c := range map[string]struct {
		got    paths
		socket string
		state  string
	}{
		"root":     {defaultPaths(true, env(nil)), "/run/cusp/cusp.sock", "/var/lib/cusp"},
		"user":     {defaultPaths(false, env(map[string]string{"HOME": "/h", "XDG_RUNTIME_DIR": "/r"})), "/r/cusp.sock", "/h/.local/state/cusp"},
		"override": {defaultPaths(true, env(map[string]string{"CUSP_SOCKET": "/x"})), "/x", "/var/lib/cusp"},
	} {
		if c.got.socket != c.socket || c.got.state != c.state {
			t.Errorf("%s: %+v", name, c.got)
		}
	}
}

func TestChangedKeys(t *testing.T) {
	t.Parallel()
	a, b := DefaultConfig(), DefaultConfig()
	b.Log.Level, b.Cloud.Broker, b.IoT.Parallel, b.Model.Canary.Share = "debug", "tcp://x:1", 9, 0.5
	b.Sensor.Power = &PartConfig{Driver: "ina219"}
	want := []string{"model.canary.share", "cloud.broker", "iot.parallel", "sensor.power", "log.level"}
	if got := changedKeys(a, b); !reflect.DeepEqual(got, want) {
		t.Errorf("changed %v", got)
	}
	// The live ones are taken over, the others wait.
	if got := changedKeys(a.with(b), b); !reflect.DeepEqual(got, []string{"cloud.broker", "iot.parallel", "sensor.power"}) {
		t.Errorf("left %v", got)
	}
}

func writeSecret(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
