package envelope

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/hpke"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/a472be26/cusp/router"
)

// Keys are PEM files as other tools make them too: PKCS #8 for the private half
// (`openssl genpkey -algorithm ed25519` or x25519) and PKIX for the public one.
// A file may hold several keys, one after the other.
const (
	privateBlock = "PRIVATE KEY"
	publicBlock  = "PUBLIC KEY"
)

// maxKeyFile bounds a key file: some hundred keys.
const maxKeyFile = 64 << 10

// GenerateDeviceKey writes a new Ed25519 key, with which a device signs, to path,
// and its public half to [PublicPath]. Neither may be there yet.
func GenerateDeviceKey(path string) error {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return fmt.Errorf("generate device key: %w", err)
	}
	return writeKeys(path, private, public)
}

// GenerateWorkerKey writes a new X25519 key, to which devices seal, to path, and
// its public half to [PublicPath]. Neither may be there yet.
func GenerateWorkerKey(path string) error {
	private, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return fmt.Errorf("generate worker key: %w", err)
	}
	return writeKeys(path, private, private.PublicKey())
}

// PublicPath is where the public half of the key at path is written.
func PublicPath(path string) string { return path + ".pub" }

func writeKeys(path string, private, public any) error {
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return fmt.Errorf("encode key: %w", err)
	}
	shown, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return fmt.Errorf("encode key: %w", err)
	}
	if err := writeNew(path, 0o600, pem.EncodeToMemory(&pem.Block{Type: privateBlock, Bytes: secret})); err != nil {
		return err
	}
	return writeNew(PublicPath(path), 0o644, pem.EncodeToMemory(&pem.Block{Type: publicBlock, Bytes: shown}))
}

// writeNew writes a file that is not there yet, synced: a key must not get lost
// after something was made for it.
func writeNew(path string, mode fs.FileMode, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("key file %s is there already; move it away to make a new one", path)
	}
	if err != nil {
		return fmt.Errorf("write key: %w", err)
	}
	_, err = f.Write(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write key %s: %w", path, err)
	}
	return nil
}

// readKeys returns every key in a PEM file.
func readKeys[K any](path, block, want string, parse func(der []byte) (any, error)) ([]K, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	keys, err := parseKeys[K](text, block, want, parse)
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	return keys, nil
}

func parseKeys[K any](text []byte, block, want string, parse func(der []byte) (any, error)) ([]K, error) {
	if len(text) > maxKeyFile {
		return nil, fmt.Errorf("more than %d bytes", maxKeyFile)
	}
	var keys []K
	for {
		var b *pem.Block
		if b, text = pem.Decode(text); b == nil {
			break
		}
		if b.Type != block {
			return nil, fmt.Errorf("a PEM block %.40q, want %q with %s", b.Type, block, want)
		}
		key, err := parse(b.Bytes)
		if err != nil {
			return nil, err
		}
		k, ok := key.(K)
		if !ok {
			return nil, fmt.Errorf("a key of another kind (%T), want %s", key, want)
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("no PEM block %q, want %s", block, want)
	}
	return keys, nil
}

// readDeviceKey returns the key with which a device signs: the first in the file.
func readDeviceKey(path string) (ed25519.PrivateKey, error) {
	keys, err := readKeys[ed25519.PrivateKey](path, privateBlock, "an Ed25519 key (cusp key device)", x509.ParsePKCS8PrivateKey)
	if err != nil {
		return nil, err
	}
	return keys[0], nil
}

// readDevicePublic returns the keys by which a device is known.
func readDevicePublic(path string) ([]ed25519.PublicKey, error) {
	return readKeys[ed25519.PublicKey](path, publicBlock, "an Ed25519 public key (cusp key device)", x509.ParsePKIXPublicKey)
}

// workerKey is a key of the workers, with its id.
type workerKey[K any] struct {
	id  [keyIDBytes]byte
	key K
}

// readWorkerKeys returns the private keys of the workers in files.
func readWorkerKeys(files []string) (all []workerKey[hpke.PrivateKey], err error) {
	for _, path := range files {
		keys, err := readKeys[*ecdh.PrivateKey](path, privateBlock, "an X25519 key (cusp key worker)", x509.ParsePKCS8PrivateKey)
		if err != nil {
			return nil, err
		}
		for _, k := range keys {
			private, err := hpke.NewDHKEMPrivateKey(k)
			if err != nil || k.Curve() != ecdh.X25519() {
				return nil, fmt.Errorf("key file %s: not an X25519 key (%v)", path, err)
			}
			all = append(all, workerKey[hpke.PrivateKey]{keyID(k.PublicKey()), private})
		}
	}
	return all, nil
}

// readWorkerPublic returns the public keys of the workers in files; devices seal
// to the first.
func readWorkerPublic(files []string) (all []workerKey[hpke.PublicKey], err error) {
	for _, path := range files {
		keys, err := readKeys[*ecdh.PublicKey](path, publicBlock, "an X25519 public key (cusp key worker)", x509.ParsePKIXPublicKey)
		if err != nil {
			return nil, err
		}
		for _, k := range keys {
			public, err := hpke.NewDHKEMPublicKey(k)
			if err != nil || k.Curve() != ecdh.X25519() {
				return nil, fmt.Errorf("key file %s: not an X25519 key (%v)", path, err)
			}
			all = append(all, workerKey[hpke.PublicKey]{keyID(k), public})
		}
	}
	if len(all) == 0 {
		return nil, errors.New("no public key of the workers is named")
	}
	return all, nil
}

// keyID names a worker's key on the wire.
func keyID(k *ecdh.PublicKey) (id [keyIDBytes]byte) {
	sum := sha256.Sum256(k.Bytes())
	copy(id[:], sum[:])
	return id
}

// Fingerprint is how people compare the key in a public file of either kind:
// what envelopes call a worker's key, and the same digest of a device's.
func Fingerprint(path string) (string, error) {
	keys, err := readKeys[any](path, publicBlock, "a public key", x509.ParsePKIXPublicKey)
	if err != nil {
		return "", err
	}
	var raw []byte
	switch k := keys[0].(type) {
	case ed25519.PublicKey:
		raw = k
	case *ecdh.PublicKey:
		raw = k.Bytes()
	default:
		return "", fmt.Errorf("key file %s: a key of another kind (%T)", path, k)
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:keyIDBytes]), nil
}

// deviceFile is the file with the public keys of a device in a directory of them.
func deviceFile(dir, device string) (string, error) {
	if err := router.CheckID(device); err != nil {
		return "", fmt.Errorf("device %w", err)
	}
	return filepath.Join(dir, device+".pub"), nil
}
