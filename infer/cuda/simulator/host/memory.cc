#include "memory.h"

#include <cstdio>
#include <cstring>
#include <map>
#include <sys/mman.h>
#include <unistd.h>

#include "settings.h"

namespace cusp {
namespace {

struct Piece {
	size_t bytes;
	Where where;
	uintptr_t host;        // the same as the device's but for pinned memory
	uintptr_t map, length; // of the device's pages, guards among them; 0: not ours
	const void *owner;
};

std::map<uintptr_t, Piece> all;  // by the device's address
size_t in_use;

constexpr size_t page = 4096, alignment = 256;
constexpr unsigned char mark = 0xa5;  // of what lies between a piece's end and the guard

size_t up(size_t n, size_t to) { return (n + to - 1) / to * to; }

bool counts(Where where) { return where == Where::Device || where == Where::Managed || settings.integrated; }

const std::pair<const uintptr_t, Piece> *piece(uintptr_t at) {
	auto next = all.upper_bound(at);
	return next == all.begin() ? nullptr : &*--next;
}

const Piece *piece_of_host(uintptr_t at, size_t bytes) {
	for (auto &[_, p] : all)
		if (p.where != Where::Device && at >= p.host && at + bytes <= p.host + p.bytes) return &p;
	return nullptr;
}

// writable looks up what the kernel lets this process do with its memory.
bool writable(uintptr_t at, size_t bytes) {
	FILE *f = fopen("/proc/self/maps", "r");
	char line[512], rights[8];
	bool ok = true;
	while (f && fgets(line, sizeof line, f)) {
		unsigned long from, to;
		if (sscanf(line, "%lx-%lx %7s", &from, &to, rights) == 3 && from < at + bytes && to > at) ok &= rights[1] == 'w';
	}
	if (f) fclose(f);
	return ok;
}

}  // namespace

uintptr_t allocate(const void *owner, size_t bytes, Where where, void **host) {
	if (counts(where) && (bytes > settings.memory || in_use > settings.memory - bytes)) return 0;
	size_t body = up(bytes, page), length = body + 2 * page;
	int file = memfd_create("cusp-gpu", 0);
	if (file < 0 || ftruncate(file, body)) return 0;
	auto map = (uintptr_t)mmap(nullptr, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	mmap((void *)(map + page), body, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0);
	// At the end of the pages, as near to the guard as the alignment allows.
	size_t shift = body - up(bytes, alignment);
	uintptr_t at = map + page + shift;
	memset((void *)at, 0xff, bytes < 1 << 20 ? bytes : 0);  // NaN, as far as it is cheap
	memset((void *)(at + bytes), mark, up(bytes, alignment) - bytes);
	Piece p = {bytes, where, at, map, length, owner};
	if (where == Where::Pinned) p.host = (uintptr_t)mmap(nullptr, body, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0) + shift;
	close(file);
	all[at] = p;
	if (counts(where)) in_use += bytes;
	if (host) *host = (void *)p.host;
	return at;
}

bool enter(const void *owner, uintptr_t at, size_t bytes, bool read_only) {
	if (piece_of_host(at, 1) || piece_of_host(at + bytes - 1, 1)) return false;
	if (!read_only && !writable(at, bytes)) return false;
	all[at] = {bytes, Where::Registered, at, 0, 0, owner};
	return true;
}

bool release(uintptr_t at, Where where) {
	for (auto &[device, p] : all) {
		bool kind = p.where == where || (where == Where::Device && p.where == Where::Managed);
		if (p.host != at || !kind) continue;
		// The addresses stay taken, so that later use is noticed.
		if (p.map) mmap((void *)p.map, p.length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
		if (p.where == Where::Pinned) munmap((void *)(p.host / page * page), up(p.bytes, page));
		if (counts(p.where) && p.map) in_use -= p.bytes;
		all.erase(device);
		return true;
	}
	return false;
}

bool reaches(uintptr_t at, size_t bytes) {
	auto p = piece(at);
	return p && at + bytes <= p->first + p->second.bytes;
}

bool pinned(const void *at, size_t bytes) { return piece_of_host((uintptr_t)at, bytes); }

uintptr_t device_address(const void *host) {
	for (auto &[device, p] : all)
		if (p.where != Where::Device && (uintptr_t)host >= p.host && (uintptr_t)host < p.host + p.bytes) return device + ((uintptr_t)host - p.host);
	return 0;
}

bool intact() {
	for (auto &[at, p] : all)
		for (size_t i = p.bytes; p.map && i < up(p.bytes, alignment); i++)
			if (((unsigned char *)at)[i] != mark) return false;
	return true;
}

size_t used() { return in_use; }
size_t pieces() { return all.size(); }

void release_all(const void *owner) {
	for (auto next = all.begin(); next != all.end();) {
		auto &[_, p] = *next++;
		if (p.owner == owner) release(p.host, p.where);
	}
}

}  // namespace cusp
