package bundle

import "errors"

// Policy says which bundles a device accepts.
type Policy struct {
	Trust         []PublicKey // whose signatures count
	AllowUnsigned bool        // accept a bundle without a signature or of an unknown key; its hashes must still hold
	OnRead        func(n int) // called, if not nil, when n more bytes were hashed: a large model takes its time
}

// Verify is the package's Verify with the policy applied: a bundle without an error may be used.
// An unsigned bundle that the policy allows has Signed false.
func (p Policy) Verify(dir string) (*Bundle, error) {
	b, err := verify(dir, p.OnRead, p.Trust)
	if err == nil {
		return b, nil
	}
	if p.AllowUnsigned && b != nil && (errors.Is(err, ErrUnsigned) || errors.Is(err, ErrUntrusted)) {
		return b, nil
	}
	return nil, err
}
