// What can be known of PTX without compiling it.
#pragma once
#include <map>
#include <string>
#include <vector>

namespace cusp {

struct Entry {
	std::vector<size_t> parameters;  // bytes of each
	unsigned most_threads = 1024;    // .maxntid
	size_t shared = 0;               // static
};

struct PTX {
	int version = 0;  // 10*major + minor
	int target = 0;   // 10*major + minor
	bool exact = false;  // sm_90a runs on 9.0 only
	std::map<std::string, Entry> entries;
};

PTX parse(const std::string &text);

}  // namespace cusp
