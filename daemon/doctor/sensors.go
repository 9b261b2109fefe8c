package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/a472be26/cusp/daemon"
	"github.com/a472be26/cusp/daemon/sensor"
)

// sensors reads each one once.
func sensors(ctx context.Context, s *subject) (found []Finding) {
	parts := map[string]*daemon.PartConfig{"power": s.cfg.Sensor.Power, "temperature": s.cfg.Sensor.Temperature}
	maps.DeleteFunc(parts, func(_ string, p *daemon.PartConfig) bool { return p == nil })
	if len(parts) == 0 {
		return only(ok("none are configured"))
	}
	path := s.cfg.Sensor.Bus
	if _, err := s.as.reach(path, read|write); err != nil {
		return only(s.noBus(path, err))
	}
	bus := sensor.OnDemand(path)
	defer bus.Close()
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		found = append(found, readSensor(ctx, bus, name, parts[name]))
	}
	return found
}

func (s *subject) noBus(path string, err error) Finding {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return failure("load the module and switch the bus on: modprobe i2c-dev; dtparam=i2c_arm=on on a Raspberry Pi", "sensor.bus %s is not there", path)
	case errors.As(err, new(denied)):
		return failure(fmt.Sprintf("usermod -aG i2c %s; for the service see deploy/systemd/cusp.service.d/i2c.conf", s.as.name), "sensor.bus %s: %v", path, err)
	}
	return s.barred("sensor.bus", path, err)
}

func readSensor(ctx context.Context, bus sensor.Bus, name string, p *daemon.PartConfig) Finding {
	remedy := fmt.Sprintf("see what is on the bus: i2cdetect -y N; correct sensor.%s, or the wires", name)
	parts, err := sensor.New(name, bus, sensor.Everything, sensor.Config{Driver: p.Driver, Address: p.Address, ShuntOhms: p.ShuntOhms, MaxAmps: p.MaxAmps})
	if err != nil {
		return failure("correct it", "sensor.%s: %v", name, err)
	}
	var all []string
	for _, part := range parts {
		values, err := part.Sensor.Read(ctx)
		if errors.Is(err, fs.ErrPermission) {
			return warning("ask again as root", "sensor.%s: %v", name, err)
		}
		if err != nil {
			return failure(remedy, "sensor.%s: %s at 0x%02x does not answer: %v", name, p.Driver, p.Address, err)
		}
		for _, key := range slices.Sorted(maps.Keys(values)) {
			all = append(all, fmt.Sprintf("%s %.4g", key, values[key]))
		}
	}
	return ok("sensor.%s: %s", name, strings.Join(all, ", "))
}
