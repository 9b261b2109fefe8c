package linux

import (
	"fmt"
	"os"
	"path"

	"github.com/a472be26/cusp/packaging/bundle"
	"github.com/goreleaser/nfpm/v2/files"
)

// ModelsDir is where packages install models: ModelsDir/NAME/VERSION.
const ModelsDir = "/var/lib/cusp/models"

// ModelPackage returns the name of the Debian package of a model.
func ModelPackage(name string) string { return "cusp-model-" + name }

// PackModel writes the Debian package of a bundle to the directory out and returns its path. The bundle must pass
// the policy: what a device would refuse is not worth packing.
//
// The package's version is the bundle's, its time the bundle's creation. Installing it switches `current`, which the
// running daemon notices; the replaced version stays for one rollback.
func PackModel(bundleDir, out string, policy bundle.Policy) (string, error) {
	b, err := policy.Verify(bundleDir)
	if err != nil {
		return "", fmt.Errorf("pack model: %w", err)
	}
	scratch, err := os.MkdirTemp("", "cusp-pack-")
	if err != nil {
		return "", fmt.Errorf("pack model: %w", err)
	}
	defer os.RemoveAll(scratch)
	m := b.Manifest
	p := newPack(scratch, ModelPackage(m.Name), m.Version, "all", m.Created)
	p.info.Description = "model " + m.Name + " for Cusp\n" +
		"Installs the model bundle " + m.Name + " " + m.Version + " and makes it current. A running\ndaemon loads it without a restart."
	p.info.License = m.License
	p.info.Depends = []string{"cusp"}
	p.info.Deb.Compression = "none" // quantized weights hardly shrink; a device unpacks them faster as they are
	if err := fillModel(p, b); err != nil {
		return "", fmt.Errorf("pack model %s %s: %w", m.Name, m.Version, err)
	}
	return p.write(out)
}

func fillModel(p *pack, b *bundle.Bundle) error {
	m := b.Manifest
	home := path.Join(ModelsDir, m.Name, m.Version)
	p.directory(home)
	for name := range m.Files {
		p.file(path.Join(home, name), b.Path(name), 0o644)
	}
	p.file(path.Join(home, bundle.ManifestFile), b.Path(bundle.ManifestFile), 0o644)
	if b.Signer != "" {
		p.file(path.Join(home, bundle.SignatureFile), b.Path(bundle.SignatureFile), 0o644)
	}
	doc := "/usr/share/doc/" + p.info.Name + "/copyright"
	if err := p.text(doc, files.TypeFile, []byte("Model "+m.Name+" "+m.Version+"\nLicense: "+m.License+"\n")); err != nil {
		return err
	}
	return p.scripts(func(script string) ([]byte, error) { return modelScript(script, m) })
}

// modelScript puts a maintainer script together. Name and version need no quoting beyond this: bundle.CheckName and
// bundle.CheckVersion leave no character that the shell treats specially between single quotes.
func modelScript(script string, m bundle.Manifest) ([]byte, error) {
	functions, err := parts.ReadFile("model/functions")
	if err != nil {
		return nil, err
	}
	body, err := parts.ReadFile("model/" + script)
	if err != nil {
		return nil, err
	}
	head := fmt.Sprintf("#!/bin/sh\nset -e\nname='%s'\nversion='%s'\n", m.Name, m.Version)
	return fmt.Appendf(nil, "%s%s\n%s", head, functions, body), nil
}
