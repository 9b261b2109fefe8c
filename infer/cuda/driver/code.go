package driver

import "fmt"

// Code is a CUresult of the driver API.
type Code int32

// The codes that the driver API's documentation defines and that matter here.
const (
	Success            Code = 0
	InvalidValue       Code = 1
	OutOfMemory        Code = 2
	NotInitialized     Code = 3
	Deinitialized      Code = 4
	StubLibrary        Code = 34
	DeviceUnavailable  Code = 46
	NoDevice           Code = 100
	InvalidDevice      Code = 101
	InvalidImage       Code = 200
	InvalidContext     Code = 201
	NoBinaryForGPU     Code = 209
	ECCUncorrectable   Code = 214
	InvalidPTX         Code = 218
	NVLinkFailed       Code = 220
	NoCompiler         Code = 221
	UnsupportedPTX     Code = 222
	CompilerDisabled   Code = 223
	InvalidSource      Code = 300
	NotFound           Code = 500
	NotReady           Code = 600
	IllegalAddress     Code = 700
	LaunchTooLarge     Code = 701
	LaunchTimeout      Code = 702
	AlreadyRegistered  Code = 712
	NotRegistered      Code = 713
	StackError         Code = 714
	IllegalInstruction Code = 715
	MisalignedAddress  Code = 716
	InvalidSpace       Code = 717
	InvalidPC          Code = 718
	LaunchFailed       Code = 719
	ContextDestroyed   Code = 709
	AssertFailed       Code = 710
	NotPermitted       Code = 800
	NotSupported       Code = 801
	MismatchedDriver   Code = 803
	MismatchedPTX      Code = 804
	CaptureUnsupported Code = 900
	CaptureInvalidated Code = 901
	CaptureThread      Code = 908
	Unknown            Code = 999

	// noSymbol is ours: the library does not export the function.
	noSymbol Code = -1
)

// kinds says which codes mean which sentinel.
var kinds = []struct {
	is    error
	codes []Code
}{
	{ErrNoDriver, []Code{StubLibrary}},
	{ErrDriverTooOld, []Code{UnsupportedPTX, MismatchedDriver}},
	{ErrNoDevice, []Code{NoDevice, InvalidDevice}},
	{ErrCompile, []Code{InvalidImage, NoBinaryForGPU, InvalidPTX, NoCompiler, CompilerDisabled, InvalidSource}},
	{ErrOutOfMemory, []Code{OutOfMemory}},
	// After one of these every call on the context gives the same code.
	{ErrDeviceLost, []Code{Deinitialized, DeviceUnavailable, ECCUncorrectable, NVLinkFailed, IllegalAddress, LaunchTimeout,
		StackError, IllegalInstruction, MisalignedAddress, InvalidSpace, InvalidPC, LaunchFailed, ContextDestroyed,
		InvalidContext, AssertFailed, Unknown}},
	{ErrNotSupported, []Code{noSymbol, NotSupported}},
}

// names are those of cuda.h, for when the driver cannot be asked.
var names = map[Code]string{
	Success: "CUDA_SUCCESS", InvalidValue: "CUDA_ERROR_INVALID_VALUE", OutOfMemory: "CUDA_ERROR_OUT_OF_MEMORY",
	NotInitialized: "CUDA_ERROR_NOT_INITIALIZED", Deinitialized: "CUDA_ERROR_DEINITIALIZED",
	StubLibrary: "CUDA_ERROR_STUB_LIBRARY", DeviceUnavailable: "CUDA_ERROR_DEVICE_UNAVAILABLE",
	NoDevice: "CUDA_ERROR_NO_DEVICE", InvalidDevice: "CUDA_ERROR_INVALID_DEVICE", InvalidImage: "CUDA_ERROR_INVALID_IMAGE",
	InvalidContext: "CUDA_ERROR_INVALID_CONTEXT", NoBinaryForGPU: "CUDA_ERROR_NO_BINARY_FOR_GPU",
	ECCUncorrectable: "CUDA_ERROR_ECC_UNCORRECTABLE", InvalidPTX: "CUDA_ERROR_INVALID_PTX",
	NVLinkFailed: "CUDA_ERROR_NVLINK_UNCORRECTABLE", NoCompiler: "CUDA_ERROR_JIT_COMPILER_NOT_FOUND",
	UnsupportedPTX: "CUDA_ERROR_UNSUPPORTED_PTX_VERSION", CompilerDisabled: "CUDA_ERROR_JIT_COMPILATION_DISABLED",
	NotFound: "CUDA_ERROR_NOT_FOUND", NotReady: "CUDA_ERROR_NOT_READY", IllegalAddress: "CUDA_ERROR_ILLEGAL_ADDRESS",
	LaunchTooLarge: "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", LaunchTimeout: "CUDA_ERROR_LAUNCH_TIMEOUT",
	AlreadyRegistered: "CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED", NotRegistered: "CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED",
	StackError: "CUDA_ERROR_HARDWARE_STACK_ERROR", IllegalInstruction: "CUDA_ERROR_ILLEGAL_INSTRUCTION",
	MisalignedAddress: "CUDA_ERROR_MISALIGNED_ADDRESS", InvalidSpace: "CUDA_ERROR_INVALID_ADDRESS_SPACE",
	InvalidPC: "CUDA_ERROR_INVALID_PC", LaunchFailed: "CUDA_ERROR_LAUNCH_FAILED",
	ContextDestroyed: "CUDA_ERROR_CONTEXT_IS_DESTROYED", AssertFailed: "CUDA_ERROR_ASSERT",
	NotPermitted: "CUDA_ERROR_NOT_PERMITTED", NotSupported: "CUDA_ERROR_NOT_SUPPORTED",
	MismatchedDriver: "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH", MismatchedPTX: "CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE",
	CaptureUnsupported: "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", CaptureInvalidated: "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED",
	CaptureThread: "CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD", Unknown: "CUDA_ERROR_UNKNOWN",
	noSymbol: "the driver has no such function",
}

func (c Code) String() string {
	if name, ok := names[c]; ok {
		return name
	}
	return fmt.Sprintf("CUDA error %d", int32(c))
}
