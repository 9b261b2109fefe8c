//go:build cuda

package cuda

import (
	"errors"
	"fmt"
	"sync"

	"github.com/a472be26/cusp/infer/cuda/driver"
	"github.com/a472be26/cusp/infer/cuda/kernels"
	"github.com/a472be26/cusp/infer/model"
	"github.com/a472be26/cusp/infer/quant"
)

// KV is keys and values in the device's memory. A page holds, for every layer and
// head of keys one after another, what infer/cuda/kernels says of a head.
type KV struct {
	model     *Model
	kind      string // in the kernels' names
	pages     int
	headBytes int
	pageBytes int

	mu      sync.Mutex // guards the fields below; taken with the model's mu held for reading
	session *session   // of which memory is, nil: of none
	memory  driver.DevicePointer
	lost    bool // what the pages held is gone, and Forward has not said so yet
}

var _ model.KV = (*KV)(nil)

// kvNames are the kinds that the kernels know.
var kvNames = map[quant.Type]string{quant.F16: "f16", quant.F32: "f32", quant.Q8_0: "i8"}

func newKV(m *Model, pages int, kind quant.Type) (model.KV, error) {
	c := m.program.Config
	name, ok := kvNames[kind]
	if !ok {
		return nil, fmt.Errorf("cuda: keys and values as %s: F16, F32 and Q8_0 are supported", kind)
	}
	k := &KV{model: m, kind: name, pages: pages, headBytes: kernels.HeadBytes(name, c.HeadDim)}
	// Config bounds all sizes so that the product of two does not overflow.
	size := float64(c.Kept()*c.KVHeads) * float64(k.headBytes)
	if pages < 1 || float64(pages)*size > 1<<46 {
		return nil, fmt.Errorf("cuda: KV cache of %d pages of %.3g bytes is not possible", pages, size)
	}
	k.pageBytes = int(size)
	s, err := m.acquire()
	if err != nil {
		return nil, err
	}
	defer m.mu.RUnlock()
	if err := k.enter(s); err != nil {
		return nil, err
	}
	return k, nil
}

// enter makes sure that there is memory in a session.
func (k *KV) enter(s *session) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.session == s {
		return nil
	}
	k.lost = k.lost || k.session != nil
	k.session, k.memory = nil, 0
	if err := s.reserve("keys and values", float64(k.pages)*float64(k.pageBytes)); err != nil {
		return err
	}
	p, err := s.context.Alloc(k.pages * k.pageBytes)
	if err != nil {
		return s.note(err)
	}
	k.session, k.memory = s, p
	return nil
}

// tell says whether what the pages held is gone, once.
func (k *KV) tell() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	lost := k.lost
	k.lost = false
	return lost
}

// forget notes that all pages hold nothing any more, and that this was said.
func (k *KV) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.session, k.memory, k.lost = nil, 0, false
}

// Pages implements [model.KV].
func (k *KV) Pages() int { return k.pages }

// PageBytes implements [model.KV].
func (k *KV) PageBytes() int { return k.pageBytes }

// layer is where a layer of page 0 begins.
func (k *KV) layer(i int) driver.DevicePointer {
	return k.memory + driver.DevicePointer(i*k.model.program.Config.KVHeads*k.headBytes)
}

func (k *KV) at(page int32) driver.DevicePointer {
	return k.memory + driver.DevicePointer(int(page)*k.pageBytes)
}

// do does something with the memory, unless what was put there is gone. Whatever
// goes wrong here is told by the next Forward as well.
func (k *KV) do(f func(s *session) error) error {
	s, err := k.model.acquire()
	if err != nil {
		return err
	}
	defer k.model.mu.RUnlock()
	if err := k.enter(s); err != nil {
		return err
	}
	s.asideMu.Lock()
	defer s.asideMu.Unlock()
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.lost {
		return model.ErrLost
	}
	if err := s.note(f(s)); err != nil {
		k.lost = true
		return errors.Join(model.ErrLost, err)
	}
	return nil
}

// Read implements [model.KV].
func (k *KV) Read(dst []byte, page int32) error {
	return k.do(func(s *session) error { return s.context.Download(dst[:k.pageBytes], k.at(page)) })
}

// Write implements [model.KV].
func (k *KV) Write(page int32, src []byte) {
	_ = k.do(func(s *session) error { return s.context.Upload(k.at(page), src[:k.pageBytes]) })
}

// Copy implements [model.KV].
func (k *KV) Copy(dst, src int32) {
	_ = k.do(func(s *session) error {
		return errors.Join(s.aside.Copy(k.at(dst), k.at(src), k.pageBytes), s.aside.Synchronize())
	})
}

// Close implements [model.KV].
func (k *KV) Close() error {
	m := k.model
	m.mu.RLock()
	defer m.mu.RUnlock()
	k.mu.Lock()
	defer k.mu.Unlock()
	s, p := k.session, k.memory
	k.session, k.memory = nil, 0
	if s == nil || s != m.session || s.lost.Load() {
		return nil // it went with its context
	}
	return s.note(s.context.Free(p))
}
