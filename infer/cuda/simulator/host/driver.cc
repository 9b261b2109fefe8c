// The functions of CUDA's driver API that infer/cuda/driver calls, as
// https://docs.nvidia.com/cuda/cuda-driver-api describes them, for a device that
// is not there. It is stricter than a GPU where a GPU would go wrong silently:
//
// - What is put into a stream runs when somebody waits for it, not before, so
//   that whoever forgot to wait, or changed memory too early, sees it.
// - Asynchronous copies want pinned memory; pointers given to kernels must lead
//   into memory that lives; freed addresses are never used again.
// - Kernels must be in the PTX, with the parameters that the sources have.
#include <chrono>
#include <cstdarg>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "memory.h"
#include "ptx.h"
#include "settings.h"
#include "threads.h"

namespace cusp {
#define ARCHITECTURES(X) X(53) X(61) X(75) X(80)
#define X(arch) extern const Kernel *const kernels_##arch; extern const int count_##arch;
ARCHITECTURES(X)
#undef X
}  // namespace cusp

using namespace cusp;

namespace {

enum : int {
	Success = 0, InvalidValue = 1, OutOfMemory = 2, NotInitialized = 3, NoDevice = 100, InvalidDevice = 101,
	InvalidImage = 200, InvalidContext = 201, NoBinary = 209, InvalidPTX = 218, UnsupportedPTX = 222,
	InvalidHandle = 400, NotFound = 500, NotReady = 600, IllegalAddress = 700, LaunchTooLarge = 701,
	AlreadyRegistered = 712, NotRegistered = 713, LaunchFailed = 719, NotSupported = 801,
	CaptureUnsupported = 900, CaptureInvalidated = 901, CaptureThread = 908
};

using Work = std::function<int()>;

struct Stream;

struct Context {
	int lost = 0;  // the code that every call gives from now on
	std::set<Stream *> streams;
};

struct Graph {
	std::vector<Work> work;
	bool broken = false;
};

struct Stream {
	Context *context;
	std::deque<Work> queue;
	uint64_t put = 0, ran = 0;
	Graph *capture = nullptr;
};

struct Event {
	Stream *stream = nullptr;
	uint64_t place = 0;  // of stream->put when it was recorded
	std::chrono::steady_clock::time_point at;
};

struct Module {
	Context *context;
	PTX ptx;
	const Kernel *kernels;
	int count;
};

struct Function {
	const Kernel *kernel;
	Entry entry;
	size_t dynamic = 48 << 10;
};

std::recursive_mutex lock;
bool initialized;
std::set<Context *> contexts;
thread_local Context *current;
thread_local Stream *capturing;
thread_local std::string reason;
std::map<std::string, long> calls;

int fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));
int fail(int code, const char *format, ...) {
	char text[400];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	reason = text;
	return code;
}

// injected is the code that the settings have for this call, if any.
int injected(const std::string &name) {
	auto &f = settings.fail;
	if (f.compare(0, name.size() + 1, name + ":")) return 0;
	char *end;
	long n = strtol(f.c_str() + name.size() + 1, &end, 10);
	int code = atoi(end + 1);
	if (n == 0) return fail(code, "a simulated accident");
	f = n == 1 ? "" : name + ":" + std::to_string(n - 1) + end;
	return n == 1 ? fail(code, "a simulated accident") : 0;
}

enum Needs { Nothing, Init, Current, Idle };  // Idle: a context, and no capture on this thread

// Call is what every function begins with.
struct Call {
	std::unique_lock<std::recursive_mutex> hold{lock};
	int code = 0;

	Call(const char *name, Needs needs) {
		reason.clear();
		calls[name]++;
		code = check(name, needs);
	}
	int check(const char *name, Needs needs) {
		if (int c = injected(name)) return c;
		if (needs >= Init && !initialized) return fail(NotInitialized, "cuInit was not called");
		if (needs >= Current && (!current || !contexts.count(current))) return fail(InvalidContext, "no context is bound to this thread");
		if (needs >= Current && current->lost) return current->lost;
		if (needs >= Idle && capturing) {
			capturing->capture->broken = true;
			return fail(CaptureUnsupported, "%s while a stream is captured", name);
		}
		return 0;
	}
};

#define CALL(needs) Call call_(__func__, needs); if (call_.code) return call_.code

#define API extern "C" __attribute__((visibility("default"))) int

