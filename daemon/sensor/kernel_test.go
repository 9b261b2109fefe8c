package sensor

import (
	"log/slog"
	"maps"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// tree makes a directory of files: a fake sysfs. Keys are paths, and so many lines
// as there are pairs.
func tree(t testing.TB, files map[string]string) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "sys[1]") // a name that is no pattern
	for path, text := range files {
		put(t, root, path, text)
	}
	return root
}

func put(t testing.TB, root, path, text string) {
	t.Helper()
	path = filepath.Join(root, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

// rapl is a power zone.
func rapl(files map[string]string, zone, name, energy string) {
	dir := "class/powercap/" + zone + "/"
	files[dir+"name"], files[dir+"energy_uj"], files[dir+"max_energy_range_uj"] = name, energy, "262143328850"
}

// hwmonRail is an input as the kernel's driver shows it, iioRail as NVIDIA's older
// one does.
func hwmonRail(files map[string]string, dir, n, label, mv, ma string) {
	files[dir+"in"+n+"_label"], files[dir+"in"+n+"_input"], files[dir+"curr"+n+"_input"], files[dir+"in"+n+"_enable"] = label, mv, ma, "1"
}

func iioRail(files map[string]string, dir, n, label, mv, ma, mw string) {
	files[dir+"rail_name_"+n], files[dir+"in_voltage"+n+"_input"], files[dir+"in_current"+n+"_input"], files[dir+"in_power"+n+"_input"] = label, mv, ma, mw
}

// Boards as they are: which sensors are found, which of them count, what the device
// has by them.
func TestFindOnBoards(t *testing.T) {
	t.Parallel()
	pi := map[string]string{"class/thermal/thermal_zone0/type": "cpu-thermal", "class/thermal/thermal_zone0/temp": "54567"}
	orin := map[string]string{
		"class/thermal/thermal_zone0/type": "cpu-thermal", "class/thermal/thermal_zone0/temp": "48250",
		"class/thermal/thermal_zone1/type": "gpu-thermal", "class/thermal/thermal_zone1/temp": "51000",
		"class/thermal/thermal_zone2/type": "cv0-thermal", "class/thermal/thermal_zone2/temp": "", // switched off
	}
	dir := "bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon4/"
	hwmonRail(orin, dir, "1", "VDD_IN", "5000", "1200")
	hwmonRail(orin, dir, "2", "VDD_CPU_GPU_CV", "5000", "300")
	hwmonRail(orin, dir, "3", "VDD_SOC", "5000", "200")
	orin[dir+"in7_label"] = "sum of shunt voltages"
	agx := map[string]string{}
	hwmonRail(agx, "bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon3/", "1", "VDD_GPU_SOC", "20000", "100")
	hwmonRail(agx, "bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon3/", "2", "VDD_CPU_CV", "20000", "50")
	hwmonRail(agx, "bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon3/", "3", "VIN_SYS_5V0", "5000", "600")
	hwmonRail(agx, "bus/i2c/drivers/ina3221/1-0041/hwmon/hwmon4/", "1", "NC", "0", "0")
	hwmonRail(agx, "bus/i2c/drivers/ina3221/1-0041/hwmon/hwmon4/", "2", "VDDQ_VDD2_1V8AO", "5000", "200")
	nano := map[string]string{
		"class/thermal/thermal_zone0/type": "CPU-therm", "class/thermal/thermal_zone0/temp": "40500",
		"class/thermal/thermal_zone1/type": "PMIC-Die", "class/thermal/thermal_zone1/temp": "100000",
	}
	dir = "bus/i2c/drivers/ina3221x/6-0040/iio:device0/"
	iioRail(nano, dir, "0", "POM_5V_IN", "5000", "800", "4012")
	iioRail(nano, dir, "1", "POM_5V_GPU", "5000", "40", "200")
	iioRail(nano, dir, "2", "POM_5V_CPU", "5000", "200", "1000")
	pc := map[string]string{
		"class/thermal/thermal_zone0/type": "x86_pkg_temp", "class/thermal/thermal_zone0/temp": "61000",
		"class/thermal/thermal_zone1/type": "acpitz", "class/thermal/thermal_zone1/temp": "-273200",
		"class/powercap/intel-rapl/enabled": "1",
		"class/power_supply/BAT0/type":      "Battery", "class/power_supply/BAT0/capacity": "37", "class/power_supply/BAT0/status": "Discharging",
		"class/power_supply/AC/type": "Mains", "class/power_supply/mouse/type": "Battery", "class/power_supply/mouse/scope": "Device",
	}
	rapl(pc, "intel-rapl:0", "package-0", "262143000000")
	rapl(pc, "intel-rapl:0:0", "core", "5")
	rapl(pc, "intel-rapl:0:1", "dram", "7000000")
	rapl(pc, "intel-rapl-mmio:0", "package-0", "262143000000")
	laptop := map[string]string{}
	rapl(laptop, "intel-rapl:0", "package-0", "1")
	rapl(laptop, "intel-rapl:1", "psys", "1")
	for name, c := range map[string]struct {
		files   map[string]string
		found   []string // with a star: it counts
		skipped int
		want    map[string]float64
	}{
		"nothing":           {nil, nil, 0, nil},
		"Raspberry Pi":      {pi, []string{"cpu-thermal*"}, 0, map[string]float64{Temperature: 54.567}},
		"Jetson Orin Nano":  {orin, []string{"VDD_CPU_GPU_CV", "VDD_IN*", "VDD_SOC", "cpu-thermal*", "gpu-thermal*"}, 1, map[string]float64{Temperature: 51, Power: 6, Voltage: 5, Current: 1.2}},
		"Jetson AGX Orin":   {agx, []string{"VDDQ_VDD2_1V8AO", "VDD_CPU_CV*", "VDD_GPU_SOC*", "VIN_SYS_5V0*"}, 0, map[string]float64{Power: 6}},
		"Jetson Nano, L4T":  {nano, []string{"CPU-therm*", "PMIC-Die", "POM_5V_CPU", "POM_5V_GPU", "POM_5V_IN*"}, 0, map[string]float64{Temperature: 40.5, Power: 4.012, Voltage: 5, Current: 0.8}},
		"PC":                {pc, []string{"BAT0*", "mmio/package-0", "package-0*", "package-0/core", "package-0/dram*", "x86_pkg_temp*"}, 1, map[string]float64{Temperature: 61, Charge: 37, Discharging: 1}},
		"laptop's platform": {laptop, []string{"package-0", "psys*"}, 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			parts, skipped := Kernel{Root: tree(t, c.files), Thermal: true, Powercap: true, Rails: true, Battery: true}.Find()
			parts = Arrange(parts)
			var found []string
			for _, p := range parts {
				star := ""
				if p.Counts {
					star = "*"
				}
				found = append(found, p.Name+star)
			}
			slices.Sort(found)
			if !slices.Equal(found, c.found) || len(skipped) != c.skipped {
				t.Errorf("found %v, want %v; skipped %v, want %d", found, c.found, skipped, c.skipped)
			}
			got := NewStation(parts, DefaultAge, slog.New(slog.DiscardHandler)).Readings()
			if !maps.EqualFunc(got, c.want, func(a, b float64) bool { return math.Abs(a-b) < 1e-9 }) {
				t.Errorf("readings %v, want %v", got, c.want)
			}
			if parts, skipped := (Kernel{Root: tree(t, c.files)}).Find(); len(parts)+len(skipped) > 0 {
				t.Errorf("switched off: %v, %v", parts, skipped)
			}
		})
	}
}

// What only root may read says so, and how to change it.
func TestEnergyThatMayNotBeRead(t *testing.T) {
	t.Parallel()
	files := map[string]string{}
	rapl(files, "intel-rapl:0", "package-0", "1")
	root := tree(t, files)
	path := filepath.Join(root, "class/powercap/intel-rapl:0/energy_uj")
	if err := os.Remove(path); err != nil { // as root there is no file that cannot be read
		t.Fatal(err)
	}
	parts, skipped := Kernel{Root: root, Powercap: true}.Find()
	if len(parts) != 0 || len(skipped) != 1 || !strings.Contains(skipped[0].Error(), "docs/power.md") || !strings.Contains(skipped[0].Error(), path) {
		t.Errorf("parts %v, skipped %v", parts, skipped)
	}
}

// The counter goes on over the end of its range; power is its growth over a while.
func TestEnergyCounter(t *testing.T) {
	t.Parallel()
	files := map[string]string{}
	rapl(files, "intel-rapl:0", "package-0", "262143000000")
	root := tree(t, files)
	c, err := newCounter(filepath.Join(root, "class/powercap/intel-rapl:0"))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1000, 0)
	c.now = func() time.Time { return now }
	for _, step := range []struct {
		name  string
		pass  time.Duration
		raw   string
		joule float64
		watts float64 // 0: not known
	}{
		{"first", 0, "262143000000", 0, 0},
		{"too soon for a power", 100 * time.Millisecond, "262143100000", 0.1, 0},
		{"a second", 900 * time.Millisecond, "262143300000", 0.3, 0.3},
		{"over the end of the range", time.Second, "1971150", 0.3 + 2, 2},
		{"soon again", 10 * time.Millisecond, "2971150", 3.3, 2},
		{"after a long time", time.Hour, "3971150", 4.3, 0},
		{"known again", time.Second, "13971150", 14.3, 10},
	} {
		now = now.Add(step.pass)
		put(t, root, "class/powercap/intel-rapl:0/energy_uj", step.raw)
		got, err := c.Read(t.Context())
		if err != nil || math.Abs(got[Energy]-step.joule) > 1e-6 || math.Abs(got[Power]-step.watts) > 1e-6 {
			t.Errorf("%s: %v, %v; want %g J, %g W", step.name, got, err, step.joule, step.watts)
		}
	}
	put(t, root, "class/powercap/intel-rapl:0/energy_uj", "262143328851")
	if got, err := c.Read(t.Context()); err == nil || !strings.Contains(err.Error(), "energy_uj") {
		t.Errorf("beyond the range: %v, %v", got, err)
	}
}

