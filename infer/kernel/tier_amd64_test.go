package kernel

import (
	"runtime"
	"slices"
)

func tierByFlags(flags []string) string {
	has := func(names ...string) bool {
		for _, name := range names {
			if !slices.Contains(flags, name) {
				return false
			}
		}
		return true
	}
	avx512 := has("avx512_vnni", "avx512f", "avx512bw", "avx512vl", "avx512dq", "f16c", "fma")
	switch {
	case avx512 && has("amx_tile", "amx_int8") && runtime.GOOS == "linux":
		return "avx512vnni+amx"
	case avx512:
		return "avx512vnni"
	case has("avx2", "fma", "f16c", "avx_vnni"):
		return "avxvnni"
	case has("avx2", "fma", "f16c"):
		return "avx2"
	}
	return "generic"
}
