// Package link holds the test of the link under bad weather: a fleet of devices
// and some workers around a real broker, with everything between them that goes
// wrong in the field. It stands behind the build tag e2e and needs mosquitto.
//
//	go test -tags e2e -run Fleet -v ./e2e/link
//
// docs/fleet.md has the figures of a longer run.
package link
