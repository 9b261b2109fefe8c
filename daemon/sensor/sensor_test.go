package sensor

import (
	"bytes"
	"errors"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var errAbsent = errors.New("no acknowledge")

// registers is a bus of devices with 16-bit registers.
type registers map[uint8]map[uint8]uint16

var _ Bus = registers(nil)

func (b registers) Tx(address uint8, w, r []byte) error {
	device, ok := b[address]
	if !ok {
		return errAbsent
	}
	if len(w) == 3 {
		device[w[0]] = uint16(w[1])<<8 | uint16(w[2])
	}
	if len(r) == 2 {
		r[0], r[1] = byte(device[w[0]]>>8), byte(device[w[0]])
	}
	return nil
}

func (b registers) Close() error { return nil }

// build makes a sensor or fails the test.
func build(t *testing.T, b Bus, c Config) Sensor {
	t.Helper()
	parts, err := New("it", b, Everything, c)
	if err != nil || len(parts) != 1 {
		t.Fatalf("%d parts, %v", len(parts), err)
	}
	return parts[0].Sensor
}

// The raw words and temperatures are those of the data sheets' tables.
func TestTemperature(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		driver string
		raw    uint16
		want   float64
	}{
		{"tmp102", 0x7FF0, 127.9375},
		{"tmp102", 0x3200, 50},
		{"tmp102", 0x0040, 0.25},
		{"tmp102", 0x0000, 0},
		{"tmp102", 0xFFC0, -0.25},
		{"tmp102", 0xE700, -25},
		{"tmp102", 0xC900, -55},
		{"tmp102", 0x4B01, 150}, // extended mode
		{"tmp102", 0xE481, -55}, // extended mode
		{"lm75", 0x7EE0, 126.875},
		{"lm75", 0x0020, 0.125},
		{"lm75", 0xFFE0, -0.125},
		{"lm75", 0xC900, -55},
		{"lm75", 0x191F, 25}, // undefined bits are dropped
	} {
		s := build(t, registers{0x48: {0: c.raw}}, Config{Driver: c.driver, Address: 0x48})
		got, err := s.Read(t.Context())
		if err != nil || got["temperature_c"] != c.want {
			t.Errorf("%s 0x%04x: %v, %v; want %g", c.driver, c.raw, got, err, c.want)
		}
	}
}

func TestINA219(t *testing.T) {
	t.Parallel()
	device := map[uint8]uint16{inaBus: 2990<<3 | 2, inaCurrent: 10240, inaPower: 598}
	s := build(t, registers{0x40: device}, Config{Driver: "ina219", Address: 0x40})
	got, err := s.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	lsb := 3.2 / 32768
	for key, want := range map[string]float64{"voltage_v": 11.96, "current_a": 1, "power_w": 598 * 20 * lsb} {
		if math.Abs(got[key]-want) > 1e-9 {
			t.Errorf("%s is %g; want %g", key, got[key], want)
		}
	}
	if device[inaCalibration] != 4194 || device[inaConfig] != inaReset {
		t.Errorf("calibration %d, config %#x", device[inaCalibration], device[inaConfig])
	}
}

