package daemon

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// The power rails of a Jetson, as its kernel shows them, are what an answer's
// energy is told by.
func TestJetsonsEnergyIsInTheReceipt(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	rails := "bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon4/"
	for path, text := range map[string]string{
		rails + "in1_label": "VDD_IN", rails + "in1_input": "5000", rails + "curr1_input": "1200", rails + "in1_enable": "1",
		rails + "in2_label": "VDD_CPU_GPU_CV", rails + "in2_input": "5000", rails + "curr2_input": "300", rails + "in2_enable": "1",
		"class/thermal/thermal_zone1/type": "gpu-thermal", "class/thermal/thermal_zone1/temp": "51000",
	} {
		path = filepath.Join(cfg.Sensor.Sysfs, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c, _ := serveReal(t, cfg, Options{})
	a, err := c.Ask(t.Context(), ask("turn on the kitchen light"), nil)
	if err != nil {
		t.Fatal(err)
	}
	r := a.Receipt
	if r.Sensors["power_w"] != 6 || r.Sensors["temperature_c"] != 51 {
		t.Errorf("readings %v: %v, want 6 W at the module's input and 51 degrees", slices.Sorted(maps.Keys(r.Sensors)), r.Sensors)
	}
	if n := float64(r.CompletionTokens); !(r.Joules > 0) || n == 0 || r.JoulesPerToken != r.Joules/n {
		t.Errorf("%g joules, %g a token of %g", r.Joules, r.JoulesPerToken, n)
	}
}
