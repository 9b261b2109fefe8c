package linux

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestPackCUDA(t *testing.T) {
	t.Parallel()
	o := CUDAOptions{Arch: "arm64", Version: "v0.2.0-rc1", Binary: writeFile(t, "cusp-cuda", "\x7fELF"), Time: day, Out: t.TempDir()}
	path, err := PackCUDA(t.Context(), o)
	must(t, err)
	if want := "cusp-cuda_0.2.0~rc1_arm64.deb"; filepath.Base(path) != want {
		t.Errorf("file %s, want %s", path, want)
	}
	c := readDeb(t, path)
	// Its program and the daemon's must be of one version: they share a socket and a state directory.
	if d := c.control["Depends"]; !strings.Contains(d, "cusp (= 0.2.0~rc1)") {
		t.Errorf("depends on %q", d)
	}
	if h := c.files["/usr/bin/cusp-cuda"]; h == nil || h.Mode&0o777 != 0o755 {
		t.Errorf("program: %+v", h)
	}
	dropin := c.data["/lib/systemd/system/cusp.service.d/cuda.conf"]
	for _, want := range []string{"ExecStart=\nExecStart=/usr/bin/cusp-cuda serve", "PrivateDevices=no", "DeviceAllow=char-nvidia* rw", "CUDA_CACHE_PATH="} {
		if !strings.Contains(dropin, want) {
			t.Errorf("the drop-in has no %q", want)
		}
	}
	// Nothing is in both packages.
	daemon, err := PackDaemon(t.Context(), daemonOptions(t))
	must(t, err)
	for name, h := range readDeb(t, daemon).files {
		if other := c.files[name]; other != nil && h.Typeflag != '5' {
			t.Errorf("%s is in the daemon's package, too", name)
		}
	}
}

func TestPackCUDARefuses(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]CUDAOptions{
		"architecture":      {Arch: "riscv64", Version: "1", Time: day},
		"SOURCE_DATE_EPOCH": {Arch: "amd64", Version: "1", Time: time.Time{}},
		"version":           {Arch: "amd64", Version: "x", Time: day},
	} {
		if _, err := PackCUDA(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