func TestINA219NegativeCurrent(t *testing.T) {
	t.Parallel()
	s := build(t, registers{0x40: {inaCurrent: 0x10000 - 1024}}, Config{Driver: "ina219", Address: 0x40})
	if got, err := s.Read(t.Context()); err != nil || math.Abs(got["current_a"]+0.1) > 1e-9 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestINA219Overflow(t *testing.T) {
	t.Parallel()
	s := build(t, registers{0x40: {inaBus: inaOverflow}}, Config{Driver: "ina219", Address: 0x40})
	if got, err := s.Read(t.Context()); !errors.Is(err, ErrOverflow) {
		t.Errorf("%v, %v", got, err)
	}
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config Config
		says   string
	}{
		"driver":  {Config{Driver: "bme280", Address: 0x48}, "ina219"},
		"address": {Config{Driver: "lm75", Address: 0x80}, "0x77"},
		"shunt":   {Config{Driver: "ina219", Address: 0x40, ShuntOhms: -1}, "shunt_ohms"},
		"range":   {Config{Driver: "ina219", Address: 0x40, MaxAmps: 1e9}, "calibration"},
		"NaN":     {Config{Driver: "ina219", Address: 0x40, ShuntOhms: math.NaN()}, "shunt_ohms"},
		"shunt 3": {Config{Driver: "ina3221", Address: 0x40, ShuntOhms: math.NaN()}, "shunt_ohms"},
		"amps 3":  {Config{Driver: "ina3221", Address: 0x40, MaxAmps: 3.2}, "max_amps"},
	} {
		if err := c.config.Check(Everything); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A thermometer measures no power.
func TestDriversOfTheWrongKind(t *testing.T) {
	t.Parallel()
	err := Config{Driver: "lm75", Address: 0x48}.Check(Draw)
	if err == nil || !strings.Contains(err.Error(), "[ina219 ina3221]") {
		t.Errorf("error %v", err)
	}
}

func TestINA3221(t *testing.T) {
	t.Parallel()
	device := map[uint8]uint16{
		ina3Config: 0x7120, // switched off
		ina3Bus:    625 << 3, ina3Shunt: 1250 << 3,
		ina3Bus + 2: 1500 << 3, ina3Shunt + 2: 0xFFF8 &^ 0x3FF, // minus 128 x 40 uV
		ina3Bus + 4: 1500 << 3, ina3Shunt + 4: ina3FullScale,
	}
	parts, err := New("power", registers{0x41: device}, Draw, Config{Driver: "ina3221", Address: 0x41})
	if err != nil || len(parts) != 3 || parts[2].Name != "power.3" {
		t.Fatalf("parts %+v, %v", parts, err)
	}
	for i, want := range []map[string]float64{
		{Voltage: 5, Current: 0.5, Power: 2.5}, {Voltage: 12, Current: -0.0512, Power: -0.6144},
	} {
		got, err := parts[i].Sensor.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for key, v := range want {
			if math.Abs(got[key]-v) > 1e-9 {
				t.Errorf("%s: %s is %g, want %g", parts[i].Name, key, got[key], v)
			}
		}
	}
	if got, err := parts[2].Sensor.Read(t.Context()); err == nil || !strings.Contains(err.Error(), "channel 3") {
		t.Errorf("off the scale: %v, %v", got, err)
	}
	if device[ina3Config] != ina3Reset {
		t.Errorf("config %#x", device[ina3Config])
	}
}

func TestStationReadsOnDemandAndLogsChangesOnly(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	bus := registers{}
	board := Part{Name: "board", Sensor: build(t, bus, Config{Driver: "lm75", Address: 0x48}), Gives: Heat, Counts: true}
	s := NewStation([]Part{board}, DefaultAge, slog.New(slog.NewTextHandler(&log, nil)))
	now := time.Unix(1000, 0)
	s.now = func() time.Time { return now }

	for range 3 { // absent: reported, logged once
		if r := s.Readings(); r != nil {
			t.Fatalf("readings of an absent device: %v", r)
		}
		now = now.Add(failAge)
	}
	if state := s.States()[0]; !strings.Contains(state.Error, "no acknowledge") || state.Name != "board" {
		t.Errorf("state %+v", state)
	}
	bus[0x48] = map[uint8]uint16{0: 0x1900}
	now = now.Add(DefaultAge)
	if r := s.Readings(); r != nil {
		t.Errorf("the failure was not kept for a while: %v", r)
	}
	now = now.Add(failAge)
	if r := s.Readings(); r["temperature_c"] != 25 {
		t.Errorf("readings %v", r)
	}
	bus[0x48][0] = 0
	if r := s.Readings(); r["temperature_c"] != 25 {
		t.Errorf("the reading was not kept for a while: %v", r)
	}
	if n := strings.Count(log.String(), "\n"); n != 2 {
		t.Errorf("%d log lines, want 2:\n%s", n, log.String())
	}
}

func TestStationWithoutSensors(t *testing.T) {
	t.Parallel()
	s := NewStation(nil, DefaultAge, slog.New(slog.DiscardHandler))
	if r := s.Readings(); r != nil || len(s.States()) != 0 {
		t.Errorf("readings %v", r)
	}
}

func TestOpenBus(t *testing.T) {
	t.Parallel()
	if n, ok := number("/dev/i2c-12"); !ok || n != 12 {
		t.Errorf("number %d, %v", n, ok)
	}
	for _, path := range []string{"/dev/i2c-", "/dev/i2c-x", "/dev/i2c-01", "/tmp/i2c-1"} {
		if _, ok := number(path); ok {
			t.Errorf("%s counts as a bus of the kernel's", path)
		}
	}
	if _, err := OpenBus(filepath.Join(t.TempDir(), "none")); err == nil || !strings.Contains(err.Error(), "i2c-dev") {
		t.Errorf("absent bus: %v", err)
	}
	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := OpenBus(plain)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := b.Tx(0x48, []byte{0}, make([]byte, 2)); err == nil || !strings.Contains(err.Error(), "choose address 0x48") {
		t.Errorf("a plain file took an ioctl: %v", err)
	}
}
