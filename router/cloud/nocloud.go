//go:build nocloud

package cloud

import "errors"

// errLeftOut is what is said of parts that the build tag nocloud leaves out of
// programs for devices.
var errLeftOut = errors.New("this program was built without it (build tag nocloud)")

// NewAnthropic is left out.
func NewAnthropic(Endpoint, int) (Provider, error) { return nil, errLeftOut }

// NewGemini is left out.
func NewGemini(Endpoint) (Provider, error) { return nil, errLeftOut }

// NewNATS is left out.
func NewNATS(NATSOptions) (Intake, error) { return nil, errLeftOut }
