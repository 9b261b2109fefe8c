package main

import (
	"errors"

	"github.com/a472be26/cusp/daemon/worker"
	"github.com/a472be26/cusp/router/uplink"
)

// cloudLink is how a worker is reached, what it can open and what it keeps.
type cloudLink struct {
	Broker       []string `sep:"none" help:"MQTT broker: tcp://HOST:1883, ssl://HOST:8883, ws:// or wss://. Given several times, all of them are served." placeholder:"URL"`
	Username     string   `help:"User name at the broker."`
	PasswordFile string   `type:"existingfile" help:"File with the password at the broker."`
	CAFile       string   `name:"ca-file" type:"existingfile" help:"PEM file of the authority that signed the broker's certificate."`
	CertFile     string   `type:"existingfile" help:"PEM file with this worker's certificate, for a broker that asks for one."`
	KeyFile      string   `type:"existingfile" help:"PEM file with the certificate's key."`

	Key        []string `type:"existingfile" sep:"none" help:"Private key that opens sealed questions (cusp key worker). Give the old one too while keys are changed." placeholder:"FILE"`
	Devices    string   `type:"existingdir" help:"Directory of devices' public keys, DEVICE.pub: these devices must seal and sign." placeholder:"DIR"`
	SealedOnly bool     `help:"Refuse every question that is not sealed."`
	State      string   `type:"path" help:"Directory where answers are kept, so that a question that is asked again after a restart costs nothing (default: in memory)." placeholder:"DIR"`
}

func (c cloudLink) validate() error {
	switch {
	case (len(c.Key) == 0) != (c.Devices == ""):
		return errors.New("--key and --devices belong together: the worker opens with one and knows who asks by the other")
	case c.SealedOnly && len(c.Key) == 0:
		return errors.New("--sealed-only needs a --key to open questions with, and --devices")
	case (c.CertFile == "") != (c.KeyFile == ""):
		return errors.New("--cert-file and --key-file belong together")
	}
	_, err := uplink.Broker{URL: c.Broker[0], Others: c.Broker[1:]}.ClientOptions()
	return err
}

// fill sets what a worker's configuration has of all that.
func (c cloudLink) fill(cfg *worker.Config) {
	if len(c.Broker) == 0 {
		return
	}
	m := &cfg.MQTT
	m.Broker, m.Brokers, m.Username = c.Broker[0], c.Broker[1:], c.Username
	m.PasswordFile, m.CAFile, m.CertFile, m.KeyFile = c.PasswordFile, c.CAFile, c.CertFile, c.KeyFile
	cfg.Worker.State = c.State
	cfg.Seal = worker.SealConfig{Keys: c.Key, Devices: c.Devices, Only: c.SealedOnly}
}
