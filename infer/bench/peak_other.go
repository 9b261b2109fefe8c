//go:build !amd64

package bench

// nativePeak has no loop for this architecture.
func nativePeak(bytes bool) (peak, bool) { return peak{}, false }
