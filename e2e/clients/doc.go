// Package clients holds the tests that ask a real daemon with the real clients of
// others: the openai packages of PyPI and npm and openai-go, unmodified and of
// the versions in python/requirements.txt, node/package-lock.json and go/go.mod;
// and the tests of what clients can do to a daemon. They stand behind the build
// tag e2e.
//
//	go test -tags e2e ./e2e/clients
//
// Packages are installed once, from their registries, into $CUSP_CACHE (default:
// the user's cache directory). It takes npm, and python3 with venv; the Node that
// runs the tests is one of the packages. The same tests run over the unix socket
// and over TCP with TLS and a bearer token.
package clients
