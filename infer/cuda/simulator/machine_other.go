//go:build !amd64

package simulator

var machine []string