// With a counter, the energy of a work is what the counter grew by, however short
// it was, and not what the time before it took.
func TestMeterOverCounters(t *testing.T) {
	t.Parallel()
	files := map[string]string{}
	rapl(files, "intel-rapl:0", "package-0", "1000000")
	rapl(files, "intel-rapl:0:0", "dram", "0")
	root := tree(t, files)
	parts, _ := Kernel{Root: root, Powercap: true}.Find()
	s := NewStation(parts, DefaultAge, slog.New(slog.DiscardHandler))
	m := NewMeter(s)
	now := time.Unix(1000, 0)
	m.now, s.now = func() time.Time { return now }, func() time.Time { return now }
	put(t, root, "class/powercap/intel-rapl:0/energy_uj", "9000000")
	end := m.Begin()
	now = now.Add(3 * time.Millisecond)
	put(t, root, "class/powercap/intel-rapl:0/energy_uj", "9030000")
	put(t, root, "class/powercap/intel-rapl:0:0/energy_uj", "5000")
	if j := end(); math.Abs(j-0.035) > 1e-9 {
		t.Errorf("%g joules, want 0.035", j)
	}
	end = m.Begin()
	if err := os.Remove(filepath.Join(root, "class/powercap/intel-rapl:0/energy_uj")); err != nil {
		t.Fatal(err)
	}
	if j := end(); j != 0 {
		t.Errorf("%g joules by a counter that is gone", j)
	}
	put(t, root, "class/powercap/intel-rapl:0/energy_uj", "9930000")
	now = now.Add(failAge)
	end = m.Begin()
	put(t, root, "class/powercap/intel-rapl:0/energy_uj", "9940000")
	now = now.Add(time.Millisecond)
	if j := end(); math.Abs(j-0.01) > 1e-9 {
		t.Errorf("%g joules once it is back, want 0.01", j)
	}
}

