package vocab

import (
	"fmt"

	"github.com/a472be26/cusp/infer/tokenizer"
)

// metadata lets the device's tokenizer read a vocabulary that is in no file yet.
type metadata map[string]any

var _ tokenizer.Metadata = metadata(nil)

func (m metadata) Name() string                         { return "new vocabulary" }
func (m metadata) Has(key string) bool                  { _, ok := m[key]; return ok }
func (m metadata) String(key string) (string, error)    { return get[string](m, key) }
func (m metadata) Bool(key string) (bool, error)        { return get[bool](m, key) }
func (m metadata) Strings(key string) ([]string, error) { return get[[]string](m, key) }
func (m metadata) Ints(key string) ([]int32, error)     { return get[[]int32](m, key) }
func (m metadata) Floats(key string) ([]float32, error) { return get[[]float32](m, key) }

func (m metadata) Uint(key string) (uint64, error) {
	v, err := get[uint32](m, key)
	return uint64(v), err
}

func get[T any](m metadata, key string) (T, error) {
	v, ok := m[key].(T)
	if !ok {
		return v, fmt.Errorf("%s: key %s is %T", m.Name(), key, m[key])
	}
	return v, nil
}
