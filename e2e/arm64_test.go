//go:build e2e

package e2e

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestArm64Package: what `cusp pack daemon --arch arm64` writes is a package that dpkg unpacks and whose program runs
// on that processor (emulated).
func TestArm64Package(t *testing.T) {
	f := newFleet(t)
	build := exec.Command(f.cusp, "pack", "daemon", "--arch", "arm64", "--release", "0.1.0-rc1", "--out", f.pool())
	build.Dir = ".." // from the working tree
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("cusp pack daemon: %v\n%s", err, out)
	}
	root := t.TempDir()
	command(t, "dpkg-deb", "-x", filepath.Join(f.pool(), "cusp_0.1.0~rc1_arm64.deb"), root)
	out, err := exec.Command("qemu-aarch64-static", "-cpu", "cortex-a53", filepath.Join(root, "usr/bin/cusp"), "version").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "0.1.0-rc1") {
		t.Errorf("cusp version under emulation (package qemu-user-static): %v\n%s", err, out)
	}
}
