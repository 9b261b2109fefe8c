#include "threads.h"

#include <csetjmp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <cstring>
#include <sys/mman.h>

// switch_to keeps the caller's place in *from and goes on at to. The registers
// that calls preserve are on the stack that is left.
extern "C" void cusp_switch(void **from, void *to);
#if defined(__x86_64__)
asm(R"(
.text
.local cusp_switch
.type cusp_switch, @function
cusp_switch:
	pushq %rbp
	pushq %rbx
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	movq %rsp, (%rdi)
	movq %rsi, %rsp
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbx
	popq %rbp
	ret
)");
#elif defined(__aarch64__)
asm(R"(
.text
.local cusp_switch
.type cusp_switch, %function
cusp_switch:
	sub sp, sp, #160
	stp x19, x20, [sp]
	stp x21, x22, [sp, #16]
	stp x23, x24, [sp, #32]
	stp x25, x26, [sp, #48]
	stp x27, x28, [sp, #64]
	stp x29, x30, [sp, #80]
	stp d8, d9, [sp, #96]
	stp d10, d11, [sp, #112]
	stp d12, d13, [sp, #128]
	stp d14, d15, [sp, #144]
	mov x9, sp
	str x9, [x0]
	mov sp, x1
	ldp x19, x20, [sp]
	ldp x21, x22, [sp, #16]
	ldp x23, x24, [sp, #32]
	ldp x25, x26, [sp, #48]
	ldp x27, x28, [sp, #64]
	ldp x29, x30, [sp, #80]
	ldp d8, d9, [sp, #96]
	ldp d10, d11, [sp, #112]
	ldp d12, d13, [sp, #128]
	ldp d14, d15, [sp, #144]
	add sp, sp, #160
	ret
)");
#else
#error "no switch between threads for this processor"
#endif

// Where the linker puts what SHARED declares.
extern "C" __attribute__((weak, visibility("hidden"))) unsigned char __start_cusp_shared[], __stop_cusp_shared[];

namespace cusp {

unsigned thread_, threads_;
Index block_, blocks_;
unsigned char *shared_;

namespace {

enum State : uint8_t { Ready, AtWarp, AtBlock, Ended };

struct Thread {
	void *stack_pointer;
	State state;
};

struct Warp {
	unsigned arrived, phase;
	uint64_t values[2][32];
};

constexpr size_t stackBytes = 64 << 10;
constexpr unsigned most = 1024;
constexpr uint64_t canary = 0x7374616b656e6421;

Thread threads[most];
Warp warps[most / 32];
unsigned char *stacks;
unsigned at_block, ended;
void *scheduler;
const Kernel *kernel;
void **arguments;

void yield() { cusp_switch(&threads[thread_].stack_pointer, scheduler); }

// body is what a thread runs first, and last.
void body() {
	kernel->call(arguments);
	threads[thread_].state = Ended;
	ended++;
	yield();
	abort();
}

unsigned char *stack(unsigned i) { return stacks + i * stackBytes; }

// prepare makes a stack from which cusp_switch goes to body.
void prepare(unsigned i) {
	*(uint64_t *)stack(i) = canary;
	auto top = (uint64_t *)(stack(i) + stackBytes);
#if defined(__x86_64__)
	*--top = 0;  // alignment, as if body had been called
	*--top = (uint64_t)(void *)body;
	for (int r = 0; r < 6; r++) *--top = 0;
#else
	top -= 20;
	memset(top, 0, 160);
	top[11] = (uint64_t)(void *)body;
#endif
	threads[i].stack_pointer = top;
	threads[i].state = Ready;
}

// turns gives every thread of a warp turns until none can go on.
bool turns(unsigned warp) {
	unsigned first = warp * 32;
	bool any = false;
	for (bool again = true; again;) {
		again = false;
		for (unsigned i = first; i < first + 32; i++) {
			if (threads[i].state != Ready) continue;
			thread_ = i;
			cusp_switch(&scheduler, threads[i].stack_pointer);
			again = any = true;
		}
	}
	return any;
}

// block runs a block to its end; false: some threads wait for what never comes.
bool block() {
	memset(warps, 0, sizeof warps);
	at_block = ended = 0;
	for (unsigned i = 0; i < threads_; i++) prepare(i);
	while (ended < threads_) {
		bool any = false;
		for (unsigned w = 0; w * 32 < threads_; w++) any |= turns(w);
		if (!any) return false;
	}
	return true;
}

bool stacks_whole() {
	for (unsigned i = 0; i < threads_; i++)
		if (*(uint64_t *)stack(i) != canary) return false;
	return true;
}

// A kernel that touches memory that is not there ends the run, not the process.
thread_local bool running;
sigjmp_buf crash;
struct sigaction others[NSIG];

void caught(int signal, siginfo_t *info, void *context) {
	if (running) siglongjmp(crash, signal);
	auto &other = others[signal];
	if (other.sa_flags & SA_SIGINFO) return other.sa_sigaction(signal, info, context);
	if (other.sa_handler != SIG_DFL && other.sa_handler != SIG_IGN) return other.sa_handler(signal);
	sigaction(signal, &other, nullptr);
}

void catch_crashes() {
	static bool done;
	if (done) return;
	done = true;
	struct sigaction action = {};
	action.sa_sigaction = caught;
	action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
	for (int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL}) sigaction(signal, &action, &others[signal]);
}

constexpr int illegalAddress = 700, misaligned = 716, launchFailed = 719;

int run(size_t shared, const char **why) {
	for (block_.z = 0; block_.z < blocks_.z; block_.z++)
		for (block_.y = 0; block_.y < blocks_.y; block_.y++)
			for (block_.x = 0; block_.x < blocks_.x; block_.x++) {
				memset(shared_, 0xff, shared);
				if (!block()) {
					*why = "threads wait for each other: a barrier that not all threads reach";
					return launchFailed;
				}
				if (!stacks_whole()) {
					*why = "a thread used more than 64 KB of local memory";
					return launchFailed;
				}
			}
	return 0;
}

}  // namespace

void barrier() {
	if (++at_block < threads_) {
		threads[thread_].state = AtBlock;
		return yield();
	}
	at_block = 0;
	for (unsigned i = 0; i < threads_; i++)
		if (threads[i].state == AtBlock) threads[i].state = Ready;
}

const uint64_t *exchange(uint64_t value) {
	Warp &w = warps[thread_ / 32];
	uint64_t *values = w.values[w.phase];
	values[thread_ & 31] = value;
	if (++w.arrived < 32) {
		threads[thread_].state = AtWarp;
		yield();
		return values;
	}
	w.arrived = 0;
	w.phase ^= 1;
	for (unsigned i = thread_ & ~31u; i < (thread_ | 31) + 1; i++)
		if (threads[i].state == AtWarp) threads[i].state = Ready;
	return values;
}

int run_grid(const Kernel &k, void **a, Index grid, unsigned count, size_t shared, const char **why) {
	if (!stacks) {
		stacks = (unsigned char *)mmap(nullptr, most * stackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		shared_ = (unsigned char *)mmap(nullptr, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	}
	catch_crashes();
	kernel = &k, arguments = a, blocks_ = grid, threads_ = count;
	if (int signal = sigsetjmp(crash, 1)) {
		running = false;
		static char text[200];
		snprintf(text, sizeof text, "%s: thread %u of block (%u, %u, %u) %s", k.name, thread_, block_.x, block_.y, block_.z,
			signal == SIGILL ? "used an address that is not aligned, or an index outside of an array" : "touched memory that is not there");
		*why = text;
		return signal == SIGILL ? misaligned : illegalAddress;
	}
	// NaN: nobody may rely on what an earlier kernel left.
	if (__start_cusp_shared) memset(__start_cusp_shared, 0xff, __stop_cusp_shared - __start_cusp_shared);
	running = true;
	int code = run(shared, why);
	running = false;
	return code;
}

}  // namespace cusp
