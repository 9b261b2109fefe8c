package kernel

import "slices"

func tierByFlags(flags []string) string {
	has := func(names ...string) bool {
		for _, name := range names {
			if !slices.Contains(flags, name) {
				return false
			}
		}
		return true
	}
	switch {
	case has("avx512_vnni", "avx512f", "avx512bw", "avx512vl", "avx512dq", "f16c", "fma"):
		return "avx512vnni"
	case has("avx2", "fma", "f16c", "avx_vnni"):
		return "avxvnni"
	case has("avx2", "fma", "f16c"):
		return "avx2"
	}
	return "generic"
}
