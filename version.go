package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/a472be26/cusp/infer/kernel"
)

type versionCmd struct {
	JSON bool `help:"Print JSON."`
}

func (c versionCmd) Run(s streams) error {
	info := map[string]string{
		"version": version, "commit": commit(), "go": runtime.Version(),
		"os": runtime.GOOS, "arch": runtime.GOARCH, "kernels": kernel.Tier(),
	}
	if c.JSON {
		return writeJSON(s.out, info)
	}
	_, err := fmt.Fprintf(s.out, "cusp %s (%s, %s/%s, kernels %s)\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH, kernel.Tier())
	return err
}

// commit is the revision that the go command recorded, if it did.
func commit() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return ""
}
