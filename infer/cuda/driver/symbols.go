//go:build cuda

package driver

import (
	"fmt"

	"github.com/ebitengine/purego"
)

// symbols are the addresses of the driver's functions; 0: it lacks an optional
// one. Where cuda.h maps a name to one with _v2, that one is used, since the
// plain name means the ABI of CUDA 3.
type symbols struct {
	cuInit, cuDriverGetVersion, cuGetErrorString                         uintptr
	cuDeviceGetCount, cuDeviceGet, cuDeviceGetName, cuDeviceGetAttribute uintptr
	cuDeviceTotalMem, cuDeviceGetPCIBusId                                uintptr
	cuCtxCreate, cuCtxDestroy, cuCtxSetCurrent, cuCtxSynchronize         uintptr
	cuMemGetInfo                                                         uintptr
	cuModuleLoadDataEx, cuModuleUnload, cuModuleGetFunction              uintptr
	cuFuncGetAttribute, cuFuncSetAttribute, cuLaunchKernel               uintptr
	cuOccupancy                                                          uintptr
	cuMemAlloc, cuMemFree, cuMemAllocManaged, cuMemHostAlloc             uintptr
	cuMemFreeHost, cuMemHostRegister, cuMemHostUnregister                uintptr
	cuMemHostGetDevicePointer                                            uintptr
	cuMemcpyHtoD, cuMemcpyDtoH, cuMemcpyDtoD                             uintptr
	cuMemcpyHtoDAsync, cuMemcpyDtoHAsync, cuMemcpyDtoDAsync              uintptr
	cuMemsetD8Async                                                      uintptr
	cuStreamCreate, cuStreamDestroy, cuStreamSynchronize, cuStreamQuery  uintptr
	cuStreamWaitEvent                                                    uintptr
	cuEventCreate, cuEventDestroy, cuEventRecord, cuEventSynchronize     uintptr
	cuEventElapsedTime                                                   uintptr
	cuStreamBeginCapture, cuStreamEndCapture                             uintptr
	cuGraphInstantiate, cuGraphInstantiateWithFlags                      uintptr
	cuGraphLaunch, cuGraphDestroy, cuGraphExecDestroy, cuGraphGetNodes   uintptr
}

// bind finds the functions in the library.
func (s *symbols) bind(handle uintptr) error {
	for _, e := range []struct {
		name     string
		at       *uintptr
		optional bool
	}{
		{"cuInit", &s.cuInit, false},
		{"cuDriverGetVersion", &s.cuDriverGetVersion, false},
		{"cuGetErrorString", &s.cuGetErrorString, true},
		{"cuDeviceGetCount", &s.cuDeviceGetCount, false},
		{"cuDeviceGet", &s.cuDeviceGet, false},
		{"cuDeviceGetName", &s.cuDeviceGetName, false},
		{"cuDeviceGetAttribute", &s.cuDeviceGetAttribute, false},
		{"cuDeviceTotalMem_v2", &s.cuDeviceTotalMem, false},
		{"cuDeviceGetPCIBusId", &s.cuDeviceGetPCIBusId, true},
		{"cuCtxCreate_v2", &s.cuCtxCreate, false},
		{"cuCtxDestroy_v2", &s.cuCtxDestroy, false},
		{"cuCtxSetCurrent", &s.cuCtxSetCurrent, false},
		{"cuCtxSynchronize", &s.cuCtxSynchronize, false},
		{"cuMemGetInfo_v2", &s.cuMemGetInfo, false},
		{"cuModuleLoadDataEx", &s.cuModuleLoadDataEx, false},
		{"cuModuleUnload", &s.cuModuleUnload, false},
		{"cuModuleGetFunction", &s.cuModuleGetFunction, false},
		{"cuFuncGetAttribute", &s.cuFuncGetAttribute, false},
		{"cuFuncSetAttribute", &s.cuFuncSetAttribute, true}, // CUDA 9
		{"cuLaunchKernel", &s.cuLaunchKernel, false},
		{"cuOccupancyMaxActiveBlocksPerMultiprocessor", &s.cuOccupancy, false},
		{"cuMemAlloc_v2", &s.cuMemAlloc, false},
		{"cuMemFree_v2", &s.cuMemFree, false},
		{"cuMemAllocManaged", &s.cuMemAllocManaged, true},
		{"cuMemHostAlloc", &s.cuMemHostAlloc, false},
		{"cuMemFreeHost", &s.cuMemFreeHost, false},
		{"cuMemHostRegister_v2", &s.cuMemHostRegister, true},
		{"cuMemHostUnregister", &s.cuMemHostUnregister, true},
		{"cuMemHostGetDevicePointer_v2", &s.cuMemHostGetDevicePointer, false},
		{"cuMemcpyHtoD_v2", &s.cuMemcpyHtoD, false},
		{"cuMemcpyDtoH_v2", &s.cuMemcpyDtoH, false},
		{"cuMemcpyDtoD_v2", &s.cuMemcpyDtoD, false},
		{"cuMemcpyHtoDAsync_v2", &s.cuMemcpyHtoDAsync, false},
		{"cuMemcpyDtoHAsync_v2", &s.cuMemcpyDtoHAsync, false},
		{"cuMemcpyDtoDAsync_v2", &s.cuMemcpyDtoDAsync, false},
		{"cuMemsetD8Async", &s.cuMemsetD8Async, false},
		{"cuStreamCreate", &s.cuStreamCreate, false},
		{"cuStreamDestroy_v2", &s.cuStreamDestroy, false},
		{"cuStreamSynchronize", &s.cuStreamSynchronize, false},
		{"cuStreamQuery", &s.cuStreamQuery, false},
		{"cuStreamWaitEvent", &s.cuStreamWaitEvent, false},
		{"cuEventCreate", &s.cuEventCreate, false},
		{"cuEventDestroy_v2", &s.cuEventDestroy, false},
		{"cuEventRecord", &s.cuEventRecord, false},
		{"cuEventSynchronize", &s.cuEventSynchronize, false},
		{"cuEventElapsedTime", &s.cuEventElapsedTime, false},
		{"cuStreamBeginCapture_v2", &s.cuStreamBeginCapture, true},            // CUDA 10.1
		{"cuStreamEndCapture", &s.cuStreamEndCapture, true},                   // CUDA 10.0
		{"cuGraphInstantiate_v2", &s.cuGraphInstantiate, true},                // CUDA 11.0
		{"cuGraphInstantiateWithFlags", &s.cuGraphInstantiateWithFlags, true}, // CUDA 11.4
		{"cuGraphLaunch", &s.cuGraphLaunch, true},
		{"cuGraphDestroy", &s.cuGraphDestroy, true},
		{"cuGraphExecDestroy", &s.cuGraphExecDestroy, true},
		{"cuGraphGetNodes", &s.cuGraphGetNodes, true},
	} {
		at, err := purego.Dlsym(handle, e.name)
		if err != nil && !e.optional {
			return fmt.Errorf("%w: it has no %s (%w): %s", ErrNoDriver, e.name, err, remedies[ErrNoDriver])
		}
		*e.at = at
	}
	if s.cuGraphInstantiate == 0 { // CUDA 10.2 has the same signature under the plain name
		s.cuGraphInstantiate, _ = purego.Dlsym(handle, "cuGraphInstantiate")
	}
	return nil
}
