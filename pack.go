package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/alecthomas/kong"

	"github.com/a472be26/cusp/daemon"
	"github.com/a472be26/cusp/packaging/bundle"
	"github.com/a472be26/cusp/packaging/linux"
	"github.com/a472be26/cusp/packaging/manual"
)

type packCmd struct {
	Daemon packDaemonCmd `cmd:"" help:"Write the daemon's .deb (run it in a checkout, or give --binary)."`
	CUDA   packCUDACmd   `cmd:"" name:"cuda" help:"Write the .deb that adds NVIDIA GPUs to the daemon (run it in a checkout, or give --binary)."`
	Model  packModelCmd  `cmd:"" help:"Write a model bundle's .deb."`
	Repo   packRepoCmd   `cmd:"" help:"Make a directory of .deb files a signed apt repository."`
	Bundle packBundleCmd `cmd:"" help:"Make a signed model bundle from a GGUF file and its calibration."`
	Key    packKeyCmd    `cmd:"" help:"Generate a key: minisign for model bundles, OpenPGP for repositories."`
}

// packTime is the time inside packages: SOURCE_DATE_EPOCH where it is set, so
// that builds can be reproduced, else now.
func packTime() (time.Time, error) {
	epoch := os.Getenv("SOURCE_DATE_EPOCH")
	if epoch == "" {
		return time.Now().UTC().Truncate(time.Second), nil
	}
	seconds, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil {
		return time.Time{}, usageError{fmt.Errorf("SOURCE_DATE_EPOCH is %q, want seconds since 1970", epoch)}
	}
	return time.Unix(seconds, 0).UTC(), nil
}

type packDaemonCmd struct {
	Arch    string   `required:"" enum:"amd64,arm64" help:"Architecture: amd64 or arm64."`
	Release string   `default:"${version}" help:"Version of the package (${default})."`
	Binary  string   `type:"existingfile" help:"Static cusp executable for that architecture; built from the checkout by default."`
	Trust   []string `type:"existingfile" help:"Minisign public keys of model makers to install beside the project's own."`
	Out     string   `short:"o" default:"." type:"path" help:"Directory for the package (${default})."`
}

func (c packDaemonCmd) Run(ctx context.Context, k *kong.Kong, s streams) error {
	when, err := packTime()
	if err != nil {
		return err
	}
	docs, err := c.manual(k)
	if err != nil {
		return err
	}
	end := spin(s.err, "building and packing for "+c.Arch)
	path, err := linux.PackDaemon(ctx, linux.DaemonOptions{
		Arch: c.Arch, Version: c.Release, Binary: c.Binary, Config: daemon.SampleConfig(), Trust: c.Trust,
		Notice: notice, Manual: docs, Time: when, Out: c.Out,
	})
	end()
	return printPath(s, path, err)
}

type packCUDACmd struct {
	Arch    string `required:"" enum:"amd64,arm64" help:"Architecture: amd64 or arm64."`
	Release string `default:"${version}" help:"Version of the package, that of the daemon's (${default})."`
	Binary  string `type:"existingfile" help:"cusp executable for that architecture, built with -tags cuda; built from the checkout by default."`
	Out     string `short:"o" default:"." type:"path" help:"Directory for the package (${default})."`
}

func (c packCUDACmd) Run(ctx context.Context, s streams) error {
	when, err := packTime()
	if err != nil {
		return err
	}
	end := spin(s.err, "building and packing for "+c.Arch)
	path, err := linux.PackCUDA(ctx, linux.CUDAOptions{Arch: c.Arch, Version: c.Release, Binary: c.Binary, Time: when, Out: c.Out})
	end()
	return printPath(s, path, err)
}

// manual is that of this program, with the version of the package.
func (c packDaemonCmd) manual(k *kong.Kong) (linux.Manual, error) {
	pages, err := manPages(k, c.Release)
	m := linux.Manual{Pages: pages, Completions: map[string]string{}}
	for _, shell := range manual.Shells() {
		m.Completions[shell], _ = manual.Completion(manual.Of(k.Model), shell)
	}
	return m, err
}

type packModelCmd struct {
	Bundle        string   `arg:"" type:"existingdir" help:"Directory of the bundle."`
	Out           string   `short:"o" default:"." type:"path" help:"Directory for the package (${default})."`
	Trust         []string `type:"existingfile" help:"Minisign public key files to trust beside the project's own."`
	AllowUnsigned bool     `help:"Pack a bundle without a trusted signature."`
}

func (c packModelCmd) Run(s streams) error {
	trust, err := trustedKeys(c.Trust)
	if err != nil {
		return err
	}
	end := spin(s.err, "verifying and packing "+c.Bundle)
	path, err := linux.PackModel(c.Bundle, c.Out, bundle.Policy{Trust: trust, AllowUnsigned: c.AllowUnsigned})
	end()
	return printPath(s, path, err)
}

type packRepoCmd struct {
	Dir string `arg:"" type:"existingdir" help:"Directory with the .deb files, anywhere below."`
	Key string `required:"" type:"existingfile" help:"OpenPGP private key (cusp pack key --kind repo); a password comes from $CUSP_KEY_PASSWORD or $CUSP_KEY_PASSWORD_FILE."`
}

