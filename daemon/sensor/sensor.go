package sensor

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// Sensor is one device on the bus. Its values carry their unit in the key:
// "temperature_c", "power_w", "voltage_v", "current_a".
type Sensor interface {
	Read(ctx context.Context) (map[string]float64, error)
}

// Config describes one sensor.
type Config struct {
	Driver    string  // a key of the drivers table
	Address   int     // 7 bits
	ShuntOhms float64 // power drivers only
	MaxAmps   float64 // power drivers only
}

// drivers are the supported devices.
var drivers = map[string]func(Bus, Config) (Sensor, error){
	"tmp102": newTMP102,
	"lm75":   newLM75,
	"ina219": newINA219,
}

// Drivers lists the supported devices.
func Drivers() []string { return slices.Sorted(maps.Keys(drivers)) }

// Check tells what is wrong with a configuration, without a bus.
func (c Config) Check() error {
	_, err := New(nil, c)
	return err
}

// New binds a driver to a bus. It does not touch the bus: an absent device
// shows when it is read.
func New(b Bus, c Config) (Sensor, error) {
	build, ok := drivers[c.Driver]
	if !ok {
		return nil, fmt.Errorf("driver is %q; it must be one of %v", c.Driver, Drivers())
	}
	if c.Address < minAddress || c.Address > maxAddress {
		return nil, fmt.Errorf("address is 0x%02x; it must be between 0x%02x and 0x%02x", c.Address, minAddress, maxAddress)
	}
	return build(b, c)
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
