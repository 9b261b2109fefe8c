//go:build e2e

package sensor

import (
	"context"
	"log/slog"
	"math"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// fuseBus is a file that answers I2C_SLAVE, write and read like a bus. One
// client at a time.
type fuseBus struct {
	fs.Inode
	mu      sync.Mutex // guards all below
	devices registers
	address uint8
	pointer []byte
}

var (
	_ fs.NodeGetattrer = (*fuseBus)(nil)
	_ fs.NodeOpener    = (*fuseBus)(nil)
	_ fs.NodeIoctler   = (*fuseBus)(nil)
	_ fs.NodeWriter    = (*fuseBus)(nil)
	_ fs.NodeReader    = (*fuseBus)(nil)
)

func (b *fuseBus) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	out.Mode = 0o600
	return 0
}

func (b *fuseBus) Open(context.Context, uint32) (fs.FileHandle, uint32, syscall.Errno) {
	return nil, fuse.FOPEN_DIRECT_IO | fuse.FOPEN_NONSEEKABLE, 0
}

func (b *fuseBus) Ioctl(_ context.Context, _ fs.FileHandle, cmd uint32, arg uint64, _, _ []byte) (int32, syscall.Errno) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if cmd != i2cSlave {
		return 0, syscall.ENOTTY
	}
	b.address = uint8(arg)
	return 0, 0
}

func (b *fuseBus) Write(_ context.Context, _ fs.FileHandle, data []byte, _ int64) (uint32, syscall.Errno) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pointer = append(b.pointer[:0], data...)
	if b.devices.Tx(b.address, data, nil) != nil {
		return 0, syscall.ENXIO
	}
	return uint32(len(data)), 0
}

func (b *fuseBus) Read(_ context.Context, _ fs.FileHandle, dest []byte, _ int64) (fuse.ReadResult, syscall.Errno) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.devices.Tx(b.address, b.pointer[:1], dest) != nil {
		return nil, syscall.ENXIO
	}
	return fuse.ReadResultData(dest), 0
}

// TestBusFileThroughTheKernel drives the real system calls against a FUSE
// file; it needs /dev/fuse and fails without.
func TestBusFileThroughTheKernel(t *testing.T) {
	dir := t.TempDir()
	bus := &fuseBus{devices: registers{0x48: {0: 0xE700}, 0x4a: {0: 0x1900}, 0x40: {inaBus: 1250 << 3, inaCurrent: 5120, inaPower: 256},
		0x41: {ina3Bus: 625 << 3, ina3Shunt: 1250 << 3, ina3Bus + 4: 1500 << 3, ina3Shunt + 4: 0x10000 - 1000<<3}}}
	root := &fs.Inode{}
	server, err := fs.Mount(dir, root, &fs.Options{OnAdd: func(ctx context.Context) {
		root.AddChild("bus", root.NewPersistentInode(ctx, bus, fs.StableAttr{Mode: syscall.S_IFREG}), false)
	}})
	if err != nil {
		t.Fatalf("mount a FUSE directory (needs /dev/fuse and fusermount): %v", err)
	}
	t.Cleanup(func() {
		if err := server.Unmount(); err != nil {
			t.Error(err)
		}
	})
	b, err := OpenBus(filepath.Join(dir, "bus"))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()

	cold, err := build(t, b, Config{Driver: "tmp102", Address: 0x48}).Read(t.Context())
	if err != nil || cold["temperature_c"] != -25 {
		t.Errorf("temperature %v, %v", cold, err)
	}
	warm, err := build(t, b, Config{Driver: "lm75", Address: 0x4a}).Read(t.Context())
	if err != nil || warm["temperature_c"] != 25 {
		t.Errorf("temperature %v, %v", warm, err)
	}
	power, err := build(t, b, Config{Driver: "ina219", Address: 0x40}).Read(t.Context())
	if err != nil || power["voltage_v"] != 5 || math.Abs(power["current_a"]-0.5) > 1e-9 {
		t.Errorf("power %v, %v", power, err)
	}
	// The chip comes up switched off here, and is configured first.
	channels, err := New("power", b, Draw, Config{Driver: "ina3221", Address: 0x41})
	if err != nil {
		t.Fatal(err)
	}
	all := NewStation(channels, DefaultAge, slog.New(slog.DiscardHandler)).States()
	for i, want := range []map[string]float64{{Voltage: 5, Current: 0.5, Power: 2.5}, {}, {Voltage: 12, Current: -0.4, Power: -4.8}} {
		for key, v := range want {
			if math.Abs(all[i].Readings[key]-v) > 1e-9 {
				t.Errorf("%s: %v, %s; want %s of %g", all[i].Name, all[i].Readings, all[i].Error, key, v)
			}
		}
	}
	bus.mu.Lock()
	if got := bus.devices[0x41][ina3Config]; got != ina3Reset {
		t.Errorf("the chip's configuration is %#x", got)
	}
	bus.mu.Unlock()
	if got, err := build(t, b, Config{Driver: "lm75", Address: 0x49}).Read(t.Context()); err == nil {
		t.Errorf("an absent device read %v", got)
	}
}
