package sensor

import (
	"context"
	"path/filepath"
)

// zone is a thermal zone of the kernel's
// (Documentation/ABI/testing/sysfs-class-thermal): temp is in thousandths of a
// degree Celsius.
type zone struct{ temp string }

var _ Sensor = zone{}

// Colder or hotter is no temperature of a device, but a driver's way to say that
// it has none.
const (
	coldest = -100_000
	hottest = 250_000
)

func (z zone) Read(ctx context.Context) (map[string]float64, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	n, err := readInteger(z.temp, coldest, hottest)
	if err != nil {
		return nil, err
	}
	return map[string]float64{Temperature: float64(n) / 1000}, nil
}

// constant are the types of zones that show a number which is none of theirs:
// PMIC-Die of a Jetson is always 100 degrees.
var constant = map[string]bool{"PMIC-Die": true}

// findZones names the zones by their types.
func findZones(root string) (parts []Part, skipped []error) {
	for _, dir := range entries(root, "class/thermal/thermal_zone*") {
		kind, err := readText(filepath.Join(dir, "type"))
		if err != nil {
			skipped = append(skipped, err)
			continue
		}
		z := zone{filepath.Join(dir, "temp")}
		if _, err := z.Read(context.Background()); err != nil {
			skipped = append(skipped, err)
			continue
		}
		parts = append(parts, Part{Name: label(kind), Sensor: z, Gives: Heat, Counts: !constant[kind]})
	}
	return parts, skipped
}