// run does a stream's work up to a place in it.
int run(Stream *s, uint64_t place) {
	Context *c = s->context;
	while (!c->lost && s->ran < place && !s->queue.empty()) {
		Work work = s->queue.front();
		s->queue.pop_front();
		s->ran++;
		if (int code = work()) c->lost = code;
	}
	if (!c->lost && !intact()) c->lost = fail(IllegalAddress, "something was written behind the end of an allocation");
	return c->lost;
}

int run(Context *c) {
	for (auto s : c->streams)
		if (int code = run(s, s->put)) return code;
	return c->lost;
}

int put(Stream *s, Work work) {
	if (s->capture) {
		s->capture->work.push_back(work);
		return 0;
	}
	s->queue.push_back(work);
	s->put++;
	return 0;
}

// read_environment is for processes whose tests cannot call cusp_simulate.
bool configured;

void read_environment() {
	if (!configured) set(getenv("CUSP_SIMULATOR"));
	configured = true;
}

bool known(Stream *s) { return current->streams.count(s); }

}  // namespace

// --- the driver and its devices

API cuInit(unsigned) {
	CALL(Nothing);
	read_environment();
	if (settings.devices == 0) return fail(NoDevice, "no CUDA-capable device is detected");
	initialized = true;
	return 0;
}

API cuDriverGetVersion(int *version) {
	read_environment();
	*version = settings.driver;
	return 0;
}

API cuGetErrorString(int, const char **text) {
	*text = reason.empty() ? nullptr : reason.c_str();
	return 0;
}

API cuDeviceGetCount(int *n) {
	CALL(Init);
	*n = settings.devices;
	return 0;
}

API cuDeviceGet(int *device, int index) {
	CALL(Init);
	*device = index;
	return index >= 0 && index < settings.devices ? 0 : InvalidDevice;
}

API cuDeviceGetName(char *name, int length, int) {
	CALL(Init);
	snprintf(name, length, "%s", settings.name.c_str());
	return 0;
}

API cuDeviceTotalMem_v2(size_t *bytes, int) {
	CALL(Init);
	*bytes = settings.memory;
	return 0;
}

API cuDeviceGetPCIBusId(char *id, int length, int device) {
	CALL(Init);
	snprintf(id, length, "0000:%02X:00.0", device);
	return 0;
}

// shared_most is what a block may have after asking, by the table of compute
// capabilities in the CUDA C programming guide.
static int shared_most() {
	switch (settings.capability) {
	case 70: case 72: return 96 << 10;
	case 75: return 64 << 10;
	case 80: case 87: return 163 << 10;
	case 86: case 89: return 99 << 10;
	case 90: case 100: return 227 << 10;
	}
	return settings.capability > 90 ? 99 << 10 : 48 << 10;
}

API cuDeviceGetAttribute(int *value, int attribute, int) {
	CALL(Init);
	const std::map<int, int> values = {
		{1, 1024}, {8, 48 << 10}, {10, 32}, {13, 1000000}, {16, settings.processors}, {18, settings.integrated}, {19, 1},
		{36, 1000000}, {37, 128}, {38, 4 << 20}, {41, 1}, {75, settings.capability / 10}, {76, settings.capability % 10},
		{83, settings.managed}, {88, 0}, {89, !settings.integrated}, {91, 1}, {97, shared_most()},
		{99, settings.registers}, {113, settings.registers && settings.readonly && settings.driver >= 11010}};
	auto v = values.find(attribute);
	if (v == values.end()) return fail(InvalidValue, "attribute %d is not known", attribute);
	*value = v->second;
	return 0;
}

// --- contexts

API cuCtxCreate_v2(Context **context, unsigned, int device) {
	CALL(Init);
	if (device < 0 || device >= settings.devices) return InvalidDevice;
	if (settings.lose_for_good == 2) return fail(LaunchFailed, "the device does not come back");
	*context = current = new Context;
	contexts.insert(current);
	return 0;
}

API cuCtxDestroy_v2(Context *context) {
	CALL(Init);
	if (!contexts.erase(context)) return InvalidContext;
	run(context);
	release_all(context);
	for (auto s : context->streams) delete s;
	if (current == context) current = nullptr;
	delete context;
	return 0;
}

API cuCtxSetCurrent(Context *context) {
	CALL(Init);
	if (context && !contexts.count(context)) return fail(InvalidContext, "the context does not live");
	current = context;
	return 0;
}

API cuCtxSynchronize() {
	CALL(Idle);
	return run(current);
}

