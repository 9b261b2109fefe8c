package doctor

import (
	"context"
	"fmt"
	"io/fs"
	"runtime"
	"slices"
	"strings"

	"github.com/a472be26/cusp/infer/kernel"
)

// tier is a kind of kernels, what a processor must have for them (names of
// /proc/cpuinfo), and which processors do.
type tier struct {
	name  string
	flags []string
	found string
}

// tiers are those of package kernel, the fastest first.
var tiers = map[string][]tier{
	"amd64": {
		{"avx512vnni+amx", []string{"amx_tile", "amx_int8", "avx512f", "avx512bw", "avx512vl", "avx512dq", "avx512_vnni", "avx2", "fma", "f16c"}, "Intel Sapphire Rapids, Xeon 6"},
		{"avx512vnni", []string{"avx512f", "avx512bw", "avx512vl", "avx512dq", "avx512_vnni", "avx2", "fma", "f16c"}, "Intel Ice Lake, AMD Zen 4"},
		{"avxvnni", []string{"avx_vnni", "avx2", "fma", "f16c"}, "Intel Alder Lake and N100, AMD Zen 5"},
		{"avx2", []string{"avx2", "fma", "f16c"}, "Intel Haswell, AMD Zen"},
	},
	"arm64": {
		{"neon+i8mm", []string{"i8mm", "asimddp"}, "Cortex-A510 and A710, Neoverse V1 and N2"},
		{"neon+dotprod", []string{"asimddp"}, "Cortex-A55 and A76: Raspberry Pi 5, Orin"},
		{"neon", nil, "Cortex-A53 and A72: Raspberry Pi 3 and 4"},
	},
}

// processor tells which kernels run, and whether faster ones could.
func processor(_ context.Context, s *subject) []Finding {
	flags := s.cpuFlags()
	return append(only(judgeTier(runtime.GOARCH, kernel.Tier(), flags)), s.threads(runtime.GOMAXPROCS(0))...)
}

// judgeTier compares the kernels in use with what the processor has.
func judgeTier(arch, active string, flags []string) Finding {
	known := tiers[arch]
	at := slices.IndexFunc(known, func(t tier) bool { return t.name == active })
	if at < 0 {
		at = len(known)
	}
	has := func(flag string) bool { return slices.Contains(flags, flag) }
	for _, faster := range known[:at] {
		if len(flags) > 0 && !slices.ContainsFunc(faster.flags, func(f string) bool { return !has(f) }) {
			return warning("unset GODEBUG, run the program for this kind of processor without an emulator, and let its sandbox allow arch_prctl",
				"kernels %s, though the processor has what %s needs", active, faster.name)
		}
	}
	if active == "generic" {
		return warning("use a processor with "+faster(known), "kernels generic, the slowest: the processor has no vector instructions that they know")
	}
	if at == 0 {
		return ok("kernels %s, the fastest there are", active)
	}
	text := fmt.Sprintf("kernels %s; faster ones need another processor: %s", active, faster(known[:at]))
	if has("hypervisor") {
		text += "; or this virtual machine hides what its host has"
	}
	return ok("%s", text)
}

func faster(known []tier) string {
	var all []string
	for _, t := range known {
		all = append(all, fmt.Sprintf("%s (%s)", t.name, t.found))
	}
	return strings.Join(all, ", ")
}

// threads finds more of them than can run.
func (s *subject) threads(processors int) []Finding {
	if n := s.cfg.Model.Threads; n > processors {
		return only(warning("model.threads = 0 takes as many as are useful", "model.threads is %d, and %d processors can be used: threads would wait for each other", n, processors))
	}
	return nil
}

// cpuFlags are what the kernel says of the first processor.
func (s *subject) cpuFlags() []string {
	text, _ := fs.ReadFile(s.Root, "proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(line, ":")
		if key = strings.TrimSpace(key); key == "flags" || key == "Features" {
			return strings.Fields(value)
		}
	}
	return nil
}
