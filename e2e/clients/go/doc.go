// Package clients asks a daemon with openai-go. It is a module of its own so that
// the client does not become a dependency of Cusp; the test in the directory above
// starts the daemon and says where it is.
package clients
