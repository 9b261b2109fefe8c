package daemon

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/a472be26/cusp/daemon/api"
	"github.com/a472be26/cusp/router"
)

// sysfs is a fake one, with a thermal zone.
type sysfs struct {
	t   *testing.T
	dir string
}

// newSysfs puts one in the place of the machine's.
func newSysfs(t *testing.T, cfg *Config) sysfs {
	t.Helper()
	s := sysfs{t, cfg.Sensor.Sysfs}
	s.put("class/thermal/thermal_zone0/type", "cpu-thermal")
	s.heat("50000")
	return s
}

// put replaces a file as a whole, so that no reader sees a part of it.
func (s sysfs) put(path, text string) {
	s.t.Helper()
	path = filepath.Join(s.dir, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path+"~", []byte(text+"\n"), 0o644); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Rename(path+"~", path); err != nil {
		s.t.Fatal(err)
	}
}

func (s sysfs) heat(milli string) { s.put("class/thermal/thermal_zone0/temp", milli) }

// governedConfig has a governor without a dwell time, which tests of the ladder
// cover with a clock of their own.
func governedConfig(t *testing.T) Config {
	cfg := testConfig(t)
	cfg.Governor.Enable, cfg.Governor.Dwell = true, 0
	cfg.Sensor.Interval = 100 * time.Millisecond
	cfg.Model.Threads = 4
	return cfg
}

// logged is what a daemon logs.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logged) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// untilReceipt asks a question again and again until its receipt is as wanted.
func untilReceipt(t *testing.T, c *api.Client, what string, q router.Question, good func(router.Receipt) bool) router.Receipt {
	t.Helper()
	var last router.Receipt
	defer func() {
		if t.Failed() {
			t.Logf("last receipt: %+v, governor %+v", last, last.Governor)
		}
	}()
	until(t, what, func() bool {
		a, err := c.Ask(t.Context(), q, nil)
		if err != nil {
			t.Fatal(err)
		}
		last = a.Receipt
		return last.Governor != nil && good(last)
	})
	return last
}

// The whole way: the file of a thermal zone rises, and with the next questions the
// engine computes with fewer threads, easy questions go to the cloud and private ones
// stay; receipts, status, metrics and log show it; it falls, and all is as before.
func TestGovernorFromSysfsToReceipt(t *testing.T) {
	t.Parallel()
	cfg := governedConfig(t)
	fs, log := newSysfs(t, &cfg), &logged{}
	address := freePort(t)
	cfg.Cloud.Broker = "tcp://" + address
	startBroker(t, address)
	startWorker(t, cfg)
	c, _ := serveReal(t, cfg, Options{Log: log.logger()})
	var s Status
	until(t, "the link", func() bool { return c.Status(t.Context(), &s) == nil && s.Link.Up })
	easy := ask("turn on the kitchen light")
	private := easy
	private.Privacy = router.Private

	at := func(level string, threads int) func(router.Receipt) bool {
		return func(r router.Receipt) bool { return r.Governor.Level == level && r.Governor.Threads == threads }
	}
	r := untilReceipt(t, c, "normal", easy, at("normal", 4))
	if r.Route != router.RouteLocal || r.Sensors["temperature_c"] != 50 || r.Governor.Prefer != router.PreferLocal {
		t.Errorf("normal: %+v", r)
	}
	fs.heat("71500")
	r = untilReceipt(t, c, "warm", easy, at("warm", 2))
	if r.Route != router.RouteLocal || r.Governor.Cause != "temperature_c 71.5 >= 70" {
		t.Errorf("warm: %+v, %+v", r, r.Governor)
	}
	fs.heat("85000")
	r = untilReceipt(t, c, "hot", easy, at("hot", 1))
	if r.Route != router.RouteCloud || r.Reason != router.ReasonHot || r.Model != "big" || r.Confidence != nil {
		t.Errorf("hot: %+v", r)
	}
	if r := untilReceipt(t, c, "hot", private, at("hot", 1)); r.Route != router.RouteLocal || r.Reason != router.ReasonConfident {
		t.Errorf("private and hot: %+v", r)
	}
	if err := c.Status(t.Context(), &s); err != nil || s.Governor == nil || s.Governor.Level != "hot" || s.Governor.MaxThreads != 4 || s.Engine.Threads != 1 {
		t.Errorf("status %+v, %+v, %v", s.Governor, s.Engine, err)
	}
	if text := s.Text(); !strings.Contains(text, "governor  hot: temperature_c 85") || !strings.Contains(text, "1 of") || !strings.Contains(text, "cpu-thermal: temperature_c 85") {
		t.Errorf("status\n%s", text)
	}
	m, _ := scraped(t, cfg.API.Socket)
	for name, want := range map[string]float64{
		`cusp_governor_level{level="hot"}`: 1, `cusp_governor_level{level="warm"}`: 0, "cusp_governor_level_changes_total": 2,
		"cusp_engine_threads": 1, "cusp_engine_max_threads": 4, `cusp_temperature_celsius{sensor="cpu-thermal"}`: 85, "cusp_device_temperature_celsius": 85,
	} {
		if got, ok := m[name]; !ok || got != want {
			t.Errorf("%s is %g, %v; want %g", name, got, ok, want)
		}
	}
	fs.heat("40000")
	r = untilReceipt(t, c, "normal again", easy, at("normal", 4))
	if r.Route != router.RouteLocal {
		t.Errorf("normal again: %+v", r)
	}
	for _, want := range []string{"level=WARN msg=\"governor changed the level\" level=warm", "level=hot cause=\"temperature_c 85 >= 78\" prefer=cloud", "level=INFO msg=\"governor changed the level\" level=normal"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log does not say %s:\n%s", want, log)
		}
	}
}

