package cloud

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Secret says where an API key is: in an environment variable, in a file, or in a
// credential that the service manager passed (LoadCredential= of systemd). Files and
// credentials are read at every request, so that a key can be rotated.
type Secret struct {
	Env        string // a variable that is not set is no key
	File       string
	Credential string
}

// read returns the key, empty if none is named or the variable is not set.
func (s Secret) read() (string, error) {
	path := s.File
	if s.Credential != "" {
		path = filepath.Join(os.Getenv("CREDENTIALS_DIRECTORY"), s.Credential)
	}
	if path == "" {
		if s.Env == "" {
			return "", nil
		}
		return strings.TrimSpace(os.Getenv(s.Env)), nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read API key: %w", err)
	}
	key := strings.TrimSpace(string(text))
	if key == "" {
		return "", fmt.Errorf("read API key: %s is empty", path)
	}
	return key, nil
}

// Check tells whether a file or credential can be read. A variable need not be set.
func (s Secret) Check() error {
	_, err := s.read()
	return err
}

// String names the place, not the key.
func (s Secret) String() string {
	switch {
	case s.Credential != "":
		return "credential " + s.Credential
	case s.File != "":
		return "file " + s.File
	case s.Env != "":
		return "$" + s.Env
	}
	return "none"
}
