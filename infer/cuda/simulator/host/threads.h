// The threads of a block, one after the other on a thread of the CPU: each has a
// stack of its own and gives way where a GPU's thread would wait for others.
#pragma once
#include <cstddef>
#include <cstdint>

namespace cusp {

struct Index { unsigned x, y, z; };

// Where the running thread is. Blocks have one dimension, a multiple of 32 threads.
extern unsigned thread_, threads_;
extern Index block_, blocks_;

// Dynamic shared memory of the running block.
extern unsigned char *shared_;

// barrier waits for all threads of the block, none of which may have ended.
void barrier();
// exchange gives every lane of a warp the values that all 32 bring; they stay
// readable until the lane's next exchange.
const uint64_t *exchange(uint64_t value);

// Kernel is a compiled kernel: how to call it, and what its arguments are.
struct Kernel {
	const char *name;
	int count;
	const unsigned char *sizes;    // bytes of each argument
	const bool *pointers;          // which are addresses
	void (*call)(void **arguments);
};

// run_grid runs a kernel and says what went wrong, a CUresult; why is for people.
int run_grid(const Kernel &kernel, void **arguments, Index grid, unsigned threads, size_t shared, const char **why);

}  // namespace cusp