// Power counts once, by the most trusted source, unless it is said otherwise.
func TestArrangeAndChoose(t *testing.T) {
	t.Parallel()
	draw := func(name string) Part { return Part{Name: name, Gives: Draw, Counts: true} }
	heat := func(name string) Part { return Part{Name: name, Gives: Heat, Counts: true} }
	counting := func(parts []Part) (names []string) {
		for _, p := range parts {
			if p.Counts {
				names = append(names, p.Name)
			}
		}
		return names
	}
	all := Arrange([]Part{draw("power.1"), draw("power.2"), heat("cpu")}, []Part{draw("package-0"), heat("cpu"), heat("cpu")})
	if got, want := counting(all), []string{"power.1", "power.2", "cpu", "cpu.2", "cpu.3"}; !reflect.DeepEqual(got, want) {
		t.Errorf("counting %v, want %v", got, want)
	}
	if unknown := Choose(all, Draw, []string{"power.2", "package-0", "cpu"}); !reflect.DeepEqual(unknown, []string{"cpu"}) {
		t.Errorf("unknown %v", unknown)
	}
	if got, want := counting(all), []string{"power.2", "cpu", "package-0", "cpu.2", "cpu.3"}; !reflect.DeepEqual(got, want) {
		t.Errorf("chosen %v, want %v", got, want)
	}
	if unknown := Choose(all, Heat, nil); unknown != nil || len(counting(all)) != 5 {
		t.Errorf("nothing chosen changed something")
	}
}

