package bundle

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"aead.dev/minisign"
)

// Keys and signatures are minisign's (https://jedisct1.github.io/minisign/), so `minisign -V` checks what we sign.
type (
	// PublicKey verifies signatures.
	PublicKey = minisign.PublicKey
	// PrivateKey signs. The zero value stands for "do not sign".
	PrivateKey = minisign.PrivateKey
)

// Environment variables that PasswordFromEnv reads, in this order.
const (
	PasswordEnv     = "CUSP_KEY_PASSWORD"
	PasswordFileEnv = "CUSP_KEY_PASSWORD_FILE"
)

// GenerateKey writes a new key pair: the private key to path (mode 0600, encrypted unless the password is empty) and
// the public key to the same path with the ending .pub. It overwrites neither.
func GenerateKey(path, password string) (PublicKey, error) {
	public, private, err := minisign.GenerateKey(nil)
	if err != nil {
		return PublicKey{}, fmt.Errorf("generate key: %w", err)
	}
	secret, err := marshalPrivate(private, password)
	if err != nil {
		return PublicKey{}, fmt.Errorf("generate key: %w", err)
	}
	text, err := public.MarshalText()
	if err != nil {
		return PublicKey{}, fmt.Errorf("generate key: %w", err)
	}
	if err := writeNew(PublicPath(path), append(text, '\n'), 0o644); err != nil {
		return PublicKey{}, fmt.Errorf("generate key: %w", err)
	}
	if err := writeNew(path, append(secret, '\n'), 0o600); err != nil {
		return PublicKey{}, fmt.Errorf("generate key: %w", err)
	}
	return public, nil
}

// PublicPath returns where GenerateKey puts the public half of the key at path.
func PublicPath(path string) string { return strings.TrimSuffix(path, ".key") + ".pub" }

func marshalPrivate(key PrivateKey, password string) ([]byte, error) {
	if password == "" {
		return key.MarshalText()
	}
	return minisign.EncryptKey(password, key)
}

// ReadPrivateKey reads a minisign private key; the password is used only if the key is encrypted.
func ReadPrivateKey(path, password string) (PrivateKey, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return PrivateKey{}, fmt.Errorf("read private key: %w", err)
	}
	text = bytes.TrimSpace(text)
	var key PrivateKey
	if !minisign.IsEncrypted(text) {
		if err := key.UnmarshalText(text); err != nil {
			return PrivateKey{}, fmt.Errorf("read private key %s: not a minisign private key: %w", path, err)
		}
		return key, nil
	}
	if password == "" {
		return PrivateKey{}, fmt.Errorf("read private key %s: it is encrypted: set %s, or %s to a file with the password", path, PasswordEnv, PasswordFileEnv)
	}
	if key, err = minisign.DecryptKey(password, text); err != nil {
		return PrivateKey{}, fmt.Errorf("read private key %s: wrong password or damaged file: %w", path, err)
	}
	return key, nil
}

// PasswordFromEnv returns the password that the environment names, or "" if it names none.
func PasswordFromEnv() (string, error) {
	if password := os.Getenv(PasswordEnv); password != "" {
		return password, nil
	}
	path := os.Getenv(PasswordFileEnv)
	if path == "" {
		return "", nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read key password (%s): %w", PasswordFileEnv, err)
	}
	return strings.TrimRight(string(text), "\r\n"), nil
}

// ReadPublicKey reads one minisign public key.
func ReadPublicKey(path string) (PublicKey, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return PublicKey{}, fmt.Errorf("read public key: %w", err)
	}
	key, err := ParsePublicKey(string(text))
	if err != nil {
		return PublicKey{}, fmt.Errorf("read public key %s: %w", path, err)
	}
	return key, nil
}

// ParsePublicKey reads a public key from the text of its file or from its base64 line alone.
func ParsePublicKey(text string) (PublicKey, error) {
	var key PublicKey
	if err := key.UnmarshalText([]byte(strings.TrimSpace(text))); err != nil {
		return PublicKey{}, fmt.Errorf("not a minisign public key: %w", err)
	}
	return key, nil
}

// ReadTrust reads the trusted keys at path: one key file, or every *.pub of a directory. A path that does not exist
// means that nothing is trusted.
func ReadTrust(path string) ([]PublicKey, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read trusted keys: %w", err)
	}
	files := []string{path}
	if info.IsDir() {
		if files, err = filepath.Glob(filepath.Join(path, "*.pub")); err != nil {
			return nil, fmt.Errorf("read trusted keys: %w", err)
		}
	}
	keys := make([]PublicKey, 0, len(files))
	for _, file := range files {
		key, err := ReadPublicKey(file)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// KeyID returns a key's id as minisign prints it: 16 upper-case hex digits.
func KeyID(key PublicKey) string { return keyID(key.ID()) }

func keyID(id uint64) string { return fmt.Sprintf("%016X", id) }

// sign returns a pre-hashed signature without a clock in it, so that equal bundles have equal signatures.
func sign(key PrivateKey, manifest []byte, m Manifest) []byte {
	r := minisign.NewReader(bytes.NewReader(manifest))
	_, _ = io.Copy(io.Discard, r) // hashes; reading from memory cannot fail
	return r.SignWithComments(key, "cusp model "+m.Name+" "+m.Version, "signature of "+ManifestFile+" by key "+keyID(key.ID()))
}

// verifySignature returns the id of the signing key, and no error only if a trusted key signed the manifest.
func verifySignature(manifest, signature []byte, trust []PublicKey) (signer string, err error) {
	var s minisign.Signature
	if err := s.UnmarshalText(signature); err != nil {
		return "", fmt.Errorf("%w: %s is damaged: %w", ErrSignature, SignatureFile, err)
	}
	signer = keyID(s.KeyID)
	// Key ids are hints that anyone can write, so every trusted key with this id is tried.
	sameID := slices.DeleteFunc(slices.Clone(trust), func(k PublicKey) bool { return k.ID() != s.KeyID })
	if len(sameID) == 0 {
		return signer, fmt.Errorf("%w: key %s, trusted are %s: add the maker's public key if you trust it", ErrUntrusted, signer, keyList(trust))
	}
	for _, key := range sameID {
		if minisign.Verify(key, manifest, signature) {
			return signer, nil
		}
	}
	return signer, fmt.Errorf("%w: %s is not what key %s signed (sha256 found %s): fetch the bundle again", ErrSignature, ManifestFile, signer, hashOf(manifest))
}

func keyList(keys []PublicKey) string {
	if len(keys) == 0 {
		return "none"
	}
	ids := make([]string, len(keys))
	for i, key := range keys {
		ids[i] = KeyID(key)
	}
	return strings.Join(ids, ", ")
}
