//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/a472be26/cusp/daemon"
	"github.com/a472be26/cusp/infer/cuda/simulator"
	"github.com/a472be26/cusp/packaging/linux"
)

// TestCUDAPackage installs cusp-cuda beside cusp on a machine without a GPU, gives
// it the simulator for a driver, and takes the package away again: inside of the
// sandbox the program is loaded, the driver is loaded, and the service answers all the
// while.
func TestCUDAPackage(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	plain, err := linux.PackDaemon(t.Context(), linux.DaemonOptions{Arch: runtime.GOARCH, Version: "1.0", Source: "..", Config: daemon.SampleConfig(), Time: now, Out: dir})
	must(t, err)
	cuda, err := linux.PackCUDA(t.Context(), linux.CUDAOptions{Arch: runtime.GOARCH, Version: "1.0", Source: "..", Time: now, Out: dir})
	must(t, err)
	driver, err := os.ReadFile(simulator.Library(t))
	must(t, err)
	m := boot(t)
	for _, path := range []string{plain, cuda} {
		text, err := os.ReadFile(path)
		must(t, err)
		m.write(filepath.Join("/root", filepath.Base(path)), string(text))
	}
	program := func() string { return m.run("readlink /proc/" + m.show("MainPID") + "/exe") }

	t.Run("beside the plain one", func(t *testing.T) {
		m.run("dpkg -i /root/" + filepath.Base(plain) + " && dpkg -i /root/" + filepath.Base(cuda))
		m.until(t, "the CPU computes", func(s daemon.Status) bool {
			return s.Model != nil && s.Model.Place.Device == "cpu" && strings.Contains(s.Model.Place.Why, "install NVIDIA's driver")
		})
		if got := program(); got != "/usr/bin/cusp-cuda" {
			t.Errorf("the service runs %s", got)
		}
		if out := m.run("cusp doctor | grep gpu"); !strings.Contains(out, "cusp-cuda doctor") {
			t.Errorf("doctor: %s", out)
		}
		if groups := m.run("id -nG cusp"); !strings.Contains(groups, "video") {
			t.Errorf("the service's user is in %s", groups)
		}
	})

	t.Run("with a driver", func(t *testing.T) {
		m.write("/usr/lib/libcuda.so.1", string(driver))
		// A simulation is slow.
		m.write("/etc/cusp/cusp.toml", "[model]\ndevice = \"cuda\"\nmin_speed = 0.0\n")
		m.run("ldconfig && systemctl restart cusp.service")
		m.until(t, "the GPU computes", func(s daemon.Status) bool {
			return s.Model != nil && s.Model.Place.Device == "cuda" && strings.Contains(s.Model.Place.GPU, "Simulated GPU")
		})
		c := m.client()
		defer c.Close()
		q := longQuestion()
		q.Options.MaxTokens = 4
		if _, err := c.Ask(t.Context(), q, nil); err != nil {
			t.Error(err)
		}
		if cache := m.run("tr '\\0' '\\n' </proc/" + m.show("MainPID") + "/environ | grep CUDA_CACHE_PATH"); cache != "CUDA_CACHE_PATH=/var/cache/cusp/cuda" {
			t.Errorf("compiled kernels are kept in %q", cache)
		}
	})

	t.Run("and away", func(t *testing.T) {
		m.run("printf '[model]\\n' >/etc/cusp/cusp.toml; dpkg -r cusp-cuda")
		m.until(t, "the CPU computes", func(s daemon.Status) bool { return s.Model != nil && s.Model.Place.Device == "cpu" })
		if got := program(); got != "/usr/bin/cusp" {
			t.Errorf("the service runs %s", got)
		}
	})
}
