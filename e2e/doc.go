// Package e2e holds the tests that need a whole machine: Debian with systemd, apt and the packages as a device gets
// them. They stand behind the build tag e2e, need root, mmdebstrap and systemd-nspawn, and fail where one is missing.
//
//	go test -tags e2e ./e2e
//
// The root file system is made once, from Debian's archive, and kept in $CUSP_CACHE (default: the user's cache directory).
package e2e
