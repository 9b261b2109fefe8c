//go:build cuda

package cuda

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/a472be26/cusp/infer/cuda/driver"
	"github.com/a472be26/cusp/infer/cuda/kernels"
	"github.com/a472be26/cusp/infer/model"
)

// session is a context on the device with all that a model has in it: when the
// device is lost, all of it is, and a new session is made.
type session struct {
	context *driver.Context
	module  *driver.Module
	weights *weights
	small   *arena         // vectors of the program
	aside   *driver.Stream // for what is not part of a pass
	asideMu sync.Mutex     // guards aside
	lost    atomic.Bool

	foundMu   sync.Mutex // guards what was found or made before
	functions map[string]*driver.Function
	biases    map[*model.Biases][]float32
}

func newSession(m *Model) (*session, error) {
	name, text, err := kernels.Pick(m.device.Major, m.device.Minor)
	if err != nil {
		return nil, fmt.Errorf("cuda: %s: %w", m.device.Name, err)
	}
	s := &session{functions: map[string]*driver.Function{}, biases: map[*model.Biases][]float32{}}
	if err := s.open(m, text); err != nil {
		return nil, errors.Join(fmt.Errorf("cuda: %s with the kernels for %s: %w", m.device.Name, name, err), s.close())
	}
	return s, nil
}

func (s *session) open(m *Model, text string) (err error) {
	if s.context, err = m.device.NewContext(driver.Auto); err != nil {
		return err
	}
	if s.module, _, err = s.context.LoadPTX(text); err != nil {
		return err
	}
	if s.aside, err = s.context.NewStream(); err != nil {
		return err
	}
	if s.weights, err = placeWeights(s.context, m.program, m.options); err != nil {
		return err
	}
	s.small = &arena{context: s.context}
	return nil
}

// close ends the context, and with it all that was reserved in it.
func (s *session) close() error {
	if s.context == nil {
		return nil
	}
	var err error
	if s.weights != nil {
		err = s.weights.close() // mapped memory is not the context's
	}
	return errors.Join(err, s.context.Close())
}

// function is a kernel by name.
func (s *session) function(name string) (*driver.Function, error) {
	s.foundMu.Lock()
	defer s.foundMu.Unlock()
	if f, ok := s.functions[name]; ok {
		return f, nil
	}
	f, err := s.module.Function(name)
	if err == nil {
		s.functions[name] = f
	}
	return f, err
}

// note remembers that the device was lost, if that is what an error says.
func (s *session) note(err error) error {
	if errors.Is(err, driver.ErrDeviceLost) {
		s.lost.Store(true)
	}
	return err
}

// distances are the biases of every distance, [Heads][2*Reach+1].
func (s *session) distances(b *model.Biases) []float32 {
	s.foundMu.Lock()
	defer s.foundMu.Unlock()
	if all, ok := s.biases[b]; ok {
		return all
	}
	var all []float32
	for head := 0; head < len(b.Values); head += b.Buckets {
		for _, bucket := range b.Bucket {
			all = append(all, b.Values[head+int(bucket)])
		}
	}
	s.biases[b] = all
	return all
}

// reserve checks that some bytes are free before they are asked for, since some
// systems give them and fail later.
func (s *session) reserve(what string, n float64) error {
	free, err := s.free()
	if err != nil {
		return err
	}
	if d := s.context.Device(); n > float64(free) {
		return fmt.Errorf("cuda: %w: %s take %.3g MB, but of the %.3g MB of %s only %.3g MB are free: choose a shorter context, fewer sequences or fewer rows",
			driver.ErrOutOfMemory, what, n/1e6, float64(d.Memory)/1e6, d.Name, float64(free)/1e6)
	}
	return nil
}

func (s *session) free() (int64, error) { return freeMemory(s.context) }

// arena is memory on the device for many small things, which are never given
// back one by one.
type arena struct {
	context *driver.Context
	mu      sync.Mutex // guards the fields below
	blocks  []driver.DevicePointer
	next    driver.DevicePointer
	left    int
	known   map[*float32]driver.DevicePointer // vectors by their beginning
}

// arenaBlock is what is asked of the driver at a time.
const arenaBlock = 1 << 20

// aligned is what everything begins at a multiple of.
const aligned = 256

func roundUp(n, to int) int { return (n + to - 1) / to * to }

// room is n bytes.
func (a *arena) room(n int) (driver.DevicePointer, error) {
	n = roundUp(max(n, 1), aligned)
	if n > a.left {
		block := max(n, arenaBlock)
		p, err := a.context.Alloc(block)
		if err != nil {
			return 0, err
		}
		a.blocks, a.next, a.left = append(a.blocks, p), p, block
	}
	p := a.next
	a.next, a.left = a.next+driver.DevicePointer(n), a.left-n
	return p, nil
}

// put copies bytes to the device.
func (a *arena) put(b []byte) (driver.DevicePointer, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.putLocked(b)
}

func (a *arena) putLocked(b []byte) (driver.DevicePointer, error) {
	p, err := a.room(len(b))
	if err != nil {
		return 0, err
	}
	return p, a.context.Upload(p, b)
}

// vector is where a vector of the program is, 0 for nil. It is copied once.
func (a *arena) vector(v []float32) (driver.DevicePointer, error) {
	if len(v) == 0 {
		return 0, nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if p, ok := a.known[&v[0]]; ok {
		return p, nil
	}
	p, err := a.putLocked(driver.Bytes(v))
	if err != nil {
		return 0, err
	}
	if a.known == nil {
		a.known = map[*float32]driver.DevicePointer{}
	}
	a.known[&v[0]] = p
	return p, nil
}

// free gives the memory back.
func (a *arena) free() {
	for _, p := range a.blocks {
		_ = a.context.Free(p)
	}
	a.blocks, a.left = nil, 0
}
