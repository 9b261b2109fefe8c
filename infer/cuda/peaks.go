//go:build cuda

package cuda

import (
	"errors"
	"fmt"
	"time"

	"github.com/a472be26/cusp/infer/cuda/driver"
	"github.com/a472be26/cusp/infer/cuda/kernels"
)

// Peaks measures what a GPU can do at most, with kernels that do nothing else.
type Peaks struct {
	device  *driver.Device
	context *driver.Context
	module  *driver.Module
	stream  *driver.Stream
	marks   [2]*driver.Event
	blocks  int
	from    driver.DevicePointer
	to      driver.DevicePointer
	bytes   int
}

// probeThreads is the size of the probes' blocks.
const probeThreads = 256

// NewPeaks makes the GPU ready to be measured.
func NewPeaks(o Options) (*Peaks, error) {
	d, err := device(o)
	if err != nil {
		return nil, err
	}
	_, text, err := kernels.Pick(d.Major, d.Minor)
	if err != nil {
		return nil, err
	}
	p := &Peaks{device: d}
	if err := p.open(text); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

func (p *Peaks) open(text string) (err error) {
	if p.context, err = p.device.NewContext(driver.Auto); err != nil {
		return err
	}
	if p.module, _, err = p.context.LoadPTX(text); err != nil {
		return err
	}
	if p.stream, err = p.context.NewStream(); err != nil {
		return err
	}
	for i := range p.marks {
		if p.marks[i], err = p.context.NewEvent(true); err != nil {
			return err
		}
	}
	return p.room()
}

// room reserves what is read and written: far more than the cache holds, where
// there is so much.
func (p *Peaks) room() error {
	const enough = 16
	free, _, err := p.context.MemoryInfo()
	if err != nil {
		return err
	}
	p.blocks = 8 * max(p.device.Multiprocessors, 1) // of 256 threads: all that a multiprocessor runs at a time
	p.bytes = roundUp(min(max(enough*p.device.L2, 64<<20), int(free/4)), 1<<20)
	if p.from, err = p.context.Alloc(p.bytes); err != nil {
		return err
	}
	if p.to, err = p.context.Alloc(4 * probeThreads * p.blocks); err != nil {
		return err
	}
	return errors.Join(p.stream.Set(p.from, 1, p.bytes), p.stream.Synchronize())
}

// Close gives everything back.
func (p *Peaks) Close() error {
	if p.context == nil {
		return nil
	}
	return p.context.Close()
}

// Cache is the size of the GPU's last cache, bytes.
func (p *Peaks) Cache() int64 { return int64(p.device.L2) }

// Read is how many GB per second kernels read of the memory that weights lie in.
func (p *Peaks) Read() (float64, error) {
	args := new(driver.Args).Pointer(p.to).Pointer(p.from).Long(int64(p.bytes / 4))
	took, err := p.time("probe_read", args)
	return float64(p.bytes) / 1e9 / took.Seconds(), err
}

// Unit is a part of the GPU that multiplies.
type Unit struct {
	Name   string
	kernel string
	macs   float64 // of a thread and round
	oldest int     // compute capability that has it
}

// units are the probes, the strongest first.
var units = []Unit{
	{"int8 tensor cores (mma.m16n8k32)", "probe_mma", 32768. / 32, 75},
	{"dp4a", "probe_dp4a", 512, 61},
	{"float32 multiply-add", "probe_fma", 128, 0},
}

// Units are those that this GPU has, for int8 or for float32 products, the
// strongest first.
func (p *Peaks) Units(int8 bool) (all []Unit) {
	for _, u := range units {
		if u.oldest <= p.device.Capability() && (int8 || u.oldest == 0) {
			all = append(all, u)
		}
	}
	return all
}

// Multiply is how many 10^9 multiply-accumulates a unit makes per second.
func (p *Peaks) Multiply(u Unit) (float64, error) {
	const least = 2 * time.Millisecond // far more than a launch takes
	for rounds := 16; ; rounds *= 4 {
		took, err := p.time(u.kernel, new(driver.Args).Pointer(p.to).Int(rounds))
		if err != nil || took > least || rounds >= 1<<24 {
			return float64(rounds) * u.macs * float64(p.blocks*probeThreads) / 1e9 / took.Seconds(), err
		}
	}
}

// time is how long a probe runs, the second time.
func (p *Peaks) time(name string, args *driver.Args) (time.Duration, error) {
	f, err := p.module.Function(name)
	if err != nil {
		return 0, err
	}
	for range 2 {
		err = errors.Join(err, p.marks[0].Record(p.stream),
			p.stream.Launch(f, driver.Dim{X: p.blocks}, driver.Dim{X: probeThreads}, 0, args),
			p.marks[1].Record(p.stream), p.stream.Synchronize())
	}
	if err != nil {
		return 0, err
	}
	took, err := p.marks[1].Since(p.marks[0])
	if err == nil && took <= 0 {
		err = fmt.Errorf("cuda: %s took no time that can be measured", name)
	}
	return took, err
}
