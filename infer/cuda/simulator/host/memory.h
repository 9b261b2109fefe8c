// Memory of the simulated device, with pages around it that nobody may touch.
#pragma once
#include <cstddef>
#include <cstdint>

namespace cusp {

enum class Where { Device, Pinned, Managed, Registered };

// allocate gives 0 when the memory is used up. A pinned piece has a second
// address, *host, so that a kernel that is given the wrong one is noticed.
uintptr_t allocate(const void *owner, size_t bytes, Where where, void **host);
// enter makes existing memory of the host reachable.
bool enter(const void *owner, uintptr_t at, size_t bytes, bool read_only);
// release ends a piece that begins at an address, the host's one if it has one.
// False: there is none of that kind.
bool release(uintptr_t at, Where where);
// reaches says whether all bytes are in one living piece that kernels can use.
bool reaches(uintptr_t at, size_t bytes);
// pinned says whether the host's bytes may take part in an asynchronous copy.
bool pinned(const void *at, size_t bytes);
// device_address of pinned or registered memory; 0: it is neither.
uintptr_t device_address(const void *host);
// intact says whether nobody wrote behind the end of a piece.
bool intact();
size_t used();
size_t pieces();
void release_all(const void *owner);

}  // namespace cusp
