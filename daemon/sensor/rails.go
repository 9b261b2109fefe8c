package sensor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
)

// rail is one of the three inputs of an INA3221 that the kernel reads. The files
// hold millivolts, milliamperes and, of NVIDIA's older driver, milliwatts.
type rail struct{ voltage, current, power string }

var _ Sensor = rail{}

// most is beyond any rail, in thousandths.
const most = 1_000_000_000

func (r rail) Read(ctx context.Context) (map[string]float64, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	mv, err := readInteger(r.voltage, -most, most)
	if err != nil {
		return nil, err
	}
	ma, err := readInteger(r.current, -most, most)
	if err != nil {
		return nil, err
	}
	volts, amperes := float64(mv)/1000, float64(ma)/1000
	out := map[string]float64{Voltage: volts, Current: amperes, Power: volts * amperes}
	if r.power != "" {
		mw, err := readInteger(r.power, -most, most)
		if err != nil {
			return nil, err
		}
		out[Power] = float64(mw) / 1000
	}
	return out, nil
}

// findRails knows both layouts below bus/i2c/drivers/ina3221*/BUS-ADDRESS:
//
//   - the kernel's own driver (Documentation/hwmon/ina3221):
//     hwmon/hwmonN/in[123]_label, in[123]_input, curr[123]_input, in[123]_enable;
//   - NVIDIA's for L4T 32 (JetPack 4): iio:deviceN/rail_name_[012],
//     in_voltage[012]_input, in_current[012]_input, in_power[012]_input.
func findRails(root string) (parts []Part, skipped []error) {
	add := func(name, enable string, r rail) {
		called, err := findRail(name, enable, r)
		switch {
		case errors.Is(err, fs.ErrNotExist): // not connected
		case err != nil:
			skipped = append(skipped, err)
		case called != "" && called != "NC":
			parts = append(parts, Part{Name: label(called), Sensor: r, Gives: Draw})
		}
	}
	for _, dir := range entries(root, "bus/i2c/drivers/ina3221*/*-*/hwmon/hwmon*") {
		for n := 1; n <= inaChannels; n++ {
			file := func(format string) string { return filepath.Join(dir, fmt.Sprintf(format, n)) }
			add(file("in%d_label"), file("in%d_enable"), rail{voltage: file("in%d_input"), current: file("curr%d_input")})
		}
	}
	for _, dir := range entries(root, "bus/i2c/drivers/ina3221*/*-*/iio:device*") {
		for n := range inaChannels {
			file := func(format string) string { return filepath.Join(dir, fmt.Sprintf(format, n)) }
			add(file("rail_name_%d"), "", rail{voltage: file("in_voltage%d_input"), current: file("in_current%d_input"), power: file("in_power%d_input")})
		}
	}
	countRails(parts)
	return parts, skipped
}

// findRail returns the name of a rail that can be read, "" if it is switched off.
func findRail(name, enable string, r rail) (string, error) {
	if enable != "" {
		if on, err := readInteger(enable, 0, 1); err == nil && on == 0 {
			return "", nil
		}
	}
	text, err := readText(name)
	if err != nil {
		return "", err
	}
	_, err = r.Read(context.Background())
	return text, err
}

// Rails that feed the whole module, and those that are fed by another rail.
var (
	inputs = []string{"VDD_IN", "POM_5V_IN"}
	within = map[string]string{"VDDQ_VDD2_1V8AO": "VIN_SYS_5V0"} // AGX Orin
)

// countRails says which rails make up the power of the module: its input where
// that is measured (Nano, TX1, TX2, Xavier NX, Orin NX and Nano), else all that
// are not within another one (AGX Xavier, AGX Orin).
func countRails(parts []Part) {
	has := func(name string) bool { return slices.ContainsFunc(parts, func(p Part) bool { return p.Name == name }) }
	input := slices.ContainsFunc(inputs, has)
	for i := range parts {
		p := &parts[i]
		if input {
			p.Counts = slices.Contains(inputs, p.Name)
		} else {
			p.Counts = within[p.Name] == "" || !has(within[p.Name])
		}
	}
}
