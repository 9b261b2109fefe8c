package linux

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/goreleaser/nfpm/v2/files"
)

// CUDAOptions say what goes into the package that adds GPUs to the daemon's.
type CUDAOptions struct {
	Arch    string    // one of Architectures
	Version string    // that of the daemon's package, which it needs
	Binary  string    // path of a cusp executable for Arch with the build tag cuda; "" builds one from Source
	Source  string    // directory of the module, used if Binary is ""; "" is the working directory
	Time    time.Time // of every file in the package
	Out     string    // directory that receives cusp-cuda_VERSION_ARCH.deb
}

// PackCUDA writes the Debian package cusp-cuda and returns its path. It holds a
// second program, since one that loads NVIDIA's driver cannot be static, and a
// drop-in by which the daemon's unit runs it.
func PackCUDA(ctx context.Context, o CUDAOptions) (string, error) {
	debVersion, err := o.check()
	if err != nil {
		return "", fmt.Errorf("pack cuda: %w", err)
	}
	scratch, err := os.MkdirTemp("", "cusp-pack-")
	if err != nil {
		return "", fmt.Errorf("pack cuda: %w", err)
	}
	defer os.RemoveAll(scratch)
	if o.Binary == "" {
		o.Binary = filepath.Join(scratch, "cusp-cuda")
		if err := build(ctx, o.Source, o.Arch, o.Version, o.Binary, "-tags", "cuda"); err != nil {
			return "", fmt.Errorf("pack cuda: %w", err)
		}
	}
	p := newPack(scratch, "cusp-cuda", debVersion, o.Arch, o.Time)
	p.info.Description = "Cusp's models on NVIDIA GPUs\n" +
		"The same daemon as a program that loads NVIDIA's driver (libcuda.so.1) where there\nis one: on Jetson boards and on machines with a card. The unit runs it in place of\nthe static one. The driver is not among what it depends on: without one the CPU computes."
	p.info.License = "Apache-2.0"
	p.info.Depends = []string{"cusp (= " + debVersion + ")", "libc6"}
	if err := o.fill(p); err != nil {
		return "", fmt.Errorf("pack cuda: %w", err)
	}
	return p.write(o.Out)
}

func (o CUDAOptions) check() (debVersion string, err error) {
	if !slices.Contains(Architectures, o.Arch) {
		return "", fmt.Errorf("architecture %q: supported are %q", o.Arch, Architectures)
	}
	if o.Time.IsZero() {
		return "", fmt.Errorf("no time given: set SOURCE_DATE_EPOCH")
	}
	return DebVersion(o.Version)
}

func (o CUDAOptions) fill(p *pack) error {
	p.file("/usr/bin/cusp-cuda", o.Binary, 0o755)
	for dst, part := range map[string]string{
		"/lib/systemd/system/cusp.service.d/cuda.conf": "cuda/cuda.conf",
		"/usr/share/doc/cusp-cuda/copyright":           "daemon/copyright",
	} {
		text, err := parts.ReadFile(part)
		if err != nil {
			return err
		}
		if err := p.text(dst, files.TypeFile, text); err != nil {
			return err
		}
	}
	return p.scripts(func(name string) ([]byte, error) { return parts.ReadFile("cuda/" + name) })
}
