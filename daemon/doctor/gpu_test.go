package doctor

import (
	"errors"
	"testing"
	"testing/fstest"

	"github.com/a472be26/cusp/infer/cuda"
)

func TestGPU(t *testing.T) {
	t.Parallel()
	info, broken := cuda.Info{Name: "Orin", Kernels: "sm_80"}, errors.New("libcuda.so.1: cannot open")
	for _, c := range []struct {
		name, device, exec string
		built, seen        bool
		err                error
		state              State
		text               string
	}{
		{name: "not wanted", device: "cpu", seen: true, state: OK, text: "not wanted"},
		{name: "no GPU, no CUDA", device: "auto", state: OK, text: "none seen"},
		{name: "a GPU, no CUDA", device: "auto", seen: true, state: Warning, text: "cusp-cuda"},
		{name: "wanted, no CUDA", device: "cuda", state: Failure, text: "cusp-cuda"},
		{name: "the service has it", device: "cuda", exec: "{ path=/usr/bin/cusp-cuda ; argv[]=/usr/bin/cusp-cuda serve }", state: OK, text: "cusp-cuda doctor"},
		{name: "it works", device: "auto", built: true, seen: true, state: OK, text: "kernels for sm_80"},
		{name: "no GPU", device: "auto", built: true, err: broken, state: OK, text: "the CPU computes"},
		{name: "a broken one", device: "auto", built: true, seen: true, err: broken, state: Warning, text: "cannot open"},
		{name: "wanted and broken", device: "cuda", built: true, err: broken, state: Failure, text: "cannot open"},
	} {
		s := healthy(t)
		s.cfg.Model.Device, s.unit = c.device, unit{"ExecStart": c.exec}
		s.GPU = func() (cuda.Info, error) { return info, c.err }
		if c.seen {
			s.Root = fstest.MapFS{"dev/nvhost-gpu": file("")}
		}
		t.Run(c.name, func(t *testing.T) { want(t, only(s.judgeGPU(c.built)), c.state, c.text) })
	}
}
