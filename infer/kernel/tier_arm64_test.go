package kernel

// Under qemu-user /proc/cpuinfo is the host's: it then says nothing about the
// emulated CPU, and CUSP_TIERS has to.
func tierByFlags(flags []string) string { return "" }
