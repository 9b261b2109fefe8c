package sensor

import (
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// i2cSlave is the ioctl that chooses the device (linux/i2c-dev.h).
const i2cSlave = 0x0703

// busFile is a bus behind any file that takes I2C_SLAVE, write and read.
type busFile struct {
	path string
	mu   sync.Mutex // guards file's chosen address through a transfer
	file *os.File
}

var _ Bus = (*busFile)(nil)

func openFile(path string) (*busFile, error) {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("open i2c bus: %w", err)
	}
	return &busFile{path: path, file: file}, nil
}

func (b *busFile) choose(address uint8) error {
	if err := unix.IoctlSetInt(int(b.file.Fd()), i2cSlave, int(address)); err != nil {
		return fmt.Errorf("%s: choose address 0x%02x: %w", b.path, address, err)
	}
	return nil
}

func (b *busFile) Tx(address uint8, w, r []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.choose(address); err != nil {
		return err
	}
	return transfer(b.path, address, b.file.Write, b.file.Read, w, r)
}

func (b *busFile) Close() error { return b.file.Close() }
