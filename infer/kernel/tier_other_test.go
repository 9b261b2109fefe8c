//go:build !amd64 && !arm64

package kernel

func tierByFlags([]string) string { return "generic" }
