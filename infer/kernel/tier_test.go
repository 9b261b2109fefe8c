package kernel

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// eachTier runs f once for every tier of this CPU.
func eachTier(t *testing.T, f func(t *testing.T, tier *tier)) {
	t.Helper()
	for _, tier := range tiers() {
		t.Run(tier.name, func(t *testing.T) { f(t, tier) })
	}
}

// useTier makes tier the active one for the length of a test, which must not
// be parallel.
func useTier(t testing.TB, tier *tier) {
	old := active
	active = tier
	t.Cleanup(func() { active = old })
}

// TestRequiredTiers keeps the others honest: a tier that is not there is not
// tested. Machines that must have one name it in CUSP_TIERS, separated by
// commas.
func TestRequiredTiers(t *testing.T) {
	var have []string
	for _, tier := range tiers() {
		have = append(have, tier.name)
	}
	t.Logf("tiers: %s", strings.Join(have, ", "))
	for _, name := range strings.FieldsFunc(os.Getenv("CUSP_TIERS"), func(r rune) bool { return r == ',' }) {
		if !slices.Contains(have, name) {
			t.Errorf("this machine must have tier %q, it has %v", name, have)
		}
	}
}

// The kernel lists the CPU's features independently of x/sys: a mistake in
// the detection must not pass as a machine without the tier.
func TestTierMatchesKernel(t *testing.T) {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		t.Logf("no /proc/cpuinfo to compare with: %v", err)
		return
	}
	if want := tierByFlags(strings.Fields(string(info))); want != "" && Tier() != want {
		t.Errorf("Tier() is %q, /proc/cpuinfo says %q", Tier(), want)
	}
}

func TestTierNames(t *testing.T) {
	if !slices.Contains([]string{"avx512vnni+amx", "avx512vnni", "avxvnni", "avx2", "neon+i8mm", "neon+dotprod", "neon", "generic"}, Tier()) {
		t.Errorf("Tier() is %q", Tier())
	}
}
