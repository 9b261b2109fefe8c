package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Credentials are small secrets that the service manager reads as root and shows
// to this service alone (LoadCredential= in the unit; systemd.exec(5)). The
// configuration names them; values are read where they are used, so that none is
// kept longer than needed.

// credential is the path of a credential that was passed.
func credential(name string) (string, error) {
	dir := os.Getenv("CREDENTIALS_DIRECTORY")
	if dir == "" {
		return "", fmt.Errorf("credential %q: no credentials were passed to this process; add LoadCredential=%s:FILE to its unit (systemctl edit cusp.service), or name a file instead", name, name)
	}
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("credential %q was not passed to this process; add LoadCredential=%s:FILE to its unit (systemctl edit cusp.service)", name, name)
	} else if err != nil {
		return "", fmt.Errorf("credential %q: %w", name, err)
	}
	return path, nil
}

// credentialOr is the path of a credential, or of a file if none is named. That
// the credential is there was checked at the start.
func credentialOr(name, file string) string {
	if name == "" {
		return file
	}
	return filepath.Join(os.Getenv("CREDENTIALS_DIRECTORY"), name)
}

// maxCredentialName is what systemd allows of a file name.
const maxCredentialName = 255

// checkCredentials tells which of the named credentials were not passed. It is
// for the start of the service: other commands read the configuration too.
func (c Config) checkCredentials() error {
	var errs []error
	for key, name := range map[string]string{
		"api.key_credential": c.API.KeyCredential, "api.tokens_credential": c.API.TokensCredential,
		"cloud.password_credential": c.Cloud.PasswordCredential, "cloud.key_credential": c.Cloud.KeyCredential,
		"cloud.device_key_credential": c.Cloud.DeviceKeyCredential,
		"iot.password_credential":     c.IoT.PasswordCredential, "iot.key_credential": c.IoT.KeyCredential,
	} {
		if name == "" {
			continue
		}
		if _, err := credential(name); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", key, err))
		}
	}
	return errors.Join(errs...)
}

// credentialName checks a name; none is no credential.
func credentialName(at source, key, name string) error {
	switch {
	case name == "":
		return nil
	case strings.ContainsAny(name, "/\x00:") || name == "." || name == ".." || len(name) > maxCredentialName:
		return at.errorf(key, "%q is no name of a credential; write for example \"mqtt\"", name)
	}
	return nil
}
