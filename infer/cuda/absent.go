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
