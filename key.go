package main

import (
	"fmt"

	"github.com/a472be26/cusp/router/envelope"
)

// keyCmd makes the keys between devices and workers; those of packages and models
// are made by `cusp pack key`.
type keyCmd struct {
	Device keyDeviceCmd `cmd:"" help:"Make the key with which a device signs its questions (Ed25519)."`
	Worker keyWorkerCmd `cmd:"" help:"Make the key to which devices seal their questions (X25519), one for all workers."`
	Show   keyShowCmd   `cmd:"" help:"Print the fingerprint of a public key, to compare it over another channel."`
}

type keyDeviceCmd struct {
	File string `arg:"" type:"path" help:"Private key to write, for cloud.device_key; FILE.pub goes to the workers as DEVICE.pub, with the device's name."`
}

func (c keyDeviceCmd) Run(s streams) error {
	return madeKey(s, c.File, envelope.GenerateDeviceKey(c.File))
}

type keyWorkerCmd struct {
	File string `arg:"" type:"path" help:"Private key to write, for cusp cloud --key; FILE.pub goes to the devices, for cloud.worker_keys."`
}

func (c keyWorkerCmd) Run(s streams) error {
	return madeKey(s, c.File, envelope.GenerateWorkerKey(c.File))
}

// madeKey prints where the public half is, and its fingerprint.
func madeKey(s streams, file string, err error) error {
	if err != nil {
		return err
	}
	return showKey(s, envelope.PublicPath(file))
}

type keyShowCmd struct {
	File string `arg:"" type:"existingfile" help:"Public key of a device or a worker."`
}

func (c keyShowCmd) Run(s streams) error { return showKey(s, c.File) }

func showKey(s streams, file string) error {
	digest, err := envelope.Fingerprint(file)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "%s %s\n", digest, file)
	return err
}
