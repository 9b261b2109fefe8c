#include "ptx.h"

#include <regex>

namespace cusp {
namespace {

size_t width(const std::string &type) { return std::stoul(type.substr(1)) / 8; }

// shared_names finds the shared variables, which clang puts outside of entries: name to bytes.
std::map<std::string, size_t> shared_names(const std::string &text) {
	static const std::regex line(R"(\.shared\s+(?:\.align\s+\d+\s+)?\.([a-z]\d+)\s+([\w$]+)\[(\d+)\])");
	std::map<std::string, size_t> all;
	for (size_t at = 0; (at = text.find("\n.shared", at)) != std::string::npos;) {
		at++;
		std::string one = text.substr(at, text.find('\n', at) - at);
		if (std::smatch m; std::regex_search(one, m, line)) all[m[2]] = width(m[1]) * std::stoul(m[3]);
	}
	return all;
}

Entry entry(const std::string &head, const std::string &body, const std::map<std::string, size_t> &shared) {
	static const std::regex parameter(R"(\.param\s+(?:\.align\s+\d+\s+)?\.([a-z]\d+)\s+(?:\.ptr[^,]*?\s)?[\w$]+(?:\[(\d+)\])?)"), threads(R"(\.maxntid\s+(\d+)(?:\s*,\s*(\d+))?(?:\s*,\s*(\d+))?)");
	Entry e;
	for (std::sregex_iterator m(head.begin(), head.end(), parameter), end; m != end; ++m)
		e.parameters.push_back(width((*m)[1]) * ((*m)[2].matched ? std::stoul((*m)[2]) : 1));
	std::smatch m;
	if (std::regex_search(head, m, threads)) {
		e.most_threads = 1;
		for (int i = 1; i < 4; i++) e.most_threads *= m[i].matched ? std::stoul(m[i]) : 1;
	}
	for (auto &[name, bytes] : shared)
		if (body.find(name) != std::string::npos) e.shared += bytes;
	return e;
}

}  // namespace

PTX parse(const std::string &text) {
	static const std::regex version(R"(\.version\s+(\d+)\.(\d+))"), target(R"(\.target\s+sm_(\d+)([a-z]?))"), name(R"(\.entry\s+([\w$]+)\s*\()");
	PTX p;
	std::smatch m;
	std::string head = text.substr(0, 2000);
	if (std::regex_search(head, m, version)) p.version = 10 * std::stoi(m[1]) + std::stoi(m[2]);
	if (std::regex_search(head, m, target)) p.target = std::stoi(m[1]), p.exact = m[2].length();
	auto shared = shared_names(text);
	for (size_t at = text.find(".entry"); at != std::string::npos;) {
		size_t next = text.find(".entry", at + 1), brace = text.find('{', at);
		if (brace == std::string::npos) break;
		std::string line = text.substr(at, text.find('(', at) + 1 - at);
		if (std::regex_search(line, m, name)) p.entries[m[1]] = entry(text.substr(at, brace - at), text.substr(brace, next == std::string::npos ? next : next - brace), shared);
		at = next;
	}
	return p;
}

}  // namespace cusp
