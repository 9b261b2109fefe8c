//go:build !linux

package mapped

// Drop does nothing here: the system takes pages back when it needs them.
func Drop([]byte) {}
