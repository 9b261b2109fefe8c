package daemon

import (
	"fmt"
	"log/slog"

	"github.com/a472be26/cusp/daemon/sensor"
)

// openSensors binds the configured sensors and finds the kernel's. None of them
// stops the daemon: what cannot be read is told.
func (d *device) openSensors() error {
	c := d.cfg.Sensor
	bus := sensor.OnDemand(c.Bus)
	d.closing("i2c bus", bus.Close)
	var board []sensor.Part
	for name, part := range c.parts() {
		parts, err := sensor.New(name, bus, partKinds[name], part.sensor())
		if err != nil {
			return fmt.Errorf("sensor.%s: %w", name, err)
		}
		board = append(board, parts...)
	}
	kernel := sensor.Kernel{Root: c.Sysfs, Thermal: c.Thermal, Rails: c.Rails, Powercap: c.Powercap, Battery: c.Battery}
	found, skipped := kernel.Find()
	for _, err := range skipped {
		d.log.Info("a sensor of the kernel's is not used", "error", err)
	}
	all := sensor.Arrange(board, found)
	choose(d.log, all, "sensor.heat", sensor.Heat, c.Heat)
	choose(d.log, all, "sensor.supply", sensor.Draw, c.Supply)
	d.sensors = sensor.NewStation(all, c.Interval, d.log)
	d.meter = sensor.NewMeter(d.sensors)
	d.work = &work{every: c.Interval, tick: d.tick}
	return nil
}

// choose makes the named sensors count, where the configuration names some.
func choose(log *slog.Logger, all []sensor.Part, key string, kind sensor.Kind, names []string) {
	unknown := sensor.Choose(all, kind, names)
	if len(unknown) == 0 {
		return
	}
	var known []string
	for _, p := range all {
		if p.Gives == kind {
			known = append(known, p.Name)
		}
	}
	log.Warn("no such sensor; write names of those that there are, or leave the key out", "key", key, "unknown", unknown, "sensors", known)
}

// tick takes readings on the way of what is being computed.
func (d *device) tick() {
	d.meter.Tick()
	d.govern.check(sensor.Everything)
}
