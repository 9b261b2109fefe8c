package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/a472be26/cusp/daemon"
	"github.com/a472be26/cusp/packaging/manual"
)

// parserModel is what the parser knows.
func parserModel(t *testing.T) *kong.Application {
	t.Helper()
	k, err := newParser()
	if err != nil {
		t.Fatal(err)
	}
	return k.Model
}

// What can be typed has a page and an example, and every shell completes it.
func TestManualIsComplete(t *testing.T) {
	t.Parallel()
	app := parserModel(t)
	pages, err := manual.Pages(manual.Of(app), manual.About{Version: version, Config: daemon.SampleConfig()})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range app.Leaves(true) {
		top, _, _ := strings.Cut(c.Path(), " ")
		page := pages["cusp-"+top+".1"]
		if c.Name != "version" && c.Name != "families" && !strings.Contains(c.Detail, "\n  ") && !strings.HasPrefix(c.Detail, "  ") {
			t.Errorf("the help of cusp %s has no example", c.Path())
		}
		for _, f := range c.Flags {
			if !f.Hidden && !strings.Contains(page, `\fB\-\-`+strings.ReplaceAll(f.Name, "-", `\-`)+`\fR`) {
				t.Errorf("the page of cusp %s lacks --%s", top, f.Name)
			}
		}
		for _, shell := range manual.Shells() {
			script, _ := manual.Completion(manual.Of(app), shell)
			if !strings.Contains(script, c.Name) {
				t.Errorf("%s does not complete %s", shell, c.Path())
			}
		}
	}
	for line := range bytes.Lines(daemon.SampleConfig()) {
		if key, _, is := bytes.Cut(line, []byte(" = ")); is && bytes.HasPrefix(key, []byte("# ")) && !bytes.ContainsAny(key[2:], " \"") &&
			!strings.Contains(pages["cusp.toml.5"], `\fB`+string(key[2:])+`\fR`) {
			t.Errorf("cusp.toml(5) lacks %s", key[2:])
		}
	}
}