API cuMemGetInfo_v2(size_t *free, size_t *total) {
	CALL(Current);
	*total = settings.memory;
	*free = settings.memory - std::min(settings.memory, used());
	return 0;
}

// --- modules and kernels

// newest PTX that a CUDA version knows (release notes of the PTX ISA).
static int newest_ptx(int driver) {
	int major = driver / 1000, minor = driver % 1000 / 10;
	return major == 10 ? 63 + minor : 10 * (major - 4) + minor;
}

static void pick(Module *m) {
#define X(arch) if (m->ptx.target >= arch) m->kernels = kernels_##arch, m->count = count_##arch;
	ARCHITECTURES(X)
#undef X
}

// log writes to the buffer that an option of cuModuleLoadDataEx gives.
static void log(unsigned n, int *options, void **values, const std::string &text) {
	char *buffer = nullptr;
	size_t size = 0;
	for (unsigned i = 0; i < n; i++) {
		if (options[i] == 5) buffer = (char *)values[i];
		if (options[i] == 6) size = (size_t)values[i];
	}
	if (buffer && size) snprintf(buffer, size, "%s", text.c_str());
}

static int compile(Module *m, const char *text) {
	m->ptx = parse(text);
	int version = newest_ptx(settings.driver);
	if (!m->ptx.version || !m->ptx.target) return fail(InvalidImage, "this is no PTX");
	if (m->ptx.version > version) return fail(UnsupportedPTX, "ptxas fatal: Unsupported .version %d.%d; current version is '%d.%d'", m->ptx.version / 10, m->ptx.version % 10, version / 10, version % 10);
	if (m->ptx.target > settings.capability || (m->ptx.exact && m->ptx.target != settings.capability)) return fail(NoBinary, "PTX for sm_%d on a device of compute capability %d", m->ptx.target, settings.capability);
	pick(m);
	if (!m->kernels) return fail(InvalidPTX, "the simulator has no kernels for sm_%d", m->ptx.target);
	return 0;
}

API cuModuleLoadDataEx(Module **module, const char *text, unsigned n, int *options, void **values) {
	Call call(__func__, Idle);
	auto m = std::make_unique<Module>();
	m->context = current, m->kernels = nullptr;
	if (!call.code) call.code = compile(m.get(), text);
	if (call.code) return log(n, options, values, reason), call.code;
	*module = m.release();
	return 0;
}

API cuModuleUnload(Module *module) {
	CALL(Current);
	run(current);
	delete module;
	return 0;
}

// matches compares what PTX and sources say of a kernel.
static bool matches(const Kernel &k, const Entry &e) {
	if ((int)e.parameters.size() != k.count) return false;
	for (int i = 0; i < k.count; i++)
		if (e.parameters[i] != k.sizes[i]) return false;
	return true;
}

API cuModuleGetFunction(Function **function, Module *m, const char *name) {
	CALL(Current);
	auto entry = m->ptx.entries.find(name);
	if (entry == m->ptx.entries.end()) return fail(NotFound, "the PTX has no kernel %s", name);
	for (int i = 0; i < m->count; i++) {
		auto &k = m->kernels[i];
		if (strcmp(k.name, name)) continue;
		if (!matches(k, entry->second)) return fail(InvalidPTX, "%s has other parameters in the PTX than in its source: generate the PTX anew", name);
		*function = new Function{&k, entry->second};
		return 0;
	}
	return fail(NotFound, "kernels.inc has no kernel %s", name);
}

API cuFuncGetAttribute(int *value, int attribute, Function *f) {
	CALL(Current);
	*value = attribute == 0 ? f->entry.most_threads : attribute == 1 ? f->entry.shared : attribute == 4 ? 32 : 0;
	return 0;
}

API cuFuncSetAttribute(Function *f, int attribute, int value) {
	CALL(Current);
	if (attribute != 8) return InvalidValue;
	if (value < 0 || value + (long)f->entry.shared > shared_most()) return fail(InvalidValue, "%s: %d bytes of shared memory, and %zu static, are more than %d", f->kernel->name, value, f->entry.shared, shared_most());
	f->dynamic = value;
	return 0;
}

API cuOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, Function *f, int threads, size_t shared) {
	CALL(Current);
	size_t bytes = f->entry.shared + shared;
	*blocks = std::min<size_t>(1536 / std::max(threads, 1), bytes ? std::max<size_t>(shared_most() / bytes, 1) : 16);
	return 0;
}

