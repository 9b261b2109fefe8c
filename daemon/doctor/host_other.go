//go:build !linux

package doctor

import "errors"

var errNotHere = errors.New("cannot be told on this system")

func synced() (bool, error)        { return false, errNotHere }
func spaceOf(string) (room, error) { return room{}, errNotHere }
