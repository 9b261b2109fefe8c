package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Credentials are small secrets that the service manager reads as root and shows
// to this service alone (LoadCredential= in the unit; systemd.exec(5)). The
// configuration names them; values are read where they are used, so that none is
// kept longer than needed.

// Units of the packaged service.
const (
	engineUnit = "cusp.service"
	linkUnit   = "cusp-link.service"
)

// credential is the path of a credential that was passed to a process of the unit.
func credential(name, unit string) (string, error) {
	dir := os.Getenv("CREDENTIALS_DIRECTORY")
	if dir == "" {
		return "", fmt.Errorf("credential %q: no credentials were passed to this process; add LoadCredential=%s:FILE to its unit (systemctl edit %s), or name a file instead", name, name, unit)
	}
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("credential %q was not passed to this process; add LoadCredential=%s:FILE to its unit (systemctl edit %s)", name, name, unit)
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

// checkCredentials tells which of the credentials that this process needs were not
// passed. It is for the start of the service: other commands read the
// configuration too.
func (c Config) checkCredentials() error {
	needed := map[string]string{"api.key_credential": c.API.KeyCredential, "api.tokens_credential": c.API.TokensCredential}
	if c.Link.Socket == "" { // else they are the link process's
		maps.Copy(needed, c.linkCredentials())
	}
	return checkPassed(needed, engineUnit)
}

// linkCredentials are the names of what brokers want, by their keys.
func (c Config) linkCredentials() map[string]string {
	return map[string]string{
		"cloud.password_credential": c.Cloud.PasswordCredential, "cloud.key_credential": c.Cloud.KeyCredential,
		"cloud.device_key_credential": c.Cloud.DeviceKeyCredential,
		"iot.password_credential":     c.IoT.PasswordCredential, "iot.key_credential": c.IoT.KeyCredential,
	}
}

// LinkNeeds lists the files and credentials that the link process reads, a line
// each: "file" or "credential", a tab, and its path or name.
func (c Config) LinkNeeds() string {
	files := append([]string{c.Cloud.DeviceKey}, c.Cloud.WorkerKeys...)
	for _, b := range []BrokerConfig{c.Cloud.BrokerConfig, c.IoT.BrokerConfig} {
		files = append(files, b.PasswordFile, b.CAFile, b.CertFile, b.KeyFile)
	}
	var lines []string
	for _, path := range files {
		if path != "" {
			lines = append(lines, "file\t"+path+"\n")
		}
	}
	for _, name := range c.linkCredentials() {
		if name != "" {
			lines = append(lines, "credential\t"+name+"\n")
		}
	}
	slices.Sort(lines)
	return strings.Join(slices.Compact(lines), "")
}

func checkPassed(needed map[string]string, unit string) error {
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(needed)) {
		if needed[key] == "" {
			continue
		}
		if _, err := credential(needed[key], unit); err != nil {
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
