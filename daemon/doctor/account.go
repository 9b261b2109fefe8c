package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

// account is a user with its groups.
type account struct {
	name   string
	uid    int
	groups []int
}

func (a account) String() string { return fmt.Sprintf("user %s", a.name) }

func self() account {
	a := account{name: strconv.Itoa(os.Getuid()), uid: os.Getuid()}
	if u, err := user.Current(); err == nil {
		a.name = u.Username
	}
	a.groups, _ = os.Getgroups()
	a.groups = append(a.groups, os.Getgid())
	return a
}

// lookup finds a user in the system's tables.
func lookup(name string) (account, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return account{}, err
	}
	uid, err := strconv.Atoi(u.Uid)
	a := account{name: name, uid: uid}
	ids, idErr := u.GroupIds()
	for _, id := range ids {
		if n, err := strconv.Atoi(id); err == nil {
			a.groups = append(a.groups, n)
		}
	}
	return a, errors.Join(err, idErr)
}

// Rights to a file, as in the three bits of its mode.
const (
	search = 1 << iota
	write
	read
)

// may tells whether the mode of a file gives rights to it. Access control lists
// and what a sandbox takes away are not looked at.
func (a account) may(info fs.FileInfo, rights fs.FileMode) bool {
	owner, known := info.Sys().(*syscall.Stat_t)
	if a.uid == 0 || !known {
		return true
	}
	perm := info.Mode().Perm()
	switch {
	case int(owner.Uid) == a.uid:
		perm >>= 6
	case slices.Contains(a.groups, int(owner.Gid)):
		perm >>= 3
	}
	return perm&rights == rights
}

// owns tells whether a file is the account's.
func (a account) owns(info fs.FileInfo) bool {
	owner, known := info.Sys().(*syscall.Stat_t)
	return !known || int(owner.Uid) == a.uid
}

// denied is a right that is missing.
type denied struct {
	who    account
	path   string
	rights fs.FileMode
}

func (e denied) Error() string {
	verb := map[fs.FileMode]string{search: "enter", read: "read", write: "write to", write | search: "write to", read | search: "read", read | write: "read and write"}[e.rights]
	return fmt.Sprintf("%s may not %s %s", e.who, verb, e.path)
}

// reach finds out whether the account gets to a file and has rights to it: all
// directories on the way must let it pass. The error is a denied, or that of who
// looks: fs.ErrNotExist, fs.ErrPermission.
func (a account) reach(path string, rights fs.FileMode) (fs.FileInfo, error) {
	resolved, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, err
	}
	for dir := filepath.Dir(resolved); ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			return nil, err
		}
		if !a.may(info, search) {
			return nil, denied{a, dir, search}
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	info, err := os.Stat(resolved)
	if err != nil {
		return nil, err
	}
	if !a.may(info, rights) {
		return info, denied{a, path, rights}
	}
	return info, nil
}

// barred is the finding for a path that reach did not get to.
func (s *subject) barred(what, path string, err error) Finding {
	var no denied
	switch {
	case errors.As(err, &no):
		return failure(no.remedy(), "%s %s: %v", what, path, err)
	case errors.Is(err, fs.ErrNotExist):
		return failure("put it there, or correct the configuration", "%s %s is not there", what, path)
	case errors.Is(err, fs.ErrPermission):
		return s.unseen(what+" "+path, err)
	}
	return failure("look at the file system", "%s %s: %v", what, path, err)
}

func (e denied) remedy() string {
	if e.rights == search {
		return fmt.Sprintf("move the file to where %s gets to, such as /etc/cusp; or: chmod o+x %s", e.who.name, e.path)
	}
	letters := ""
	for i, letter := range "xwr" {
		if e.rights&(1<<i) != 0 {
			letters += string(letter)
		}
	}
	return fmt.Sprintf("give it the right: chgrp %s %s && chmod g+%s %s", e.who.name, e.path, letters, e.path)
}

// unseen is the finding for what this user may not look at.
func (s *subject) unseen(what string, err error) Finding {
	return warning("ask again as root: sudo cusp doctor", "%s cannot be seen as %s: %v", what, s.Self, err)
}