func (c packRepoCmd) Run(s streams) error {
	when, err := packTime()
	if err != nil {
		return err
	}
	password, err := bundle.PasswordFromEnv()
	if err != nil {
		return err
	}
	key, err := linux.ReadRepoKey(c.Key, password)
	if err != nil {
		return err
	}
	end := spin(s.err, "reading and hashing packages")
	err = linux.Repo(c.Dir, key, when)
	end()
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "deb [signed-by=%s] URL %s %s\n", filepath.Join(c.Dir, linux.KeyringFile), linux.Suite, linux.Component)
	return nil
}

type packBundleCmd struct {
	Model       string `arg:"" type:"path" help:"GGUF file with weights, tokenizer and chat template; or a bundle's directory, of which all stays that is not given here."`
	Name        string `help:"Name of the model; the bundle's."`
	Release     string `required:"" help:"Version of the bundle, e.g. 1.2.0."`
	License     string `help:"SPDX licence of the weights (Apache-2.0, or the bundle's)."`
	Calibration string `type:"existingfile" help:"calibration.json made for these weights. A bundle's report does not stay with a new one: it is about the old threshold."`
	Report      string `type:"existingfile" help:"Evaluation (JSON object) for the manifest."`
	Key         string `type:"existingfile" help:"Minisign private key; without it the bundle is unsigned."`
	Out         string `short:"o" required:"" type:"path" help:"Directory to create."`
}

func (c packBundleCmd) Run(s streams) error {
	var key bundle.PrivateKey
	if c.Key != "" {
		password, err := bundle.PasswordFromEnv()
		if err != nil {
			return err
		}
		if key, err = bundle.ReadPrivateKey(c.Key, password); err != nil {
			return err
		}
	}
	m, files, err := c.begin()
	if err != nil {
		return err
	}
	if err := c.replace(&m, files); err != nil {
		return err
	}
	end := spin(s.err, "copying and hashing "+c.Model)
	b, err := bundle.Write(c.Out, m, files, key)
	end()
	if err != nil {
		return err
	}
	return printPath(s, b.Dir, nil)
}

// begin is what the model has by itself.
func (c packBundleCmd) begin() (bundle.Manifest, map[string]string, error) {
	m, files := bundle.Manifest{License: "Apache-2.0"}, map[string]string{bundle.ModelFile: c.Model}
	info, err := os.Stat(c.Model)
	if err != nil || !info.IsDir() {
		return m, files, err
	}
	b, err := bundle.Verify(c.Model)
	if b == nil {
		return m, files, err
	}
	m = bundle.Manifest{Name: b.Manifest.Name, License: b.Manifest.License, Report: b.Manifest.Report, Speed: b.Manifest.Speed}
	clear(files)
	for name := range b.Manifest.Files {
		files[name] = b.Path(name)
	}
	return m, files, nil
}

// replace puts what was given in the place of that.
func (c packBundleCmd) replace(m *bundle.Manifest, files map[string]string) (err error) {
	m.Name, m.Version, m.License = cmp.Or(c.Name, m.Name), c.Release, cmp.Or(c.License, m.License)
	if m.Name == "" {
		return usageError{errors.New("a GGUF file has no name for a bundle: give --name")}
	}
	if c.Calibration != "" {
		files[bundle.CalibrationFile], m.Report = c.Calibration, nil
	}
	if c.Report != "" {
		m.Report, err = c.report()
	}
	return err
}

func (c packBundleCmd) report() (report map[string]any, err error) {
	text, err := os.ReadFile(c.Report)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &report); err != nil {
		return nil, fmt.Errorf("report %s: %w", c.Report, err)
	}
	return report, nil
}

type packKeyCmd struct {
	File  string `arg:"" type:"path" help:"Private key to write; the public half goes beside it."`
	Kind  string `default:"model" enum:"model,repo" help:"What it signs: model (minisign) or repo (OpenPGP)."`
	Owner string `default:"Cusp packages" help:"Name in a repository key (${default})."`
}

func (c packKeyCmd) Run(s streams) error {
	password, err := bundle.PasswordFromEnv()
	if err != nil {
		return err
	}
	if c.Kind == "repo" {
		when, err := packTime()
		if err != nil {
			return err
		}
		_, err = linux.GenerateRepoKey(c.File, c.Owner, password, when)
		return printPath(s, linux.RepoKeyPublicPath(c.File), err)
	}
	defer spin(s.err, "deriving a key from the password")()
	_, err = bundle.GenerateKey(c.File, password)
	return printPath(s, bundle.PublicPath(c.File), err)
}

func printPath(s streams, path string, err error) error {
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(s.out, path)
	return err
}

// trustedKeys are the keys in files, and the project's own where the build has it.
func trustedKeys(files []string) ([]bundle.PublicKey, error) {
	keys, err := daemon.ProjectTrust()
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		key, err := bundle.ReadPublicKey(file)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}