namespace {

// Launch is a run of a kernel with its arguments.
struct Launch {
	const Kernel *kernel;
	std::vector<uint64_t> values;
	Index grid;
	unsigned threads;
	size_t shared;

	int operator()() const {
		if (settings.lose && --settings.lose == 0) {
			if (settings.lose_for_good) settings.lose_for_good = 2;
			return fail(LaunchFailed, "%s: a simulated accident", kernel->name);
		}
		calls[kernel->name]++;
		std::vector<void *> pointers;
		for (int i = 0; i < kernel->count; i++) {
			if (kernel->pointers[i] && values[i] && !reaches(values[i], 1))
				return fail(IllegalAddress, "%s: argument %d, %#llx, is no address on the device", kernel->name, i, (unsigned long long)values[i]);
			pointers.push_back((void *)&values[i]);
		}
		const char *why = "";
		int code = run_grid(*kernel, pointers.data(), grid, threads, shared, &why);
		return code ? fail(code, "%s", why) : 0;
	}
};

int limits(const Function *f, Index grid, Index block, size_t shared) {
	auto name = f->kernel->name;
	if (!grid.x || !grid.y || !grid.z || !block.x) return fail(InvalidValue, "%s: an empty grid or block", name);
	if (grid.x > 0x7fffffff || grid.y > 65535 || grid.z > 65535) return fail(InvalidValue, "%s: a grid of %u x %u x %u is too large", name, grid.x, grid.y, grid.z);
	if (block.y != 1 || block.z != 1 || block.x % 32) return fail(InvalidValue, "%s: the simulator wants blocks of one dimension, a multiple of 32", name);
	if (block.x > f->entry.most_threads) return fail(block.x > 1024 ? InvalidValue : LaunchTooLarge, "%s: %u threads, at most %u", name, block.x, f->entry.most_threads);
	if (shared > f->dynamic || (f->dynamic == 48 << 10 && shared + f->entry.shared > 48 << 10)) return fail(InvalidValue, "%s: %zu bytes of shared memory and %zu static: ask with cuFuncSetAttribute", name, shared, f->entry.shared);
	return 0;
}

}  // namespace

API cuLaunchKernel(Function *f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared, Stream *s, void **arguments, void **extra) {
	CALL(Current);
	if (!known(s)) return fail(InvalidHandle, "%s: no such stream", f->kernel->name);
	if (extra) return fail(NotSupported, "arguments in extra");
	if (int code = limits(f, {gx, gy, gz}, {bx, by, bz}, shared)) return code;
	Launch l{f->kernel, std::vector<uint64_t>(f->kernel->count), {gx, gy, gz}, bx, shared};
	for (int i = 0; i < f->kernel->count; i++) memcpy(&l.values[i], arguments[i], f->kernel->sizes[i]);
	return put(s, l);
}

// --- memory

API cuMemAlloc_v2(uintptr_t *at, size_t bytes) {
	CALL(Idle);
	if (!bytes) return fail(InvalidValue, "0 bytes");
	*at = allocate(current, bytes, Where::Device, nullptr);
	return *at ? 0 : OutOfMemory;
}

// free_memory waits for everything first, as the driver does.
static int free_memory(uintptr_t at, Where where) {
	if (int code = run(current)) return code;
	return release(at, where) ? 0 : fail(InvalidValue, "%#zx is not the beginning of an allocation that lives", (size_t)at);
}

API cuMemFree_v2(uintptr_t at) {
	CALL(Idle);
	return free_memory(at, Where::Device);
}

API cuMemAllocManaged(uintptr_t *at, size_t bytes, unsigned) {
	CALL(Idle);
	if (!settings.managed) return NotSupported;
	*at = allocate(current, bytes, Where::Managed, nullptr);
	return *at ? 0 : OutOfMemory;
}

API cuMemHostAlloc(void **host, size_t bytes, unsigned) {
	CALL(Idle);
	if (!bytes) return fail(InvalidValue, "0 bytes");
	return allocate(current, bytes, Where::Pinned, host) ? 0 : OutOfMemory;
}

API cuMemFreeHost(void *host) {
	CALL(Idle);
	return free_memory((uintptr_t)host, Where::Pinned);
}

API cuMemHostRegister_v2(void *host, size_t bytes, unsigned flags) {
	CALL(Idle);
	bool read_only = flags & 8;
	if (!settings.registers || (read_only && (!settings.readonly || settings.driver < 11010))) return fail(NotSupported, "memory of the host cannot be registered");
	if (!bytes) return fail(InvalidValue, "0 bytes");
	return enter(current, (uintptr_t)host, bytes, read_only) ? 0 : fail(InvalidValue, "the memory is registered already, or cannot be written and is not said to be read-only");
}

