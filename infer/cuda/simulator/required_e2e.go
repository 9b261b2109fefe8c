//go:build e2e

package simulator

const required = true
