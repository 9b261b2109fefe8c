package doctor

import (
	"golang.org/x/sys/unix"
)

// synced asks the kernel (adjtimex(2)), which hears it from whoever disciplines
// the clock.
func synced() (bool, error) {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	return state != unix.TIME_ERROR && t.Status&unix.STA_UNSYNC == 0, err
}

func spaceOf(dir string) (room, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return room{}, err
	}
	return room{
		free: st.Bavail * uint64(st.Bsize), files: st.Ffree, counted: st.Files > 0,
		readOnly: st.Flags&unix.ST_RDONLY != 0,
	}, nil
}
