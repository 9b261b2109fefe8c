package sensor

import (
	"context"
	"fmt"
	"path/filepath"
)

// battery is a power supply of the kernel's
// (Documentation/ABI/testing/sysfs-class-power).
type battery struct{ dir string }

var _ Sensor = battery{}

func (b battery) Read(ctx context.Context) (map[string]float64, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	percent, err := readInteger(filepath.Join(b.dir, "capacity"), 0, 100)
	if err != nil {
		return nil, err
	}
	status, err := readText(filepath.Join(b.dir, "status"))
	if err != nil {
		return nil, err
	}
	r := map[string]float64{Charge: float64(percent), Discharging: 0}
	if status == "Discharging" {
		r[Discharging] = 1
	}
	return r, nil
}

// findBatteries finds those that feed this device: not that of a mouse.
func findBatteries(root string) (parts []Part, skipped []error) {
	for _, dir := range entries(root, "class/power_supply/*") {
		kind, err := readText(filepath.Join(dir, "type"))
		if err != nil {
			skipped = append(skipped, err)
			continue
		}
		if scope, _ := readText(filepath.Join(dir, "scope")); scope == "Device" || kind != "Battery" && kind != "UPS" {
			continue
		}
		b := battery{dir}
		if _, err := b.Read(context.Background()); err != nil {
			skipped = append(skipped, fmt.Errorf("battery: %w", err))
			continue
		}
		parts = append(parts, Part{Name: label(filepath.Base(dir)), Sensor: b, Gives: Stored, Counts: true})
	}
	return parts, skipped
}
