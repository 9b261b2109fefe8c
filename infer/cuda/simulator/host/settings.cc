#include "settings.h"

#include <cstdio>
#include <cstdlib>
#include <map>
#include <sstream>

namespace cusp {

Settings settings;

namespace {

[[noreturn]] void mistake(const std::string &pair) {
	fprintf(stderr, "cusp's CUDA simulator: no such setting: %s\n", pair.c_str());
	exit(2);
}

void set_one(const std::string &pair) {
	const std::map<std::string, int *> numbers = {
		{"devices", &settings.devices}, {"capability", &settings.capability}, {"integrated", &settings.integrated},
		{"driver", &settings.driver}, {"processors", &settings.processors}, {"registers", &settings.registers},
		{"readonly", &settings.readonly}, {"managed", &settings.managed}, {"lose_for_good", &settings.lose_for_good}};
	auto equals = pair.find('=');
	if (equals == std::string::npos) mistake(pair);
	std::string key = pair.substr(0, equals), value = pair.substr(equals + 1);
	if (key == "name") return void(settings.name = value);
	if (key == "fail") return void(settings.fail = value);
	char *end;
	long long number = strtoll(value.c_str(), &end, 10);
	if (value.empty() || *end) mistake(pair);
	if (auto n = numbers.find(key); n != numbers.end()) return void(*n->second = number);
	if (key == "lose") return void(settings.lose = number);
	if (key == "memory") return void(settings.memory = number);
	mistake(pair);
}

}  // namespace

void set(const char *text) {
	std::istringstream all(text ? text : "");
	for (std::string pair; std::getline(all, pair, ',');)
		if (!pair.empty()) set_one(pair);
}

}  // namespace cusp