// A device that gets hot in the middle of a long answer does not wait for its end,
// nor for somebody who asks for the status.
func TestGovernorActsDuringAnAnswer(t *testing.T) {
	t.Parallel()
	cfg := governedConfig(t)
	fs, log, l := newSysfs(t, &cfg), &logged{}, &fakeLoader{pieces: 2}
	c, _ := serve(t, cfg, Options{loader: l, Log: log.logger()})
	l.mu.Lock()
	pace := make(chan struct{})
	l.made[0].pace = pace
	l.mu.Unlock()
	done := make(chan router.Receipt, 1)
	go func() {
		a, err := c.Ask(t.Context(), ask("hi"), nil)
		if err != nil {
			t.Error(err)
		}
		done <- a.Receipt
	}()
	pace <- struct{}{} // it has begun
	fs.heat("95000")
	until(t, "a change of the level", func() bool { return strings.Contains(log.String(), "level=hot") })
	close(pace)
	if r := <-done; r.Governor == nil || r.Governor.Level != "normal" || r.Sensors["temperature_c"] != 95 {
		t.Errorf("receipt %+v, governor %+v", r, r.Governor)
	}
}

// A model that is put there while the device is hot keeps to the level too.
func TestNextModelKeepsToTheLevel(t *testing.T) {
	t.Parallel()
	cfg := tinyConfig(t)
	cfg.Governor.Enable, cfg.Model.Threads = true, 4
	newSysfs(t, &cfg).heat("95000")
	c, _ := serveReal(t, cfg, Options{})
	var s Status
	if err := c.Status(t.Context(), &s); err != nil || s.Model.Name != "tiny" || s.Engine.Threads != 1 {
		t.Fatalf("status %+v, %+v, %v", s.Model, s.Engine, err)
	}
	writeTiny(t, filepath.Join(cfg.Model.Dir, "next.tmp"))
	if err := os.Rename(filepath.Join(cfg.Model.Dir, "next.tmp"), filepath.Join(cfg.Model.Dir, "next.gguf")); err != nil {
		t.Fatal(err)
	}
	until(t, "the next model", func() bool {
		return c.Status(t.Context(), &s) == nil && s.Model.Name == "next" && s.Engine.Threads == 1
	})
}