API cuMemHostUnregister(void *host) {
	CALL(Idle);
	if (int code = run(current)) return code;
	return release((uintptr_t)host, Where::Registered) ? 0 : NotRegistered;
}

API cuMemHostGetDevicePointer_v2(uintptr_t *at, void *host, unsigned) {
	CALL(Current);
	*at = device_address(host);
	return *at ? 0 : fail(InvalidValue, "the memory is not pinned");
}

// --- copies

static int outside(uintptr_t at, size_t bytes) { return fail(InvalidValue, "%zu bytes at %#zx are not all in one allocation", bytes, (size_t)at); }

static int copy(uintptr_t dst, uintptr_t src, size_t bytes) {
	memmove((void *)dst, (void *)src, bytes);
	return 0;
}

API cuMemcpyHtoD_v2(uintptr_t dst, const void *src, size_t bytes) {
	CALL(Idle);
	return reaches(dst, bytes) ? copy(dst, (uintptr_t)src, bytes) : outside(dst, bytes);
}

API cuMemcpyDtoH_v2(void *dst, uintptr_t src, size_t bytes) {
	CALL(Idle);
	return reaches(src, bytes) ? copy((uintptr_t)dst, src, bytes) : outside(src, bytes);
}

API cuMemcpyDtoD_v2(uintptr_t dst, uintptr_t src, size_t bytes) {
	CALL(Idle);
	if (!reaches(dst, bytes)) return outside(dst, bytes);
	return reaches(src, bytes) ? copy(dst, src, bytes) : outside(src, bytes);
}

static int pageable(size_t bytes) { return fail(InvalidValue, "an asynchronous copy of %zu bytes of memory that is not pinned", bytes); }

API cuMemcpyHtoDAsync_v2(uintptr_t dst, const void *src, size_t bytes, Stream *s) {
	CALL(Current);
	if (!known(s)) return InvalidHandle;
	if (!pinned(src, bytes)) return pageable(bytes);
	if (!reaches(dst, bytes)) return outside(dst, bytes);
	return put(s, [=] { return reaches(dst, bytes) ? copy(dst, (uintptr_t)src, bytes) : IllegalAddress; });
}

API cuMemcpyDtoHAsync_v2(void *dst, uintptr_t src, size_t bytes, Stream *s) {
	CALL(Current);
	if (!known(s)) return InvalidHandle;
	if (!pinned(dst, bytes)) return pageable(bytes);
	if (!reaches(src, bytes)) return outside(src, bytes);
	return put(s, [=] {
		calls["bytes to the host"] += bytes;
		return reaches(src, bytes) ? copy((uintptr_t)dst, src, bytes) : IllegalAddress;
	});
}

API cuMemcpyDtoDAsync_v2(uintptr_t dst, uintptr_t src, size_t bytes, Stream *s) {
	CALL(Current);
	if (!known(s)) return InvalidHandle;
	if (!reaches(dst, bytes)) return outside(dst, bytes);
	if (!reaches(src, bytes)) return outside(src, bytes);
	return put(s, [=] { return reaches(src, bytes) && reaches(dst, bytes) ? copy(dst, src, bytes) : IllegalAddress; });
}

API cuMemsetD8Async(uintptr_t dst, unsigned char value, size_t bytes, Stream *s) {
	CALL(Current);
	if (!known(s)) return InvalidHandle;
	if (!reaches(dst, bytes)) return outside(dst, bytes);
	return put(s, [=] {
		if (!reaches(dst, bytes)) return (int)IllegalAddress;
		memset((void *)dst, value, bytes);
		return 0;
	});
}

// --- streams and events

API cuStreamCreate(Stream **stream, unsigned) {
	CALL(Current);
	*stream = new Stream;
	(*stream)->context = current;
	current->streams.insert(*stream);
	return 0;
}

API cuStreamDestroy_v2(Stream *s) {
	CALL(Current);
	if (!known(s)) return InvalidHandle;
	int code = run(s, s->put);
	current->streams.erase(s);
	delete s;
	return code;
}

API cuStreamSynchronize(Stream *s) {
	CALL(Idle);
	return known(s) ? run(s, s->put) : InvalidHandle;
}

