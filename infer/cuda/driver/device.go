//go:build cuda

package driver

import (
	"fmt"
	"strings"
	"unsafe"
)

// Device is a GPU.
type Device struct {
	driver *Driver
	handle int32
	Properties
}

// Properties are what is known of a GPU before it is used.
type Properties struct {
	Index             int
	Name              string
	PCI               string // bus id, "0000:01:00.0"; empty if not told
	Major, Minor      int    // compute capability
	Integrated        bool   // shares its memory with the CPU, as on a Jetson
	Memory            int64  // bytes
	Multiprocessors   int
	Clock             int  // kHz at most
	MemoryClock       int  // kHz at most
	MemoryBus         int  // bits
	L2                int  // bytes
	SharedBlock       int  // bytes of shared memory that a block may have without asking
	SharedBlockMost   int  // bytes that it may have with Function.SetShared
	ThreadsBlock      int  // at most
	UnifiedAddressing bool // one address space with the host
	MapHost           bool // kernels can read host memory
	Register          bool // memory of the host can be registered after it was allocated
	RegisterReadOnly  bool // also memory that the host cannot write, such as a mapped file
	HostPointer       bool // registered memory has the same address on both sides
	Managed           bool // cuMemAllocManaged works
	ConcurrentManaged bool // host and kernels may touch managed memory at the same time
	PageableAccess    bool // kernels can read any memory of the host
}

// attributes are numbers of CUdevice_attribute.
const (
	attrThreadsBlock      = 1
	attrSharedBlock       = 8
	attrClock             = 13
	attrMultiprocessors   = 16
	attrIntegrated        = 18
	attrMapHost           = 19
	attrMemoryClock       = 36
	attrMemoryBus         = 37
	attrL2                = 38
	attrUnifiedAddressing = 41
	attrMajor             = 75
	attrMinor             = 76
	attrManaged           = 83
	attrPageableAccess    = 88
	attrConcurrentManaged = 89
	attrHostPointer       = 91
	attrSharedBlockMost   = 97
	attrRegister          = 99
	attrRegisterReadOnly  = 113
)

// Devices lists the GPUs, at least one; else ErrNoDevice.
func (d *Driver) Devices() ([]*Device, error) {
	var n int32
	if err := d.call("cuDeviceGetCount", "", d.cuDeviceGetCount, uintptr(unsafe.Pointer(&n))); err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, fmt.Errorf("cuda: %s: %w: %s", d.path, ErrNoDevice, remedies[ErrNoDevice])
	}
	all := make([]*Device, n)
	for i := range all {
		all[i] = &Device{driver: d, Properties: Properties{Index: i}}
		if err := all[i].look(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (d *Device) look() error {
	about := fmt.Sprintf("device %d", d.Index)
	if err := d.driver.call("cuDeviceGet", about, d.driver.cuDeviceGet, uintptr(unsafe.Pointer(&d.handle)), uintptr(d.Index)); err != nil {
		return err
	}
	var name [256]byte
	if err := d.driver.call("cuDeviceGetName", about, d.driver.cuDeviceGetName, uintptr(unsafe.Pointer(&name[0])), uintptr(len(name)-1), uintptr(d.handle)); err != nil {
		return err
	}
	var memory uintptr
	if err := d.driver.call("cuDeviceTotalMem_v2", about, d.driver.cuDeviceTotalMem, uintptr(unsafe.Pointer(&memory)), uintptr(d.handle)); err != nil {
		return err
	}
	d.Name, d.Memory = clean(&name[0]), int64(memory)
	d.PCI = d.bus()
	d.Major, d.Minor = d.attribute(attrMajor), d.attribute(attrMinor)
	d.Multiprocessors, d.Clock = d.attribute(attrMultiprocessors), d.attribute(attrClock)
	d.MemoryClock, d.MemoryBus, d.L2 = d.attribute(attrMemoryClock), d.attribute(attrMemoryBus), d.attribute(attrL2)
	d.SharedBlock, d.ThreadsBlock = d.attribute(attrSharedBlock), d.attribute(attrThreadsBlock)
	d.SharedBlockMost = max(d.SharedBlock, d.attribute(attrSharedBlockMost))
	d.Integrated, d.UnifiedAddressing = d.can(attrIntegrated), d.can(attrUnifiedAddressing)
	d.MapHost, d.HostPointer = d.can(attrMapHost), d.can(attrHostPointer)
	d.Register = d.can(attrRegister) && d.driver.cuMemHostRegister != 0
	d.RegisterReadOnly = d.can(attrRegisterReadOnly) && d.driver.cuMemHostRegister != 0
	d.Managed = d.can(attrManaged) && d.driver.cuMemAllocManaged != 0
	d.ConcurrentManaged, d.PageableAccess = d.can(attrConcurrentManaged), d.can(attrPageableAccess)
	return nil
}

func (d *Device) bus() string {
	var id [32]byte
	if err := d.driver.call("cuDeviceGetPCIBusId", "", d.driver.cuDeviceGetPCIBusId, uintptr(unsafe.Pointer(&id[0])), uintptr(len(id)-1), uintptr(d.handle)); err != nil {
		return ""
	}
	return strings.ToLower(clean(&id[0]))
}

// attribute is 0 for one that an old driver does not know.
func (d *Device) attribute(number int) int {
	var v int32
	if err := d.driver.call("cuDeviceGetAttribute", "", d.driver.cuDeviceGetAttribute, uintptr(unsafe.Pointer(&v)), uintptr(number), uintptr(d.handle)); err != nil {
		return 0
	}
	return int(v)
}

func (d *Device) can(number int) bool { return d.attribute(number) != 0 }

// Capability is the compute capability as one number: 87 for 8.7.
func (p *Properties) Capability() int { return 10*p.Major + p.Minor }

func (p *Properties) String() string {
	kind := "discrete"
	if p.Integrated {
		kind = "integrated"
	}
	return fmt.Sprintf("%s (compute capability %d.%d, %s, %d multiprocessors, %.1f GB)", p.Name, p.Major, p.Minor, kind, p.Multiprocessors, float64(p.Memory)/1e9)
}

// Driver is the one that told of the device.
func (d *Device) Driver() *Driver { return d.driver }
