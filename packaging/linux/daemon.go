package linux

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/a472be26/cusp/packaging/bundle"
	"github.com/goreleaser/nfpm/v2/files"
)

//go:embed daemon model cuda
var parts embed.FS

// Architectures that daemons are packed for, by their Debian and Go name, which are the same.
var Architectures = []string{"amd64", "arm64"}

// DaemonOptions say what goes into the package of the daemon.
type DaemonOptions struct {
	Arch    string   // one of Architectures
	Version string   // as `cusp version` prints it; a "-" before a pre-release becomes Debian's "~"
	Binary  string   // path of a static cusp executable for Arch; "" builds one from Source
	Source  string   // directory of the module, used if Binary is ""; "" is the working directory
	Config  []byte   // becomes the conffile /etc/cusp/cusp.toml
	Trust   []string // minisign public key files of model makers, installed in /etc/cusp/keys
	Notice  []byte   // data credits, may be empty
	Manual  Manual
	Time    time.Time // of every file in the package; the zero time is refused: it would not be reproducible by accident
	Out     string    // directory that receives cusp_VERSION_ARCH.deb
}

var validDebVersion = regexp.MustCompile(`^[0-9][0-9A-Za-z.+~]*$`)

// DebVersion turns a version such as v1.2.0-rc1 into Debian's 1.2.0~rc1, which sorts before 1.2.0.
func DebVersion(version string) (string, error) {
	deb := strings.NewReplacer("-", "~").Replace(strings.TrimPrefix(version, "v"))
	if !validDebVersion.MatchString(deb) {
		return "", fmt.Errorf("version %q: expected a digit first, then digits, letters, '.', '+', '~', '-'", version)
	}
	return deb, nil
}

// PackDaemon writes the daemon's Debian package and returns its path.
func PackDaemon(ctx context.Context, o DaemonOptions) (string, error) {
	debVersion, err := o.check()
	if err != nil {
		return "", fmt.Errorf("pack daemon: %w", err)
	}
	scratch, err := os.MkdirTemp("", "cusp-pack-")
	if err != nil {
		return "", fmt.Errorf("pack daemon: %w", err)
	}
	defer os.RemoveAll(scratch)
	if o.Binary == "" {
		o.Binary = filepath.Join(scratch, "cusp")
		if err := BuildDaemon(ctx, o.Source, o.Arch, o.Version, o.Binary); err != nil {
			return "", fmt.Errorf("pack daemon: %w", err)
		}
	}
	p := newPack(scratch, "cusp", debVersion, o.Arch, o.Time)
	p.info.Description = "small language model on the device, a large one behind it\n" +
		"Cusp answers on the device with a small model, asks a large one in the cloud\nover MQTT when it should, and attaches a receipt to every answer."
	p.info.License = "Apache-2.0"
	p.info.Depends = []string{"systemd (>= 252)"}
	p.info.Recommends = []string{"ca-certificates"}
	if err := o.fill(p); err != nil {
		return "", fmt.Errorf("pack daemon: %w", err)
	}
	return p.write(o.Out)
}

func (o DaemonOptions) check() (debVersion string, err error) {
	if !slices.Contains(Architectures, o.Arch) {
		return "", fmt.Errorf("architecture %q: supported are %q", o.Arch, Architectures)
	}
	if len(o.Config) == 0 {
		return "", fmt.Errorf("no configuration file to install")
	}
	if o.Time.IsZero() {
		return "", fmt.Errorf("no time given: set SOURCE_DATE_EPOCH")
	}
	return DebVersion(o.Version)
}

func (o DaemonOptions) fill(p *pack) error {
	// 1. Program and units.
	p.file("/usr/bin/cusp", o.Binary, 0o755)
	for dst, part := range map[string]string{
		"/lib/systemd/system/cusp.service":      "daemon/cusp.service",
		"/lib/systemd/system/cusp.socket":       "daemon/cusp.socket",
		"/lib/systemd/system/cusp-link.service": "daemon/cusp-link.service",
		"/usr/lib/sysusers.d/cusp.conf":         "daemon/sysusers.conf",
		"/usr/share/doc/cusp/copyright":         "daemon/copyright",
	} {
		text, err := parts.ReadFile(part)
		if err != nil {
			return err
		}
		if err := p.text(dst, files.TypeFile, text); err != nil {
			return err
		}
	}
	text, err := parts.ReadFile("daemon/generator")
	if err != nil {
		return err
	}
	generator, err := p.scratch("generator", text)
	if err != nil {
		return err
	}
	p.file("/usr/lib/systemd/system-generators/cusp", generator, 0o755)
	if len(o.Notice) > 0 {
		if err := p.text("/usr/share/doc/cusp/NOTICE", files.TypeFile, o.Notice); err != nil {
			return err
		}
	}

	if err := o.Manual.fill(p); err != nil {
		return err
	}

	// 2. Configuration and trusted keys: dpkg keeps what the administrator changed.
	if err := p.text("/etc/cusp/cusp.toml", files.TypeConfig, o.Config); err != nil {
		return err
	}
	p.directory("/etc/cusp/keys")
	for _, key := range o.Trust {
		if _, err := bundle.ReadPublicKey(key); err != nil {
			return err
		}
		p.add(path.Join("/etc/cusp/keys", filepath.Base(key)), key, files.TypeConfig, 0o644)
	}

	// 3. Where models and state go.
	p.directory("/var/lib/cusp")
	p.directory("/var/lib/cusp/models")
	return p.scripts(func(name string) ([]byte, error) { return parts.ReadFile("daemon/" + name) })
}

// BuildDaemon compiles a static, reproducible cusp executable with the go command.
func BuildDaemon(ctx context.Context, source, arch, version, out string) error {
	return build(ctx, source, arch, version, out)
}

func build(ctx context.Context, source, arch, version, out string, flags ...string) error {
	out, err := filepath.Abs(out)
	if err != nil {
		return fmt.Errorf("build for %s: %w", arch, err)
	}
	args := append([]string{"build", "-trimpath", "-ldflags", "-s -w -X main.version=" + version, "-o", out}, flags...)
	cmd := exec.CommandContext(ctx, "go", append(args, ".")...)
	cmd.Dir = source
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("build for %s: %w: %s", arch, err, strings.TrimSpace(stderr.String()))
	}
	return nil
}
