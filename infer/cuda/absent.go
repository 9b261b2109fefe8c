//go:build !cuda

package cuda

import (
	"errors"

	"github.com/a472be26/cusp/infer/model"
)

// Built tells whether this binary can use a GPU.
const Built = false

// ErrNotBuilt says that this binary cannot use a GPU.
var ErrNotBuilt = errors.New("cuda: this binary was built without CUDA: install the package cusp-cuda, or build with -tags cuda")

// Load is refused; see ErrNotBuilt.
func Load(model.Model, Options) (model.Model, error) { return nil, ErrNotBuilt }

// Probe is refused; see ErrNotBuilt.
func Probe(Options) (Info, error) { return Info{}, ErrNotBuilt }

// Peaks measures what a GPU can do at most.
type Peaks struct{}

// Unit is a part of the GPU that multiplies.
type Unit struct{ Name string }

// NewPeaks is refused; see ErrNotBuilt.
func NewPeaks(Options) (*Peaks, error) { return nil, ErrNotBuilt }

// There are no Peaks to ask.
func (*Peaks) Close() error                   { return nil }
func (*Peaks) Cache() int64                   { return 0 }
func (*Peaks) Read() (float64, error)         { return 0, ErrNotBuilt }
func (*Peaks) Units(bool) []Unit              { return nil }
func (*Peaks) Multiply(Unit) (float64, error) { return 0, ErrNotBuilt }
