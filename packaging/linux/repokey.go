package linux

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/a472be26/cusp/packaging/bundle"
)

// RepoKey signs repositories: an OpenPGP v4 key with Ed25519 in its EdDSA form, the newest that apt 2.6 (GnuPG 2.2) verifies.
type RepoKey struct{ entity *openpgp.Entity }

// GenerateRepoKey writes a new private key to path (armored, mode 0600, encrypted unless the password is empty) and its
// public half beside it with the ending .asc. It overwrites neither. The owner is free text, such as a name.
func GenerateRepoKey(path, owner, password string, when time.Time) (*RepoKey, error) {
	config := signConfig(when)
	entity, err := openpgp.NewEntity(owner, "", "", config)
	if err != nil {
		return nil, fmt.Errorf("generate repository key: %w", err)
	}
	key := &RepoKey{entity}
	public, err := key.Public()
	if err != nil {
		return nil, fmt.Errorf("generate repository key: %w", err)
	}
	private, err := key.private(password, config)
	if err != nil {
		return nil, fmt.Errorf("generate repository key: %w", err)
	}
	for _, f := range []struct {
		path string
		data []byte
		mode os.FileMode
	}{{RepoKeyPublicPath(path), public, 0o644}, {path, private, 0o600}} {
		if err := createNew(f.path, f.data, f.mode); err != nil {
			return nil, fmt.Errorf("generate repository key: %w", err)
		}
	}
	return ReadRepoKey(path, password)
}

// RepoKeyPublicPath returns where GenerateRepoKey puts the public half of the key at path.
func RepoKeyPublicPath(path string) string { return strings.TrimSuffix(path, ".key") + ".asc" }

// ReadRepoKey reads an armored OpenPGP private key; the password is used only if the key is encrypted.
func ReadRepoKey(path, password string) (*RepoKey, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read repository key: %w", err)
	}
	defer f.Close()
	ring, err := openpgp.ReadArmoredKeyRing(f)
	if err != nil {
		return nil, fmt.Errorf("read repository key %s: not an armored OpenPGP key: %w", path, err)
	}
	if len(ring) != 1 || ring[0].PrivateKey == nil {
		return nil, fmt.Errorf("read repository key %s: expected one private key", path)
	}
	if err := unlock(ring[0], password); err != nil {
		return nil, fmt.Errorf("read repository key %s: %w", path, err)
	}
	return &RepoKey{ring[0]}, nil
}

func unlock(entity *openpgp.Entity, password string) error {
	if !entity.PrivateKey.Encrypted {
		return nil
	}
	if password == "" {
		return fmt.Errorf("it is encrypted: set %s, or %s to a file with the password", bundle.PasswordEnv, bundle.PasswordFileEnv)
	}
	if err := entity.DecryptPrivateKeys([]byte(password)); err != nil {
		return fmt.Errorf("wrong password or damaged file: %w", err)
	}
	return nil
}

// Public returns the armored public key.
func (k *RepoKey) Public() ([]byte, error) {
	var out bytes.Buffer
	w, err := armor.Encode(&out, openpgp.PublicKeyType, nil)
	if err != nil {
		return nil, err
	}
	if err := k.entity.Serialize(w); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

func (k *RepoKey) private(password string, config *packet.Config) ([]byte, error) {
	if password != "" {
		if err := k.entity.EncryptPrivateKeys([]byte(password), config); err != nil {
			return nil, err
		}
	}
	var out bytes.Buffer
	w, err := armor.Encode(&out, openpgp.PrivateKeyType, nil)
	if err != nil {
		return nil, err
	}
	// The identities were signed when the key was made; an encrypted key could not sign them again.
	if err := k.entity.SerializePrivateWithoutSigning(w, config); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

// clearSign returns text inside a signed message, as InRelease has it.
func (k *RepoKey) clearSign(text []byte, when time.Time) ([]byte, error) {
	var out bytes.Buffer
	w, err := clearsign.Encode(&out, k.entity.PrivateKey, signConfig(when))
	if err != nil {
		return nil, fmt.Errorf("sign InRelease: %w", err)
	}
	if _, err := w.Write(text); err != nil {
		return nil, fmt.Errorf("sign InRelease: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("sign InRelease: %w", err)
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

// detachSign returns an armored signature of text, as Release.gpg has it.
func (k *RepoKey) detachSign(text []byte, when time.Time) ([]byte, error) {
	var out bytes.Buffer
	if err := openpgp.ArmoredDetachSign(&out, k.entity, bytes.NewReader(text), signConfig(when)); err != nil {
		return nil, fmt.Errorf("sign Release: %w", err)
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

// signConfig makes signatures depend on nothing but the key, the text and the time.
func signConfig(when time.Time) *packet.Config {
	salted := false
	return &packet.Config{
		Algorithm: packet.PubKeyAlgoEdDSA, Curve: packet.Curve25519,
		Time:                                  func() time.Time { return when },
		NonDeterministicSignaturesViaNotation: &salted,
	}
}

// createNew writes a file that must not exist yet.
func createNew(path string, data []byte, mode os.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Sync()
}
