package kernel

import "golang.org/x/sys/unix"

// allowAMX asks the kernel for AMX's registers, which a process has only after
// that: their 8 KB are saved whenever it is interrupted. Linux's
// Documentation/arch/x86/xstate.rst.
func allowAMX() bool {
	const requestPermission, tileData = 0x1023, 18 // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILE_DATA
	_, _, err := unix.RawSyscall(unix.SYS_ARCH_PRCTL, requestPermission, tileData, 0)
	return err == 0
}