// What an answer took is in its receipt, by a counter of the kernel's, with the
// energy for a token; a governor of power and battery sees what it needs.
func TestEnergyAndBattery(t *testing.T) {
	t.Parallel()
	cfg := governedConfig(t)
	fs := newSysfs(t, &cfg)
	cfg.Governor.Saving.EnterBattery, cfg.Governor.Saving.LeaveBattery = 20, 30
	fs.put("class/powercap/intel-rapl:0/name", "package-0")
	fs.put("class/powercap/intel-rapl:0/max_energy_range_uj", "262143328850")
	fs.put("class/powercap/intel-rapl:0/energy_uj", "1000000")
	fs.put("class/power_supply/BAT0/type", "Battery")
	fs.put("class/power_supply/BAT0/status", "Discharging")
	fs.put("class/power_supply/BAT0/capacity", "55")
	l := &fakeLoader{pieces: 2}
	c, _ := serve(t, cfg, Options{loader: l})
	l.mu.Lock()
	l.made[0].pace = make(chan struct{})
	l.mu.Unlock()
	go func() {
		l.made[0].pace <- struct{}{}
		fs.put("class/powercap/intel-rapl:0/energy_uj", "4000000")
		close(l.made[0].pace)
	}()
	a, err := c.Ask(t.Context(), ask("hi"), nil)
	if err != nil || a.Receipt.Joules != 3 || a.Receipt.Sensors["battery_percent"] != 55 || a.Receipt.Governor.Level != "normal" {
		t.Fatalf("receipt %+v, %v", a.Receipt, err)
	}
	if n := float64(a.Receipt.CompletionTokens); n > 0 && a.Receipt.JoulesPerToken != 3/n {
		t.Errorf("%g joules per token of %g", a.Receipt.JoulesPerToken, n)
	}
	level := func(want string) func(router.Receipt) bool {
		return func(r router.Receipt) bool { return r.Governor.Level == want }
	}
	fs.put("class/power_supply/BAT0/capacity", "12")
	untilReceipt(t, c, "saving", ask("hi"), level("saving"))
	fs.put("class/power_supply/BAT0/status", "Charging")
	untilReceipt(t, c, "charging", ask("hi"), level("normal"))
}

// Without the key nothing is governed: no threads are taken, no receipt speaks of it.
func TestGovernorIsOffByDefault(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	newSysfs(t, &cfg).heat("120000")
	c, _ := serve(t, cfg, Options{})
	a, err := c.Ask(t.Context(), ask("hi"), nil)
	if err != nil || a.Receipt.Governor != nil || a.Receipt.Sensors["temperature_c"] != 120 {
		t.Errorf("receipt %+v, %v", a.Receipt, err)
	}
	var s Status
	if err := c.Status(t.Context(), &s); err != nil || s.Governor != nil {
		t.Errorf("status %+v, %v", s.Governor, err)
	}
}

// A limit that no sensor can reach, a sensor that there is not, and what may not be
// read are told at the start, and do not stop it.
func TestSensorsThatAreMissingAreTold(t *testing.T) {
	t.Parallel()
	cfg := governedConfig(t)
	fs, log := newSysfs(t, &cfg), &logged{}
	fs.put("class/powercap/intel-rapl:0/name", "package-0")
	fs.put("class/powercap/intel-rapl:0/max_energy_range_uj", "1000")
	cfg.Governor.Saving.EnterWatts, cfg.Governor.Saving.LeaveWatts = 10, 8
	cfg.Sensor.Heat = []string{"gpu-thermal", "cpu-thermal"}
	serve(t, cfg, Options{Log: log.logger()})
	for _, want := range []string{
		"it is never reached\" quantity=power_w", "key=sensor.heat unknown=[gpu-thermal] sensors=[cpu-thermal]", "energy_uj: no such file", "docs/power.md",
	} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log does not say %s:\n%s", want, log)
		}
	}
}

// The service manager's line says why the device is slower than it could be.
func TestStatusLineOfAHotDevice(t *testing.T) {
	m := newManager(t)
	cfg := tinyConfig(t)
	cfg.Governor.Enable, cfg.Model.Threads = true, 2
	newSysfs(t, &cfg).heat("80500")
	c, _ := serveReal(t, cfg, Options{})
	if got := m.expect("READY=1"); strings.Contains(got, "threads") {
		t.Errorf("ready says %q", got)
	}
	if _, err := c.Ask(t.Context(), ask("hi"), nil); err != nil {
		t.Fatal(err)
	}
	m.expect("; hot (temperature_c 80.5 >= 78), 1 of 2 threads")
}
