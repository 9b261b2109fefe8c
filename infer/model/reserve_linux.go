package model

import "golang.org/x/sys/unix"

// reserve takes address space; the system gives memory to the parts that are
// touched. It is outside the heap, whose collector would count all of it.
func reserve(bytes int) (data []byte, release func() error, err error) {
	data, err = unix.Mmap(-1, 0, bytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
	if err != nil {
		return nil, nil, err
	}
	return data, func() error { return unix.Munmap(data) }, nil
}
