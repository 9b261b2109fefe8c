// The kernels of infer/cuda/kernels for one architecture, CUSP_ARCH, and their table.
#include <type_traits>
#include <utility>

#include "threads.h"

namespace {

#include <all.cu>

template <auto F>
struct Call;

template <class... A, void (*F)(A...)>
struct Call<F> {
	static constexpr unsigned char sizes[] = {sizeof(A)..., 0};
	static constexpr bool pointers[] = {std::is_pointer_v<A>..., false};
	template <size_t... I>
	static void with(void **arguments, std::index_sequence<I...>) { F(*(A *)arguments[I]...); }
	static void call(void **arguments) { with(arguments, std::index_sequence_for<A...>()); }
	static constexpr cusp::Kernel of(const char *name) { return {name, sizeof...(A), sizes, pointers, call}; }
};

const cusp::Kernel kernels[] = {
#define KERNEL(name) Call<name>::of(#name),
#include <kernels.inc>
};

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)

}  // namespace

namespace cusp {
extern const Kernel *const JOIN(kernels_, CUSP_ARCH);
extern const int JOIN(count_, CUSP_ARCH);
const Kernel *const JOIN(kernels_, CUSP_ARCH) = kernels;
const int JOIN(count_, CUSP_ARCH) = sizeof kernels / sizeof *kernels;
}  // namespace cusp
