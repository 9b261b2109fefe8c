// What the simulator pretends to be, and which accidents it has ready.
#pragma once
#include <cstddef>
#include <string>

namespace cusp {

struct Settings {
	std::string name = "Simulated GPU";
	int devices = 1;
	int capability = 87;     // 10*major + minor
	int integrated = 1;
	size_t memory = 8ull << 30;
	int driver = 12020;      // 1000*major + 10*minor
	int processors = 8;
	int registers = 1;       // cuMemHostRegister works
	int readonly = 1;        // also for memory that cannot be written
	int managed = 1;

	std::string fail;        // NAME:n:CODE: the n-th call of a function from now on fails; n = 0: every one
	long lose = 0;           // the n-th kernel from now on ends the context; 0: none
	int lose_for_good = 0;   // and no new one can be made
};

extern Settings settings;

// set reads "capability=53,lose=7" into the settings; a mistake ends the process.
void set(const char *text);

}  // namespace cusp
