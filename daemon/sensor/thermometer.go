package sensor

import (
	"context"
	"fmt"
)

// thermometer is a TMP102 or LM75: register 0 holds the temperature in two's
// complement, left-justified.
type thermometer struct {
	bus     Bus
	name    string
	address uint8
	convert func(raw uint16) float64 // to degrees Celsius
}

var _ Sensor = (*thermometer)(nil)

func newTMP102(b Bus, c Config) (map[string]Sensor, error) {
	return alone(&thermometer{bus: b, name: "tmp102", address: uint8(c.Address), convert: tmp102}), nil
}

func newLM75(b Bus, c Config) (map[string]Sensor, error) {
	return alone(&thermometer{bus: b, name: "lm75", address: uint8(c.Address), convert: lm75}), nil
}

// tmp102 has 12 bits of 1/16 degree, or 13 in extended mode, which the lowest
// bit of the register tells (TMP102 data sheet, SBOS397, section 7.5.2).
func tmp102(raw uint16) float64 {
	if raw&1 == 1 {
		return float64(int16(raw)>>3) / 16
	}
	return float64(int16(raw)>>4) / 16
}

// lm75 has 9 to 11 bits of up to 1/8 degree; the bits below are not defined
// (LM75B data sheet, section 7.4.3).
func lm75(raw uint16) float64 { return float64(int16(raw)>>5) / 8 }

func (t *thermometer) Read(ctx context.Context) (map[string]float64, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	raw, err := register(t.bus, t.address, 0)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", t.name, err)
	}
	return map[string]float64{Temperature: t.convert(raw)}, nil
}
