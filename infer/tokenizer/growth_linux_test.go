package tokenizer

import (
	"syscall"
	"time"
)

// busy is the processor time of this thread, which other work on the machine
// does not lengthen.
func busy() time.Duration {
	const thread = 1 // RUSAGE_THREAD
	var u syscall.Rusage
	if err := syscall.Getrusage(thread, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
