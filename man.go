package main

import (
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/alecthomas/kong"

	"github.com/a472be26/cusp/daemon"
	"github.com/a472be26/cusp/packaging/manual"
)

type manCmd struct {
	Dir string `arg:"" type:"path" help:"Directory for the pages, made if need be."`
}

func (c manCmd) Run(k *kong.Kong, s streams) error {
	pages, err := manPages(k, version)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		path := filepath.Join(c.Dir, name)
		if err := writeFile(path, func(w io.Writer) error { _, err := io.WriteString(w, pages[name]); return err }); err != nil {
			return err
		}
		if err := printPath(s, path, nil); err != nil {
			return err
		}
	}
	return nil
}

// manPages are the pages by name, with the time that packages have.
func manPages(k *kong.Kong, release string) (map[string]string, error) {
	when, err := packTime()
	if err != nil {
		return nil, err
	}
	return manual.Pages(manual.Of(k.Model), manual.About{Version: release, Time: when, Config: daemon.SampleConfig()})
}
