// Package sensor reads the temperature and the power of the device over I2C.
//
// Nothing polls: a value is read when somebody asks for it and is kept for a
// short while. A sensor that fails is reported and never stops the daemon.
package sensor

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/d2r2/go-i2c"
	"github.com/d2r2/go-logger"
)

// Bus is an I2C bus. Safe for concurrent use.
type Bus interface {
	// Tx writes w to the device at the 7-bit address and then reads len(r)
	// bytes from it. Either may be empty.
	Tx(address uint8, w, r []byte) error
	Close() error
}

// Addresses outside of this range are reserved by the I2C specification.
const (
	minAddress = 0x08
	maxAddress = 0x77
)

// OpenBus opens the bus at path. /dev/i2c-N goes through d2r2/go-i2c, which
// knows only such names; any other path is opened by this package, so that a
// bus may also be a file that answers the same calls.
func OpenBus(path string) (Bus, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("i2c bus: %w (is the i2c-dev module loaded?)", err)
	}
	if n, ok := number(path); ok {
		quiet()
		return &numbered{path: path, number: n, open: map[uint8]*i2c.I2C{}}, nil
	}
	return openFile(path)
}

// OnDemand is the bus at path, opened when it is first used and tried again
// after every failure, so that a bus may appear later.
func OnDemand(path string) Bus { return &onDemand{path: path} }

type onDemand struct {
	path string
	mu   sync.Mutex // guards bus
	bus  Bus
}

var _ Bus = (*onDemand)(nil)

func (o *onDemand) Tx(address uint8, w, r []byte) error {
	b, err := o.get()
	if err != nil {
		return err
	}
	return b.Tx(address, w, r)
}

func (o *onDemand) get() (Bus, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.bus == nil {
		b, err := OpenBus(o.path)
		if err != nil {
			return nil, err
		}
		o.bus = b
	}
	return o.bus, nil
}

func (o *onDemand) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.bus == nil {
		return nil
	}
	return o.bus.Close()
}

// number is N of /dev/i2c-N.
func number(path string) (int, bool) {
	digits, ok := strings.CutPrefix(filepath.Clean(path), "/dev/i2c-")
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 16)
	return int(n), err == nil && strconv.Itoa(int(n)) == digits
}

// quiet stops go-i2c from printing every transfer to standard output. The
// name is the one that go-i2c registers, so it cannot fail.
var quiet = sync.OnceFunc(func() { _ = logger.ChangePackageLogLevel("i2c", logger.FatalLevel) })

// numbered is a bus of the kernel's, through go-i2c, which opens the device
// file once for every address.
type numbered struct {
	path   string
	number int
	mu     sync.Mutex // guards open, and makes write and read of Tx one
	open   map[uint8]*i2c.I2C
}

var _ Bus = (*numbered)(nil)

func (b *numbered) Tx(address uint8, w, r []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	device, err := b.device(address)
	if err != nil {
		return err
	}
	return transfer(b.path, address, device.WriteBytes, device.ReadBytes, w, r)
}

// device returns the open device; the caller holds mu. The address is tried on
// a file of our own first, because go-i2c loses its file when it is refused.
func (b *numbered) device(address uint8) (*i2c.I2C, error) {
	if d := b.open[address]; d != nil {
		return d, nil
	}
	probe, err := openFile(b.path)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(probe.choose(address), probe.Close()); err != nil {
		return nil, err
	}
	d, err := i2c.NewI2C(address, b.number)
	if err != nil {
		return nil, fmt.Errorf("%s: open address 0x%02x: %w", b.path, address, err)
	}
	b.open[address] = d
	return d, nil
}

func (b *numbered) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var errs []error
	for _, d := range b.open {
		errs = append(errs, d.Close())
	}
	clear(b.open)
	return errors.Join(errs...)
}

// transfer is one write and one read; a short one is an error, since half a
// register is no value.
func transfer(path string, address uint8, write, read func([]byte) (int, error), w, r []byte) error {
	if len(w) > 0 {
		if n, err := write(w); err != nil || n != len(w) {
			return fmt.Errorf("%s: write to 0x%02x: %d of %d bytes: %w", path, address, n, len(w), short(err))
		}
	}
	if len(r) > 0 {
		if n, err := read(r); err != nil || n != len(r) {
			return fmt.Errorf("%s: read from 0x%02x: %d of %d bytes: %w", path, address, n, len(r), short(err))
		}
	}
	return nil
}

var errShort = errors.New("short transfer")

func short(err error) error {
	if err == nil {
		return errShort
	}
	return err
}
