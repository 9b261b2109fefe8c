package doctor

import (
	"context"
	"io/fs"

	"github.com/a472be26/cusp/infer/cuda"
)

// gpuDevices are files that NVIDIA's drivers make for a GPU: of a card, and of a
// Jetson.
var gpuDevices = []string{"dev/nvidia0", "dev/nvidiactl", "dev/nvhost-gpu", "dev/nvgpu"}

// gpu tells whether a model can compute on a GPU, and what is missing for it.
func gpu(_ context.Context, s *subject) []Finding { return only(s.judgeGPU(cuda.Built)) }

func (s *subject) judgeGPU(built bool) Finding {
	wanted, seen := s.cfg.Model.Device == "cuda", s.gpuDevice()
	switch {
	case s.cfg.Model.Device == "cpu":
		return ok("not wanted (model.device is \"cpu\")")
	case !built && s.unit.cuda():
		return ok("the service can use one (package cusp-cuda), this program cannot: ask with cusp-cuda doctor")
	case !built && wanted:
		return failure("apt-get install cusp-cuda, or set model.device = \"auto\"", "model.device is \"cuda\", and this program was built without CUDA")
	case !built && seen != "":
		return warning("apt-get install cusp-cuda", "there is one (/%s), and this program was built without CUDA: the CPU computes", seen)
	case !built:
		return ok("none seen; this program was built without CUDA")
	}
	info, err := s.GPU()
	switch {
	case err == nil:
		return ok("%s; kernels for %s", info, info.Kernels)
	case wanted:
		return failure("docs/gpu.md says what a GPU needs; or set model.device = \"auto\"", "model.device is \"cuda\": %v", err)
	case seen != "":
		return warning("docs/gpu.md says what a GPU needs", "there is one (/%s), and it cannot be used: %v", seen, err)
	}
	return ok("none, the CPU computes: %v", err)
}

// gpuDevice is a device file of a GPU, empty where there is none.
func (s *subject) gpuDevice() string {
	for _, path := range gpuDevices {
		if _, err := fs.Stat(s.Root, path); err == nil {
			return path
		}
	}
	return ""
}
