package daemon

import (
	_ "embed"
	"slices"
)

//go:embed cusp.toml
var sampleFile []byte

// SampleConfig returns the documented configuration file, in which every key
// is commented out.
func SampleConfig() []byte { return slices.Clone(sampleFile) }