// cuStreamQuery does one piece of work each time, so that who asks often gets on.
API cuStreamQuery(Stream *s) {
	CALL(Idle);
	if (!known(s)) return InvalidHandle;
	if (s->queue.empty()) return 0;
	int code = run(s, s->ran + 1);
	return code ? code : NotReady;
}

API cuEventCreate(Event **event, unsigned) {
	CALL(Current);
	*event = new Event;
	return 0;
}

API cuEventDestroy_v2(Event *event) {
	CALL(Current);
	if (event->stream && known(event->stream)) run(event->stream, event->place);
	delete event;
	return 0;
}

API cuEventRecord(Event *event, Stream *s) {
	CALL(Current);
	if (!known(s)) return InvalidHandle;
	if (s->capture) return fail(CaptureUnsupported, "the simulator does not capture events");
	put(s, [=] { event->at = std::chrono::steady_clock::now(); return 0; });
	event->stream = s, event->place = s->put;
	return 0;
}

API cuStreamWaitEvent(Stream *s, Event *event, unsigned) {
	CALL(Current);
	if (!known(s)) return InvalidHandle;
	if (s->capture) return fail(CaptureUnsupported, "the simulator does not capture events");
	if (!event->stream) return 0;
	Stream *other = event->stream;
	uint64_t place = event->place;
	return put(s, [=] { return run(other, place); });
}

API cuEventSynchronize(Event *event) {
	CALL(Idle);
	return event->stream ? run(event->stream, event->place) : 0;
}

API cuEventElapsedTime(float *ms, Event *from, Event *to) {
	CALL(Current);
	for (auto e : {from, to})
		if (!e->stream || e->stream->ran < e->place) return e->stream ? NotReady : InvalidHandle;
	*ms = std::chrono::duration<float, std::milli>(to->at - from->at).count();
	return 0;
}

// --- graphs

API cuStreamBeginCapture_v2(Stream *s, int) {
	CALL(Idle);
	if (!known(s)) return InvalidHandle;
	s->capture = new Graph;
	capturing = s;
	return 0;
}

API cuStreamEndCapture(Stream *s, Graph **graph) {
	CALL(Current);
	if (!known(s) || !s->capture) return InvalidHandle;
	if (capturing != s) return fail(CaptureThread, "another thread began the capture");
	*graph = s->capture;
	s->capture = nullptr, capturing = nullptr;
	if (!(*graph)->broken) return 0;
	delete *graph;
	*graph = nullptr;
	return fail(CaptureInvalidated, "a call that is not allowed was made while the stream was captured");
}

static int instantiate(Graph **exec, Graph *graph) {
	*exec = new Graph(*graph);
	return 0;
}

API cuGraphInstantiateWithFlags(Graph **exec, Graph *graph, unsigned long long) {
	CALL(Current);
	return instantiate(exec, graph);
}

API cuGraphInstantiate(Graph **exec, Graph *graph, void **, char *, size_t) {
	CALL(Current);
	return instantiate(exec, graph);
}

API cuGraphInstantiate_v2(Graph **exec, Graph *graph, void **, char *, size_t) {
	CALL(Current);
	return instantiate(exec, graph);
}

API cuGraphLaunch(Graph *exec, Stream *s) {
	CALL(Current);
	if (!known(s)) return InvalidHandle;
	for (auto &work : exec->work) put(s, work);
	return 0;
}

API cuGraphExecDestroy(Graph *exec) {
	CALL(Current);
	delete exec;
	return 0;
}

API cuGraphDestroy(Graph *graph) {
	CALL(Current);
	delete graph;
	return 0;
}

API cuGraphGetNodes(Graph *graph, void *, size_t *n) {
	CALL(Current);
	*n = graph->work.size();
	return 0;
}

// --- for tests

extern "C" __attribute__((visibility("default"))) void cusp_simulate(const char *text) {
	std::lock_guard<std::recursive_mutex> hold(lock);
	configured = true;
	set(text);
}

// cusp_count says how often a function of the driver was called or a kernel ran,
// or how many "pieces" of memory or "contexts" there are, or how many "bytes to the
// host" streams have copied.
extern "C" __attribute__((visibility("default"))) long cusp_count(const char *name) {
	std::lock_guard<std::recursive_mutex> hold(lock);
	if (!strcmp(name, "pieces")) return pieces();
	if (!strcmp(name, "contexts")) return contexts.size();
	auto found = calls.find(name);
	return found == calls.end() ? 0 : found->second;
}
