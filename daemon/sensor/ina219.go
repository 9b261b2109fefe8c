package sensor

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"
)

// Registers and constants of the INA219 (data sheet SBOS448, sections 8.5 and 8.6).
const (
	inaConfig      = 0
	inaBus         = 2
	inaPower       = 3
	inaCurrent     = 4
	inaCalibration = 5

	inaReset      = 0x399F // 32 V, 320 mV, 12 bits, continuous: the state after reset
	inaOverflow   = 1      // in the bus voltage register: power or current are out of range
	inaBusLSB     = 0.004  // volts, after the shift by 3
	inaCalNumber  = 0.04096
	inaConversion = 1200 * time.Microsecond // of shunt and bus, 12 bits each
)

// ErrOverflow says that the current is outside of the range that max_amps sets.
var ErrOverflow = errors.New("current or power overflow; raise max_amps")

// ina219 measures the voltage of the supply and the current through a shunt.
type ina219 struct {
	bus         Bus
	address     uint8
	calibration uint16
	currentLSB  float64 // amperes
}

var _ Sensor = (*ina219)(nil)

// Defaults of the usual breakout boards.
const (
	defaultShunt   = 0.1 // ohms
	defaultMaxAmps = 3.2
)

func newINA219(b Bus, c Config) (map[string]Sensor, error) {
	shunt, amps := c.ShuntOhms, c.MaxAmps
	if shunt == 0 {
		shunt = defaultShunt
	}
	if amps == 0 {
		amps = defaultMaxAmps
	}
	s := &ina219{bus: b, address: uint8(c.Address), currentLSB: amps / (1 << 15)}
	// The comparison is written so that NaN is refused too.
	cal := math.Trunc(inaCalNumber / (s.currentLSB * shunt))
	if !(shunt > 0 && amps > 0 && cal >= 2 && cal <= math.MaxUint16) {
		return nil, fmt.Errorf("shunt_ohms %g and max_amps %g give the calibration %g; it must be between 2 and 65535", shunt, amps, cal)
	}
	s.calibration = uint16(cal) &^ 1 // the lowest bit is always zero
	return alone(s), nil
}

func (s *ina219) Read(ctx context.Context) (map[string]float64, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := s.calibrate(); err != nil {
		return nil, fmt.Errorf("calibrate ina219: %w", err)
	}
	var raw [3]uint16
	for i, reg := range []uint8{inaBus, inaCurrent, inaPower} {
		var err error
		if raw[i], err = register(s.bus, s.address, reg); err != nil {
			return nil, fmt.Errorf("read ina219 register %d: %w", reg, err)
		}
	}
	if raw[0]&inaOverflow != 0 {
		return nil, fmt.Errorf("read ina219: %w", ErrOverflow)
	}
	return map[string]float64{
		Voltage: float64(raw[0]>>3) * inaBusLSB,
		Current: float64(int16(raw[1])) * s.currentLSB,
		Power:   float64(raw[2]) * 20 * s.currentLSB,
	}, nil
}

// calibrate restores the calibration when the chip lost it, as it does at
// every dip of its supply; without it current and power read zero.
func (s *ina219) calibrate() error {
	now, err := register(s.bus, s.address, inaCalibration)
	if err != nil || now == s.calibration {
		return err
	}
	if err := setRegister(s.bus, s.address, inaConfig, inaReset); err != nil {
		return err
	}
	if err := setRegister(s.bus, s.address, inaCalibration, s.calibration); err != nil {
		return err
	}
	time.Sleep(inaConversion) // the first values with it
	return nil
}
