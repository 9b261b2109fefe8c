package border

import (
	"errors"

	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/uplink"
)

// failure is an error that crossed the border; its code keeps apart what callers
// branch on.
type failure struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

const codeFailed = "failed" // no caller branches on it

// sentinels are the errors that stay what they are on the other side.
var sentinels = map[string]error{
	"refused":  router.ErrRefused,
	"expired":  router.ErrExpired,
	"closing":  uplink.ErrClosed,
	"full":     uplink.ErrOutboxFull,
	"conflict": uplink.ErrConflict,
	"diverged": uplink.ErrDiverged,
}

// failed is err for the wire, nil for none.
func failed(err error) *failure {
	if err == nil {
		return nil
	}
	for code, sentinel := range sentinels {
		if errors.Is(err, sentinel) {
			return &failure{code, err.Error()}
		}
	}
	return &failure{codeFailed, err.Error()}
}

// crossed is an error of the other process: its words, and what it is.
type crossed struct {
	message  string
	sentinel error // nil: nothing in particular
}

func (e crossed) Error() string { return e.message }
func (e crossed) Unwrap() error { return e.sentinel }

// error is the failure as the other process had it.
func (f *failure) error() error {
	if f == nil {
		return nil
	}
	return crossed{f.Message, sentinels[f.Code]}
}
