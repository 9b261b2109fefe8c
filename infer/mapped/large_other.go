//go:build !linux

package mapped

import "io"

func preferLarge([]byte) {}

// Copy is io.Copy: which pages a file lies in is the system's affair here.
func Copy(to io.Writer, from io.Reader) (int64, error) { return io.Copy(to, from) }

// Large is negative: the system does not say what lies in large pages.
func Large([]byte) int64 { return -1 }
