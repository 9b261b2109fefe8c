package daemon

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/a472be26/cusp/daemon/api"
	"github.com/a472be26/cusp/daemon/sensor"
	"github.com/a472be26/cusp/router"
)

// DefaultModel is the name of the built-in student, and of the packages that
// replace it.
const DefaultModel = "cusp-student"

// paths are where things lie for one kind of user.
type paths struct{ config, trust, state, link, socket string }

// DefaultConfig is the configuration without a file: the built-in student on
// the default socket, no cloud, no sensors. CUSP_SOCKET overrides the socket.
func DefaultConfig() Config { return defaultConfig(os.Getuid() == 0) }

func defaultConfig(root bool) Config {
	p := defaultPaths(root, os.Getenv)
	mode := "0600"
	if root {
		mode = "0660"
	}
	return Config{
		Device: DeviceConfig{ID: hostID()},
		API:    APIConfig{Socket: p.socket, Mode: mode, AdminGroup: defaultAdminGroup, MaxBody: api.DefaultMaxBody, MaxConnections: api.DefaultConnections},
		Model: ModelConfig{Dir: filepath.Join(p.state, "models"), Name: DefaultModel, Trust: []string{p.trust},
			Device: deviceAuto, Sequences: 4, KV: "f16", PrefixCache: 256 << 20, MinSpeed: 1,
			Canary: CanaryConfig{Questions: 50, Agreement: 0.8, Speed: 0.5, Time: 24 * time.Hour}},
		Router:  RouterConfig{Wait: time.Minute, RecordSize: 64 << 20, AuditShare: 0.02, AuditAgreement: 0.5},
		Privacy: defaultPrivacy(),
		Cloud: CloudConfig{Expiry: 24 * time.Hour, Timeout: 30 * time.Second,
			Compression: "zstd", OutboxQuestions: 1000, OutboxBytes: 16 << 20},
		IoT:    IoTConfig{Parallel: 4},
		Link:   LinkConfig{State: p.link},
		State:  StateConfig{Dir: p.state, Records: recordAll},
		Log:    LogConfig{Level: "info"},
		Budget: BudgetConfig{AskCost: 0.01},
		Sensor: SensorConfig{Thermal: true, Rails: true, Powercap: true, Battery: true, Interval: sensor.DefaultAge, Sysfs: "/sys"},
		Governor: GovernorConfig{
			Dwell: 30 * time.Second, Wait: router.DefaultSpareWait,
			Warm:   HeatConfig{70, 65, ActConfig{0, router.PreferLocal}},
			Hot:    HeatConfig{78, 72, ActConfig{1, router.PreferCloud}},
			Saving: SavingConfig{ActConfig: ActConfig{0, router.PreferBalanced}},
		},

		Service: ServiceConfig{Drain: 15 * time.Second, MemoryReserve: 32 << 20},
	}
}

// DefaultConfigPath is where `cusp serve` looks for a configuration when none
// is named.
func DefaultConfigPath() string { return defaultPaths(os.Getuid() == 0, os.Getenv).config }

// defaultPaths follows the file system hierarchy for root and the XDG base
// directory specification for others.
func defaultPaths(root bool, env func(string) string) paths {
	p := paths{config: "/etc/cusp/cusp.toml", trust: "/etc/cusp/keys", state: "/var/lib/cusp", link: "/var/lib/cusp-link", socket: "/run/cusp/cusp.sock"}
	if !root {
		home := env("HOME")
		config := filepath.Join(or(env("XDG_CONFIG_HOME"), filepath.Join(home, ".config")), "cusp")
		state := or(env("XDG_STATE_HOME"), filepath.Join(home, ".local", "state"))
		p = paths{
			config: filepath.Join(config, "cusp.toml"),
			trust:  filepath.Join(config, "keys"),
			state:  filepath.Join(state, "cusp"),
			link:   filepath.Join(state, "cusp-link"),
			socket: fmt.Sprintf("/tmp/cusp-%d/cusp.sock", os.Getuid()),
		}
		if run := env("XDG_RUNTIME_DIR"); run != "" {
			p.socket = filepath.Join(run, "cusp.sock")
		}
	}
	p.socket = or(env("CUSP_SOCKET"), p.socket)
	return p
}

func or(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}

// hostID is the host's name with what a topic cannot hold replaced.
func hostID() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return "device"
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_', r == '.':
			return r
		}
		return '-'
	}, name)
}
