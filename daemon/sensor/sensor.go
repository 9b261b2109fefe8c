package sensor

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// Sensor is one device on the bus, or one of the kernel's. Its values carry their
// unit in the key.
type Sensor interface {
	Read(ctx context.Context) (map[string]float64, error)
}

// Keys of readings.
const (
	Temperature = "temperature_c"       // degrees Celsius
	Power       = "power_w"             // watts
	Voltage     = "voltage_v"           // volts
	Current     = "current_a"           // amperes
	Energy      = "energy_j"            // joules since the first reading
	Charge      = "battery_percent"     // of the battery
	Discharging = "battery_discharging" // 1, or 0 while the device takes nothing from it
)

// Kind is what a sensor tells of.
type Kind uint8

// Kinds, to be joined with |.
const (
	Heat   Kind = 1 << iota // Temperature
	Draw                    // Power, and with it Voltage and Current, or Energy
	Stored                  // Charge

	Everything = Heat | Draw | Stored
)

// Part is a sensor in its place.
type Part struct {
	Name   string
	Sensor Sensor
	Gives  Kind
	// Counts tells whether it is the device's temperature, power or charge, alone or
	// with others: the hottest, the sum, the lowest. What does not count is shown.
	Counts bool
}

// Config describes one device on a bus.
type Config struct {
	Driver    string  // a key of the drivers table
	Address   int     // 7 bits
	ShuntOhms float64 // power drivers only
	MaxAmps   float64 // ina219 only
}

// driver binds devices of one type to a bus: one sensor, or several by the number
// of the channel.
type driver struct {
	bind  func(Bus, Config) (map[string]Sensor, error)
	gives Kind
}

// drivers are the supported devices.
var drivers = map[string]driver{
	"tmp102":  {newTMP102, Heat},
	"lm75":    {newLM75, Heat},
	"ina219":  {newINA219, Draw},
	"ina3221": {newINA3221, Draw},
}

// alone is what a device with one channel has.
func alone(s Sensor) map[string]Sensor { return map[string]Sensor{"": s} }

// Drivers lists the supported devices of some kinds.
func Drivers(kinds Kind) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(drivers)) {
		if drivers[name].gives&kinds != 0 {
			names = append(names, name)
		}
	}
	return names
}

// Check tells what is wrong with a configuration, without a bus. Only drivers of
// some kinds will do.
func (c Config) Check(kinds Kind) error {
	_, err := New("", nil, kinds, c)
	return err
}

// New binds a driver of some kinds to a bus. It does not touch the bus: an absent
// device shows when it is read. Of a device with several channels there are as many
// parts, NAME.1 and so on.
func New(name string, b Bus, kinds Kind, c Config) ([]Part, error) {
	d, ok := drivers[c.Driver]
	if !ok || d.gives&kinds == 0 {
		return nil, fmt.Errorf("driver is %q; it must be one of %v", c.Driver, Drivers(kinds))
	}
	if c.Address < minAddress || c.Address > maxAddress {
		return nil, fmt.Errorf("address is 0x%02x; it must be between 0x%02x and 0x%02x", c.Address, minAddress, maxAddress)
	}
	all, err := d.bind(b, c)
	if err != nil {
		return nil, err
	}
	var parts []Part
	for _, channel := range slices.Sorted(maps.Keys(all)) {
		p := Part{Name: name, Sensor: all[channel], Gives: d.gives, Counts: true}
		if channel != "" {
			p.Name += "." + channel
		}
		parts = append(parts, p)
	}
	return parts, nil
}

// register reads a 16-bit big-endian register, as all drivers here have them.
func register(b Bus, address, reg uint8) (uint16, error) {
	var r [2]byte
	if err := b.Tx(address, []byte{reg}, r[:]); err != nil {
		return 0, err
	}
	return uint16(r[0])<<8 | uint16(r[1]), nil
}

func setRegister(b Bus, address, reg uint8, v uint16) error {
	return b.Tx(address, []byte{reg, byte(v >> 8), byte(v)}, nil)
}
