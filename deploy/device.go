// Package deploy is the device side of model updates: stage, verify, activate, roll back, and a record of each.
//
// It decides which installed version is current and leaves everything else to others: package bundle checks and
// copies, the daemon notices the switched link and reloads. It works without the daemon, on a device in trouble,
// and it shares its history file with the maintainer scripts of model packages.
//
// The folder also holds samples for operators: a broker with access rules (mosquitto), drop-ins for the packaged
// units (systemd), and a unit for cloud workers (cloud).
package deploy

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"github.com/a472be26/cusp/packaging/bundle"
)

// ErrNoPrevious: there is no older version to roll back to.
var ErrNoPrevious = errors.New("no previous version is installed")

// Device is the models directory of one device and the rules for what may run on it.
type Device struct {
	Models string           // directory with NAME/VERSION below it
	Policy bundle.Policy    // what a version must pass to become current
	Now    func() time.Time // clock of the history; nil is time.Now
}

// Stage copies a bundle to its place below Models if the policy accepts it. It does not become current.
func (d Device) Stage(src string) (*bundle.Bundle, error) {
	return bundle.Stage(src, d.Models, d.Policy)
}

// Activate makes an installed version current after verifying it. A running daemon reloads by itself.
func (d Device) Activate(name, version string) (Event, error) {
	return d.switchTo("activate", name, version)
}

// Rollback makes the version current that was so before the present one: as the history says, or else the next older
// version that is installed. The error is ErrNoPrevious if there is none.
func (d Device) Rollback(name string) (Event, error) {
	previous, err := d.previous(name)
	if err != nil {
		return Event{}, fmt.Errorf("roll back model %s: %w", name, err)
	}
	return d.switchTo("rollback", name, previous)
}

func (d Device) switchTo(action, name, version string) (Event, error) {
	if err := errors.Join(bundle.CheckName(name), bundle.CheckVersion(version)); err != nil {
		return Event{}, fmt.Errorf("%s model: %w", action, err)
	}
	// 1. Never point to something the daemon would refuse.
	b, err := d.Policy.Verify(filepath.Join(d.Models, name, version))
	if err != nil {
		return Event{}, fmt.Errorf("%s model %s: %w", action, name, err)
	}
	if b.Manifest.Name != name || b.Manifest.Version != version {
		return Event{}, fmt.Errorf("%s model %s: directory %s holds the bundle %s %s: move it to where it belongs",
			action, name, b.Dir, b.Manifest.Name, b.Manifest.Version)
	}

	// 2. The switch.
	from, err := d.currentVersion(name)
	if err != nil {
		return Event{}, fmt.Errorf("%s model %s: %w", action, name, err)
	}
	if err := bundle.Switch(d.Models, name, version); err != nil {
		return Event{}, fmt.Errorf("%s: %w", action, err)
	}

	// 3. The record.
	e := Event{Time: d.now(), Action: action, Model: name, From: from, To: version, Bundle: b.Hash}
	if err := d.record(e); err != nil {
		return e, fmt.Errorf("%s model %s: %s is current, but the history could not be written: %w", action, name, version, err)
	}
	return e, nil
}

// currentVersion returns "" if no version is current, also when the link points to nothing.
func (d Device) currentVersion(name string) (string, error) {
	dir, err := bundle.Current(d.Models, name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return filepath.Base(dir), err
}

func (d Device) previous(name string) (string, error) {
	current, err := d.currentVersion(name)
	if err != nil {
		return "", err
	}
	installed, err := bundle.Versions(d.Models, name)
	if err != nil {
		return "", err
	}
	events, err := d.History(name)
	if err != nil {
		return "", err
	}
	for _, e := range slices.Backward(events) {
		if e.To == current && e.From != current && slices.Contains(installed, e.From) {
			return e.From, nil
		}
	}
	for _, version := range slices.Backward(installed) {
		if current != "" && bundle.CompareVersions(version, current) < 0 {
			return version, nil
		}
	}
	return "", fmt.Errorf("%w: current is %q, installed are %q", ErrNoPrevious, current, installed)
}

func (d Device) now() time.Time {
	if d.Now == nil {
		return time.Now().UTC().Truncate(time.Second)
	}
	return d.Now()
}
