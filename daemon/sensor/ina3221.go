package sensor

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// Registers and constants of the INA3221 (data sheet SBOS576, section 8.6). Each
// of its channels has a shunt and a bus voltage, 13 bits in two's complement above
// three bits that mean nothing.
const (
	inaChannels = 3

	ina3Config = 0
	ina3Shunt  = 1 // of the first channel; the next one's is 2 further
	ina3Bus    = 2

	ina3Reset      = 0x7127               // all channels, no averaging, 1.1 ms, continuous: the state after reset
	ina3Running    = 0x7007               // in the configuration: all channels on, shunt and bus continuously
	ina3ShuntLSB   = 40e-6                // volts
	ina3BusLSB     = 0.008                // volts
	ina3FullScale  = 0x7FF8               // of the shunt voltage: it may be more
	ina3Conversion = 7 * time.Millisecond // six of 1.1 ms
)

// ina3221 is one channel.
type ina3221 struct {
	bus     Bus
	address uint8
	channel int     // from 0
	shunt   float64 // ohms
}

var _ Sensor = (*ina3221)(nil)

// newINA3221 returns a sensor for each channel, under the names "1", "2" and "3".
func newINA3221(b Bus, c Config) (map[string]Sensor, error) {
	shunt := c.ShuntOhms
	if shunt == 0 {
		shunt = defaultShunt
	}
	if !(shunt >= minShunt && shunt <= maxShunt) { // NaN is refused too
		return nil, fmt.Errorf("shunt_ohms is %g; it must be between %g and %g", shunt, minShunt, maxShunt)
	}
	if c.MaxAmps != 0 {
		return nil, fmt.Errorf("max_amps is %g, which the ina3221 does not have: its range is 0.1638 V over the shunt; leave it out", c.MaxAmps)
	}
	all := map[string]Sensor{}
	for n := range inaChannels {
		all[strconv.Itoa(n+1)] = &ina3221{bus: b, address: uint8(c.Address), channel: n, shunt: shunt}
	}
	return all, nil
}

// Shunts as there are.
const (
	minShunt = 1e-5
	maxShunt = 100.0
)

func (s *ina3221) Read(ctx context.Context) (map[string]float64, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := s.run(); err != nil {
		return nil, fmt.Errorf("configure ina3221: %w", err)
	}
	shunt, err := register(s.bus, s.address, ina3Shunt+2*uint8(s.channel))
	if err != nil {
		return nil, fmt.Errorf("read ina3221 shunt voltage: %w", err)
	}
	bus, err := register(s.bus, s.address, ina3Bus+2*uint8(s.channel))
	if err != nil {
		return nil, fmt.Errorf("read ina3221 bus voltage: %w", err)
	}
	if shunt&^7 == ina3FullScale {
		return nil, fmt.Errorf("read ina3221: channel %d: 0.1638 V or more over the shunt; use a smaller one", s.channel+1)
	}
	volts := float64(int16(bus)>>3) * ina3BusLSB
	amperes := float64(int16(shunt)>>3) * ina3ShuntLSB / s.shunt
	return map[string]float64{Voltage: volts, Current: amperes, Power: volts * amperes}, nil
}

// run switches the chip on where somebody switched it, or a channel, off.
func (s *ina3221) run() error {
	now, err := register(s.bus, s.address, ina3Config)
	if err != nil || now&ina3Running == ina3Running {
		return err
	}
	if err := setRegister(s.bus, s.address, ina3Config, ina3Reset); err != nil {
		return err
	}
	time.Sleep(ina3Conversion) // the first values with it
	return nil
}