// A part of the power is not the power.
func TestReadingsLeaveOutWhatMisleads(t *testing.T) {
	t.Parallel()
	bus := registers{0x40: {inaBus: 1250 << 3, inaPower: 256, inaCurrent: 512}}
	one, two := build(t, bus, Config{Driver: "ina219", Address: 0x40}), build(t, bus, Config{Driver: "ina219", Address: 0x41})
	parts := []Part{{Name: "a", Sensor: one, Gives: Draw, Counts: true}, {Name: "b", Sensor: two, Gives: Draw, Counts: true}}
	if r := NewStation(parts, DefaultAge, slog.New(slog.DiscardHandler)).Readings(); r != nil {
		t.Errorf("readings %v", r)
	}
	bus[0x41] = map[uint8]uint16{inaBus: 1250 << 3, inaPower: 256, inaCurrent: 512}
	if r := NewStation(parts, DefaultAge, slog.New(slog.DiscardHandler)).Readings(); len(r) != 1 || math.Abs(r[Power]-1) > 1e-9 {
		t.Errorf("readings %v", r)
	}
}

// Whatever a file of the kernel's says, it is a number within bounds or an error
// that names the file.
func FuzzReadInteger(f *testing.F) {
	for _, seed := range []string{"", "0\n", "54567\n", "-273200", "262143328850", "9223372036854775808", "0x10", "1e3", "NaN", "\x00", strings.Repeat("1", 5000)} {
		f.Add([]byte(seed))
	}
	path := filepath.Join(f.TempDir(), "temp")
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		n, err := readInteger(path, coldest, hottest)
		if err == nil && (n < coldest || n > hottest) {
			t.Errorf("%q gave %d", text, n)
		}
		if err != nil && !strings.Contains(err.Error(), path) {
			t.Errorf("%q: error %v does not name the file", text, err)
		}
		if name := label(string(text)); strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }) || len(name) > 64 {
			t.Errorf("%q became the name %q", text, name)
		}
	})
}
