//go:build cuda

package cuda

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"unsafe"

	"github.com/a472be26/cusp/infer/cuda/driver"
	"github.com/a472be26/cusp/infer/mapped"
	"github.com/a472be26/cusp/infer/model"
)

// weights are where the device reads what the host has in a model file: in that
// very memory, where the two share it, or in a copy. Nothing is rearranged.
type weights struct {
	spans []span // ascending, apart
}

// span is some memory of the host that holds weights.
type span struct {
	from, to uintptr // addresses of the host
	device   driver.DevicePointer
	mapped   *driver.Host // nil: copied
}

// placeWeights brings all weights of a program in reach of the device.
func placeWeights(c *driver.Context, p *model.Program, o Options) (*weights, error) {
	w := newSpans(p)
	whole := w.bytes()
	report := func(done int64) {
		if o.Progress != nil {
			o.Progress(done, whole)
		}
	}
	if d := c.Device(); d.Integrated && d.Register && d.MapHost && !o.Copy && w.share(c) == nil {
		report(whole)
		return w, nil
	}
	return w, w.copy(c, whole, report)
}

// newSpans is where the host has the weights of a program.
func newSpans(p *model.Program) *weights {
	w := &weights{}
	for _, data := range weightsOf(p) {
		w.add(data)
	}
	return w
}

func (w *weights) bytes() (n int64) {
	for _, s := range w.spans {
		n += int64(s.to - s.from)
	}
	return n
}

// weightsOf are the weights of all steps.
func weightsOf(p *model.Program) (all [][]byte) {
	matrix := func(m *model.Matrix) { all = append(all, m.Data) }
	for _, step := range slices.Concat(p.Reads, p.Steps) {
		switch s := step.(type) {
		case *model.Embed:
			matrix(s.Table)
		case *model.AddPositions:
			matrix(s.Table)
		case *model.Multiply:
			for _, q := range s.Products {
				matrix(&q.Weight.Matrix)
			}
		case *model.Predict:
			matrix(&s.Head.Matrix)
		case *model.Sparse:
			for i := range s.Each {
				f := &s.Each[i]
				matrix(&f.Gate.Matrix)
				matrix(&f.Up.Matrix)
				matrix(&f.Down.Matrix)
			}
		}
	}
	return all
}

func addressOf(b []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(b))) }

// add takes memory in. What lies closer together than a page becomes one span, so
// that no page of the host is in two.
func (w *weights) add(b []byte) {
	if len(b) == 0 {
		return
	}
	page := uintptr(os.Getpagesize())
	s := span{from: addressOf(b), to: addressOf(b) + uintptr(len(b))}
	i, _ := slices.BinarySearchFunc(w.spans, s, func(a, b span) int {
		if a.to+page < b.from {
			return -1
		}
		return 1
	})
	j := i
	for ; j < len(w.spans) && w.spans[j].from <= s.to+page; j++ {
		s.from, s.to = min(s.from, w.spans[j].from), max(s.to, w.spans[j].to)
	}
	w.spans = slices.Replace(w.spans, i, j, s)
}

// share lets the device read the host's memory. If that does not work, none of it
// is shared.
func (w *weights) share(c *driver.Context) error {
	page := uintptr(os.Getpagesize())
	for i := range w.spans {
		s := &w.spans[i]
		from, to := s.from/page*page, (s.to+page-1)/page*page
		host, err := c.Register(bytesAt(from, int(to-from)), c.Device().RegisterReadOnly)
		if err == nil && host.Device == 0 {
			err = errors.Join(driver.ErrNotSupported, host.Close())
		}
		if err != nil {
			return errors.Join(err, w.close())
		}
		s.mapped, s.device = host, host.Device+driver.DevicePointer(s.from-from)
	}
	return nil
}

// bytesAt is memory of the host that holds weights, and the rest of its pages.
func bytesAt(address uintptr, n int) []byte {
	return unsafe.Slice((*byte)(*(*unsafe.Pointer)(unsafe.Pointer(&address))), n)
}

// copyPart is how much is copied between two reports.
const copyPart = 16 << 20

// copy makes copies on the device, which begin at the same multiples as the
// host's. Where both are in the same memory, the host's are dropped: they can be
// read in the file.
func (w *weights) copy(c *driver.Context, whole int64, report func(int64)) error {
	free, err := freeMemory(c)
	if err != nil {
		return err
	}
	if d := c.Device(); whole > free {
		return fmt.Errorf("cuda: %w: the weights take %.3g MB, but of the %.3g MB of %s only %.3g MB are free: choose a smaller type of weights (cusp model convert) or the CPU",
			driver.ErrOutOfMemory, float64(whole)/1e6, float64(d.Memory)/1e6, d.Name, float64(free)/1e6)
	}
	var done int64
	report(done)
	for i := range w.spans {
		s := &w.spans[i]
		room, err := c.Alloc(int(s.to-s.from) + aligned)
		if err != nil {
			return err
		}
		s.device = room + driver.DevicePointer(s.from%aligned)
		for from := s.from; from < s.to; from += copyPart {
			n := min(copyPart, int(s.to-from))
			if err := c.Upload(s.device+driver.DevicePointer(from-s.from), bytesAt(from, n)); err != nil {
				return err
			}
			if c.Device().Integrated {
				mapped.Drop(bytesAt(from, n))
			}
			done += int64(n)
			report(done)
		}
	}
	return nil
}

// at is where the device reads some weights.
func (w *weights) at(b []byte) driver.DevicePointer {
	from := addressOf(b)
	for _, s := range w.spans {
		if s.from <= from && from < s.to {
			return s.device + driver.DevicePointer(from-s.from)
		}
	}
	return 0
}

// close lets go of the host's memory.
func (w *weights) close() error {
	var all []error
	for i := range w.spans {
		all = append(all, w.spans[i].mapped.Close())
		w.spans[i].mapped = nil
	}
	return errors.Join(all...)
}
